"""Relation metrics of the field, in numpy: R, mR, ng-R, ng-mR, zR, ng-zR and A at any K."""

from visual_relations.metrics.relations.evaluate import DEFAULT_K, evaluate_relations
from visual_relations.metrics.relations.flat import Candidates, SceneGraphs
from visual_relations.metrics.relations.report import RelationReport

__all__ = ["DEFAULT_K", "Candidates", "RelationReport", "SceneGraphs", "evaluate_relations"]
