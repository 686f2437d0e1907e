"""A study of ClipCap: what the length of the prefix is good for, and what matters beside it."""

from visual_relations.pipelines.clipcap_tuning.pipeline import create_pipeline

__all__ = ["create_pipeline"]
