"""Feature banks: what is written comes back, whatever the shards; nothing bad gets in; half-written work is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visual_relations.artefacts.feature_bank import FeatureBank, FeatureBankError, FeatureBankWriter


def features(rows: int, dim: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float16)


def names(rows: int, first: int = 0) -> list[str]:
    return [f"id {row}" for row in range(first, first + rows)]


def write(folder: Path, rows: int = 10, rows_per_shard: int = 4, **metadata: object) -> FeatureBank:
    with FeatureBankWriter(folder, 4, metadata, rows_per_shard) as writer:
        append_in_twos(writer, 0, features(rows))
        return writer.finish()


def append_in_twos(writer: FeatureBankWriter, first: int, whole: np.ndarray) -> None:
    for row in range(first, len(whole), 2):
        writer.append(names(min(2, len(whole) - row), row), whole[row : row + 2])


@settings(max_examples=25, deadline=None)
@given(
    chunks=st.lists(st.integers(0, 7), max_size=5),
    rows_per_shard=st.integers(1, 9),
    picks=st.lists(st.integers(0, 10**6), max_size=20),
    cut=st.tuples(st.integers(-30, 30), st.integers(-30, 30), st.sampled_from([1, 2, -1])),
)
def test_rows_slices_and_selections_equal_those_of_the_whole_array(
    tmp_path_factory, chunks, rows_per_shard, picks, cut
):
    rows = sum(chunks)
    whole = features(rows)
    with FeatureBankWriter(tmp_path_factory.mktemp("bank") / "b", 4, rows_per_shard=rows_per_shard) as writer:
        first = 0
        for chunk in chunks:
            writer.append(names(chunk, first), whole[first : first + chunk])
            first += chunk
        bank = writer.finish()
    assert bank.shape == (rows, 4)
    assert bank.ids.to_list() == names(rows)
    index = np.array([pick % rows for pick in picks] if rows else [], np.int64)
    np.testing.assert_array_equal(bank.rows(index), whole[index])
    np.testing.assert_array_equal(bank.rows(slice(*cut)), whole[slice(*cut)])
    np.testing.assert_array_equal(bank.select([f"id {row}" for row in index]), whole[index])


def test_unknown_ids_are_named(tmp_path):
    bank = write(tmp_path / "bank")
    with pytest.raises(KeyError, match=r"2 of 3 ids.*'nobody', 'no one'"):
        bank.select(["id 3", "nobody", "no one"])
    with pytest.raises(IndexError, match="10 rows"):
        bank.rows([10])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e6])
def test_features_that_are_not_finite_are_refused_with_their_ids(tmp_path, bad):
    wrong = features(3).astype(np.float32)
    wrong[1, 2] = bad
    with (
        FeatureBankWriter(tmp_path / "bank", 4) as writer,
        pytest.raises(FeatureBankError, match="1 ids are NaN, infinite or beyond float16: 'id 1'"),
    ):
        writer.append(names(3), wrong)


def test_an_id_may_not_occur_twice_nor_a_width_differ(tmp_path):
    with FeatureBankWriter(tmp_path / "bank", 4, rows_per_shard=2) as writer:
        with pytest.raises(FeatureBankError, match=r"\(3, 4\), got \(3, 5\)"):
            writer.append(names(3), features(3, dim=5))
        writer.append(names(3), features(3))
        writer.append(["id 0"], features(1))
        with pytest.raises(FeatureBankError, match=r"more than once.*'id 0'"):
            writer.finish()


def test_an_interrupted_writer_continues_after_its_last_whole_shard(tmp_path):
    whole = features(10)
    with FeatureBankWriter(tmp_path / "bank", 4, rows_per_shard=4) as writer:
        append_in_twos(writer, 0, whole[:7])
    with pytest.raises(FileNotFoundError, match="clip_features"):
        FeatureBank.open(tmp_path / "bank")
    (tmp_path / "bank" / ".partial-1234-features-00001.safetensors").write_bytes(b"torn")
    with FeatureBankWriter(tmp_path / "bank", 4, rows_per_shard=4) as writer:
        assert writer.n_done == 4
        assert writer.done_ids.to_list() == names(4)
        append_in_twos(writer, 4, whole)
        resumed = writer.finish()
    unbroken = write(tmp_path / "other")
    assert {file.name: file.read_bytes() for file in resumed.folder.iterdir()} == {
        file.name: file.read_bytes() for file in unbroken.folder.iterdir()
    }
    assert resumed.fingerprint == unbroken.fingerprint


def test_a_finished_but_unpublished_bank_is_found_complete(tmp_path):
    finished = write(tmp_path / "bank", model="a")
    with FeatureBankWriter(tmp_path / "bank", 4, {"model": "a"}, 4) as writer:
        assert writer.n_done == 10
        assert writer.finish().fingerprint == finished.fingerprint


@pytest.mark.parametrize("changed", [{"metadata": {"model": "b"}}, {"rows_per_shard": 5}, {"dim": 3}])
def test_work_begun_with_other_arguments_is_started_anew(tmp_path, changed):
    write(tmp_path / "bank", model="a")
    arguments = {"dim": 4, "metadata": {"model": "a"}, "rows_per_shard": 4} | changed
    assert FeatureBankWriter(tmp_path / "bank", **arguments).n_done == 0


def test_metadata_and_fingerprint_tell_banks_apart(tmp_path):
    bank = write(tmp_path / "bank", model="a")
    assert FeatureBank.open(bank.folder).metadata == {"model": "a"}
    with FeatureBankWriter(tmp_path / "other", 4, {"model": "a"}, 4) as writer:
        writer.append(names(10), features(10, seed=1))
        assert writer.finish().fingerprint != bank.fingerprint


@pytest.mark.parametrize("damage", ["cut", "missing", "swapped", "format"])
def test_a_damaged_bank_says_which_file(tmp_path, damage):
    folder = write(tmp_path / "bank").folder
    shard = folder / "features-00001.safetensors"
    if damage == "cut":
        shard.write_bytes(shard.read_bytes()[:-3])
    elif damage == "missing":
        shard.unlink()
    elif damage == "swapped":
        (folder / "features-00002.safetensors").replace(shard)
        (folder / "features-00002.safetensors").hardlink_to(folder / "features-00000.safetensors")
    else:
        manifest = json.loads((folder / "bank.json").read_text())
        (folder / "bank.json").write_text(json.dumps(manifest | {"format": "other"}))
    with pytest.raises(FeatureBankError, match=r"features-00001|bank\.json|shards in"):
        FeatureBank.open(folder)
