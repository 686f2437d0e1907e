"""Nothing half-written ever has its final name; equal content has equal fingerprints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pydantic import BaseModel

from visual_relations.artefacts.atomic import atomic_path
from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.artefacts.workspace import Workspace


def write_folder(path: Path, text: str) -> None:
    path.mkdir()
    (path / "a.txt").write_text(text)


def test_a_file_and_a_folder_replace_the_old_ones(tmp_path):
    for text in ("old", "new"):
        with atomic_path(tmp_path / "deep" / "file.txt") as temporary:
            assert temporary.suffix == ".txt"
            temporary.write_text(text)
        with atomic_path(tmp_path / "folder") as temporary:
            write_folder(temporary, text)
    assert (tmp_path / "deep" / "file.txt").read_text() == "new"
    assert (tmp_path / "folder" / "a.txt").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "folder"]


def test_after_an_error_the_old_content_stands_and_nothing_else(tmp_path):
    with atomic_path(tmp_path / "folder") as temporary:
        write_folder(temporary, "old")
    with pytest.raises(RuntimeError, match="broken"):
        fail_halfway(tmp_path / "folder")
    assert (tmp_path / "folder" / "a.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(FileNotFoundError, match="nothing was written"), atomic_path(tmp_path / "b"):
        pass


def fail_halfway(path: Path) -> None:
    with atomic_path(path) as temporary:
        write_folder(temporary, "new")
        raise RuntimeError("broken")


class Params(BaseModel):
    a: int = 1
    b: list[float] = [0.5]


SAME = [
    ({"x": 1, "y": [1, "2", None]}, {"y": (1, "2", None), "x": 1}),
    (Params(), {"b": [0.5], "a": 1}),
    (np.arange(6).reshape(2, 3), np.arange(12).reshape(2, 6)[:, :3] * 0 + np.arange(6).reshape(2, 3)),
    (pl.concat([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]})], rechunk=False), pl.DataFrame({"a": [1, 2]})),
    ({"b", "a"}, {"a", "b"}),
]
DIFFERENT = [
    *[1, "1", 1.0, True, None, [], {}, ["ab", "c"], ["a", "bc"], [["a"], "b"]],
    *[np.zeros(2), np.zeros(2, int), np.zeros((2, 1))],
    *[pl.DataFrame({"a": [None, 1]}), pl.DataFrame({"b": [None, 1]})],
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_equal_content_equal_fingerprint(first, second):
    assert fingerprint(first) == fingerprint(second)


def test_different_content_different_fingerprint(tmp_path):
    (tmp_path / "f").write_text("1")
    assert len({fingerprint(value) for value in [*DIFFERENT, tmp_path / "f"]}) == len(DIFFERENT) + 1
    with pytest.raises(TypeError, match="cannot fingerprint"):
        fingerprint(object())


def test_it_is_the_same_in_another_process():
    code = "from visual_relations.artefacts.fingerprint import *; print(fingerprint({'b', 'a', 'c'}, {'x': 0.1}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fingerprint({"c", "b", "a"}, {"x": 0.1})


def test_a_workspace_keeps_one_fingerprint_per_stage(tmp_path):
    workspace = Workspace(tmp_path / ".work")
    first = workspace.folder("stage", "a" * 64)
    (first / "done").touch()
    other = workspace.folder("other", "a" * 64)
    assert (workspace.folder("stage", "a" * 64) / "done").exists()
    assert not list(workspace.folder("stage", "b" * 64).iterdir())
    assert not first.exists()
    assert other.exists()
    workspace.clear("stage")
    workspace.clear("stage")
    assert not first.parent.exists()
    with pytest.raises(ValueError, match="cannot name"):
        workspace.folder("../up", "a")
