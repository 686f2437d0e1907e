"""What a Kedro user expects of the project as a whole."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CATALOGS = sorted(ROOT.glob("conf/*/*/catalog*.yml"))
LAYERS = {path.name for path in (ROOT / "data").iterdir() if path.is_dir()}


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: str(path.relative_to(ROOT / "conf")))
def test_every_file_dataset_lies_in_a_layer_and_says_which(path):
    for name, entry in (yaml.safe_load(path.read_text()) or {}).items():
        if name.startswith("_"):  # an anchor
            continue
        place = entry.get("filepath") or entry.get("path")
        if place is None or entry["type"].endswith("WorkspaceDataset"):  # where work is done belongs to every layer
            continue
        place = re.sub(r"\$\{runtime_params:\w+, *([^{}]*(?:\$\{[^}]*\})?[^{}]*)\}", r"\1", place)  # its default
        if place.startswith("${globals:raw}"):
            folder = "01_raw"
        else:
            match = re.match(r"data/(\d\d_\w+)/", place)
            assert match, f"{name}: {place} is in no layer of data/"
            folder = match.group(1)
        assert folder in LAYERS
        assert entry["metadata"]["kedro-viz"]["layer"] in LAYERS, name


def test_data_flow_from_layer_to_layer_and_never_back(monkeypatch):
    """Kedro-Viz shows no layers at all where a dataset is made of one of a later layer."""
    from kedro.config import OmegaConfigLoader
    from kedro.framework.project import pipelines
    from kedro.framework.startup import bootstrap_project

    monkeypatch.chdir(ROOT)
    bootstrap_project(ROOT)
    loader = OmegaConfigLoader(str(ROOT / "conf"), base_env="base", default_run_env="base")
    labels = {
        name: entry["metadata"]["kedro-viz"]["layer"]
        for name, entry in loader["catalog"].items()
        if "kedro-viz" in entry.get("metadata", {})
    }
    assert "crepe" in pipelines
    for pipeline in pipelines.values():
        reached = dict(labels)  # the latest layer that a dataset is, or comes from
        for node in pipeline.nodes:
            latest = max((reached[name] for name in node.inputs if name in reached), default="")
            for name in node.outputs:
                assert reached.setdefault(name, latest) >= latest, f"{node.name} makes {name} of a later layer"


def test_a_parameter_that_does_not_exist_stops_the_run_before_the_first_node(fresh_project):
    done = fresh_project.run("--pipelines=scene_graphs", "--params=scene_graphs.no_such_setting=1", check=False)
    assert done.returncode != 0
    assert "no_such_setting" in done.stdout + done.stderr
    assert not list((fresh_project.path / "data").glob("0[2-8]*/*/*.parquet"))


def test_the_package_runs_without_the_kedro_command():
    command = [sys.executable, "-m", "visual_relations", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--pipelines" in done.stdout


def test_the_run_logs_no_deprecation(fresh_project):
    done = fresh_project.run("--pipelines=scene_graphs")
    assert "deprecat" not in (done.stdout + done.stderr).lower()


def test_nothing_but_the_sample_world_is_committed_under_data():
    files = subprocess.run(
        ["git", "ls-files", "data"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert all(name.endswith(".gitkeep") or name.startswith("data/01_raw/sample_world/") for name in files)


def test_credentials_and_local_settings_are_ignored():
    for name in ("conf/local/parameters.yml", "conf/base/credentials.yml", "data/06_models/x.safetensors"):
        ignored = subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False)
        assert ignored.returncode == 0, name
