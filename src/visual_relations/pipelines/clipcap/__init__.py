"""ClipCap (arXiv 2111.09734): captions from a CLIP vector through a mapper and a causal language model."""

from visual_relations.pipelines.clipcap.pipeline import create_pipeline

__all__ = ["create_pipeline"]
