"""A study of pretraining with relations: graph sentences, masked pairs, mixture of batches."""

from visual_relations.pipelines.pretraining_tuning.pipeline import create_pipeline

__all__ = ["create_pipeline"]
