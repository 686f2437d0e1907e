"""CREPE (arXiv 2307.04838): relation prediction with learned prompts on frozen CLIP, beside its controls."""

from visual_relations.pipelines.crepe.pipeline import create_pipeline

__all__ = ["create_pipeline"]
