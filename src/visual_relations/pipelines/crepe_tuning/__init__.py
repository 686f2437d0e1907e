"""A study of CREPE: what the number of learnable tokens and the rest of the prompt are good for."""

from visual_relations.pipelines.crepe_tuning.pipeline import create_pipeline

__all__ = ["create_pipeline"]
