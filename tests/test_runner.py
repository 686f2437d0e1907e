"""The incremental runner: what is skipped, what is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kedro.framework.hooks.manager import _NullPluginManager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset

from visual_relations.runner import IncrementalRunner, code_fingerprint, without_given

calls: list[str] = []


def double(value: int, factor: int) -> int:
    calls.append("double")
    return value * factor


def total(values: int) -> dict[str, int]:
    calls.append("total")
    return {"total": values}


PIPELINE = Pipeline(
    [
        Node(double, ["raw", "params:factor"], "doubled", name="double"),
        Node(total, "doubled", "summary", name="total"),
    ]
)


def run(factor: int = 2) -> list[str]:
    calls.clear()
    catalog = DataCatalog(
        {
            "raw": JSONDataset(filepath="data/raw.json"),
            "doubled": JSONDataset(filepath="data/doubled.json"),
            "summary": JSONDataset(filepath="data/summary.json"),
            "params:factor": MemoryDataset(factor),
        }
    )
    IncrementalRunner().run(PIPELINE, catalog, _NullPluginManager())
    return list(calls)


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/raw.json").write_text("3")


def test_a_second_run_with_nothing_changed_runs_no_node():
    assert run() == ["double", "total"]
    assert run() == []
    assert json.loads(Path("data/summary.json").read_text()) == {"total": 6}


def test_a_changed_parameter_runs_all_that_depends_on_it():
    run()
    assert run(factor=5) == ["double", "total"]


def test_a_changed_input_file_runs_all_that_depends_on_it():
    run()
    Path("data/raw.json").write_text("44")
    assert run() == ["double", "total"]


def test_a_deleted_output_is_made_again_and_what_follows_from_it_is_kept():
    run()
    Path("data/doubled.json").unlink()
    assert run() == ["double"]


def test_a_touched_output_is_made_again():
    run()
    Path("data/summary.json").write_text("{}")
    assert run() == ["total"]


def test_a_failed_node_leaves_no_entry(monkeypatch: pytest.MonkeyPatch):
    def broken(_: int) -> dict[str, int]:
        raise RuntimeError("interrupted")

    catalog = DataCatalog({"raw": JSONDataset(filepath="data/raw.json"), "out": JSONDataset(filepath="data/out.json")})
    pipeline = Pipeline([Node(broken, "raw", "out", name="broken")])
    for _ in range(2):
        with pytest.raises(RuntimeError, match="interrupted"):
            IncrementalRunner().run(pipeline, catalog, _NullPluginManager())


def test_memory_outputs_are_made_on_every_run():
    catalog = {"raw": JSONDataset(filepath="data/raw.json"), "params:factor": MemoryDataset(2)}
    pipeline = Pipeline([Node(double, ["raw", "params:factor"], "in_memory", name="double")])
    calls.clear()
    for _ in range(2):
        IncrementalRunner().run(pipeline, DataCatalog(dict(catalog)), _NullPluginManager())
    assert calls == ["double", "double"]


def test_code_fingerprint_follows_imports_of_modules_not_of_the_packages_around_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("visual_relations.runner.SOURCES", tmp_path)
    monkeypatch.setattr("visual_relations.runner.PACKAGE", "packaged")
    files = {
        "__init__.py": "from packaged.report import page",
        "node.py": "def f():\n    from packaged.helper import g\n    from packaged import other\n    return g()\n",
        "helper.py": "def g():\n    return 1\n",
        "other.py": "raise ImportError  # nothing is imported to find out what depends on it",
        "report.py": "page = 1",
    }
    (tmp_path / "packaged").mkdir()
    for name, source in files.items():
        (tmp_path / "packaged" / name).write_text(source)

    def changes(name: str) -> bool:
        code_fingerprint.cache_clear()
        before = code_fingerprint("packaged.node")
        (tmp_path / "packaged" / name).write_text(files[name] + "\n# changed")
        code_fingerprint.cache_clear()
        return code_fingerprint("packaged.node") != before

    assert {name: changes(name) for name in files} == {
        "__init__.py": False,
        "node.py": True,
        "helper.py": True,
        "other.py": True,
        "report.py": False,
    }


class GivenDataset(JSONDataset):
    is_given = True


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ([], ["clean", "pair", "union", "head"]),
        (["unions"], ["clean", "pair", "head"]),
        (["pairs", "unions"], ["head"]),
    ],
)
def test_what_would_make_a_given_dataset_does_not_run_unless_something_else_needs_it(given: list[str], left: list[str]):
    def made(*inputs: int) -> int:
        return sum(inputs)

    pipeline = Pipeline(
        [
            Node(made, "raw", "images", name="clean"),
            Node(made, "images", "pairs", name="pair"),
            Node(made, ["images", "pairs"], "unions", name="union"),
            Node(made, ["pairs", "unions"], "scores", name="head"),
        ]
    )
    names = ("raw", *sorted(pipeline.all_outputs()))
    catalog = DataCatalog(
        {name: (GivenDataset if name in given else JSONDataset)(filepath=f"data/{name}.json") for name in names}
    )
    assert [node.name for node in without_given(pipeline, catalog).nodes] == left


def test_a_model_that_a_parameter_names_counts_by_its_files():
    Path("data/clip").mkdir()
    Path("data/clip/weights").write_text("1")

    def encode() -> int:
        dataset = {"raw": JSONDataset(filepath="data/raw.json"), "doubled": JSONDataset(filepath="data/doubled.json")}
        parameters = MemoryDataset({"clip": {"model": "local-dir:data/clip"}, "name": "clip", "factor": 2})
        node = Node(lambda value, params: calls.append("encode") or value, ["raw", "params:model"], "doubled", name="e")
        calls.clear()
        IncrementalRunner().run(
            Pipeline([node]), DataCatalog({**dataset, "params:model": parameters}), _NullPluginManager()
        )
        return len(calls)

    assert [encode(), encode()] == [1, 0]
    Path("data/clip/weights").write_text("22")
    assert [encode(), encode()] == [1, 0]
    Path("data/clip/vocabulary").write_text("")
    assert [encode(), encode()] == [1, 0]
