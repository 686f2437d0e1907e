"""The registered pipelines: every folder of `pipelines/`, each runnable by its name."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

DEFAULT = ("scene_graphs", "clip_features", "crepe", "relation_pretraining", "clipcap", "evaluation")


def register_pipelines() -> dict[str, Pipeline]:
    """Find the pipelines; `kedro run --pipelines NAME` imports only that folder.

    Returns:
        Pipelines by name. `__default__` is present when all of `DEFAULT` were imported, that is without `--pipelines`.
    """
    pipelines: dict[str, Pipeline] = find_pipelines(raise_errors=True)
    if set(DEFAULT) <= pipelines.keys():
        pipelines["__default__"] = sum((pipelines[name] for name in DEFAULT), Pipeline([]))
    return pipelines
