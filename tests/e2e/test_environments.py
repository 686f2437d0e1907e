"""Every folder of conf is a configuration that loads: its datasets can be made, its parameters fit their models."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from pydantic import BaseModel

from visual_relations.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = sorted(path.name for path in (ROOT / "conf").iterdir() if path.is_dir() and path.name != "local")
PIPELINES = sorted(path.parent.name for path in ROOT.glob("src/visual_relations/pipelines/*/params.py"))


def _model(pipeline: str) -> type[BaseModel] | None:
    """What a pipeline's parameters must fit: crepe_head → CrepeHeadParams."""
    module = import_module(f"visual_relations.pipelines.{pipeline}.params")
    return getattr(module, "".join(map(str.capitalize, pipeline.split("_"))) + "Params", None)


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_loads(environment, monkeypatch):
    monkeypatch.chdir(ROOT)
    arguments = {name: CONFIG_LOADER_ARGS[name] for name in ("base_env", "default_run_env", "merge_strategy")}
    config = OmegaConfigLoader(str(ROOT / "conf"), env=environment, **arguments)
    catalog = DataCatalog.from_config(config["catalog"])
    assert all(catalog.get(name) is not None for name in catalog.keys())  # noqa: SIM118 - no mapping
    checked = [name for name in PIPELINES if name in config["parameters"] and (model := _model(name))]
    for name in checked:
        model = _model(name)
        assert model is not None
        model.model_validate(config["parameters"][name])
    assert "clipcap" in checked
