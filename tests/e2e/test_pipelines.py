"""Every registered pipeline runs by its own name, in a subprocess, from a fresh clone with an empty data folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = sorted(folder.parent.name for folder in ROOT.glob("src/visual_relations/pipelines/*/pipeline.py"))
MISSION = {"scene_graphs", "clip_features", "crepe", "relation_pretraining", "clipcap", "evaluation"}


def test_the_registry_lists_every_pipeline_folder(fresh_project):
    listed = fresh_project.kedro("registry", "list").stdout
    assert set(NAMES) >= MISSION
    assert all(f"- {name}\n" in listed for name in [*NAMES, "__default__"])


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_pipeline_runs_by_its_name_and_a_second_run_skips_it(fresh_project, name):
    fresh_project.run(f"--pipelines={name}", "--env=test")
    again = fresh_project.run(f"--pipelines={name}", "--env=test")
    assert "Unchanged, skipped" in again.stdout
    manifests = sorted((fresh_project.path / "data" / "08_reporting" / "runs").glob("*.json"))
    assert len(manifests) == 2
    first, second = (json.loads(path.read_text()) for path in manifests)
    assert first["status"] == second["status"] == "completed"
    # Only nodes without a persisted output (the summary on the terminal) run again.
    assert len(second["seconds"]) <= 1 < len(first["seconds"])


def test_the_older_spelling_of_the_pipeline_option_works(fresh_project):
    assert fresh_project.run("--pipeline=scene_graphs").returncode == 0


def test_scene_graphs_never_imports_torch(fresh_project):
    script = (
        "import sys\n"
        "from kedro.framework.session import KedroSession\n"
        "from kedro.framework.startup import bootstrap_project\n"
        "from pathlib import Path\n"
        "bootstrap_project(Path.cwd())\n"
        "with KedroSession.create() as session:\n"
        "    session.run(pipeline_names=['scene_graphs'])\n"
        "heavy = {'torch', 'transformers', 'open_clip'} & sys.modules.keys()\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=fresh_project.path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
