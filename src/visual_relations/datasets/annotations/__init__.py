"""Readers of relation annotations: one file per published format, all yielding `graphs.tables.RawGraphs`."""

from visual_relations.datasets.annotations.aliases import AliasDataset
from visual_relations.datasets.annotations.visual_genome import VisualGenomeDataset

__all__ = ["AliasDataset", "VisualGenomeDataset"]
