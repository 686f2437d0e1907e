"""Frozen CLIP features of label texts, triplet texts, union crops, whole images and object crops."""

from visual_relations.pipelines.clip_features.pipeline import create_pipeline

__all__ = ["create_pipeline"]
