"""The documents tell the truth: their commands exist, their links resolve, the notebooks run."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRACKED = subprocess.run(
    ["git", "ls-files", "*.md", "*.ipynb"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.splitlines()
DOCUMENTS = [ROOT / name for name in TRACKED if name.endswith(".md")]
NOTEBOOKS = [ROOT / name for name in TRACKED if name.endswith(".ipynb")]
PIPELINES = {path.parent.name for path in ROOT.glob("src/visual_relations/pipelines/*/pipeline.py")}
ENVIRONMENTS = {path.name for path in (ROOT / "conf").iterdir() if path.is_dir()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_name_pipelines_and_environments_that_exist(document):
    text = document.read_text()
    for names in re.findall(r"--pipelines?[= ]([\w,]+)", text):
        assert set(names.split(",")) - {"NAME", "X"} <= PIPELINES
    for name in re.findall(r"kedro run[^\n`]*--env[= ](\w+)", text):
        assert name in ENVIRONMENTS | {"NAME"}
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?make ([a-z-]+)`", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_and_pictures_exist(document):
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_runs_from_top_to_bottom(notebook, fresh_project):
    import nbformat
    from nbclient import NotebookClient

    fresh_project.run("--pipelines=scene_graphs")
    shutil.copytree(notebook.parent, fresh_project.path / "notebooks")
    NotebookClient(
        nbformat.read(notebook, as_version=4),
        timeout=300,
        resources={"metadata": {"path": str(fresh_project.path / "notebooks")}},
    ).execute()
