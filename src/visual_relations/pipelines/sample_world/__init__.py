"""A small illustrated world with scene graphs, captions, probes and tiny models, made from a seed."""

from visual_relations.pipelines.sample_world.pipeline import create_pipeline

__all__ = ["create_pipeline"]
