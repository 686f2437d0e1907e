"""Pretraining with localisation and relations: ALBEF, X-VLM, REALBEF, REX-VLM."""

from visual_relations.pipelines.relation_pretraining.pipeline import create_pipeline

__all__ = ["create_pipeline"]
