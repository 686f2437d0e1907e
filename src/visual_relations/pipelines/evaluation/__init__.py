"""Every model on every benchmark, and the scoreboard."""

from visual_relations.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
