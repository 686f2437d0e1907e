"""Readers of relation annotations: one file per published format, all yielding `graphs.tables.RawGraphs`."""

from visual_relations.datasets.annotations.aliases import AliasDataset
from visual_relations.datasets.annotations.evaluation_photos import EvaluationPhotosDataset
from visual_relations.datasets.annotations.gqa import GQADataset
from visual_relations.datasets.annotations.interactionwise import InteractionwiseDataset
from visual_relations.datasets.annotations.open_images import OpenImagesDataset
from visual_relations.datasets.annotations.psg import PSGDataset
from visual_relations.datasets.annotations.released_features import ReleasedFeaturesDataset
from visual_relations.datasets.annotations.vg150 import VG150Dataset
from visual_relations.datasets.annotations.visual_genome import VisualGenomeDataset
from visual_relations.datasets.annotations.visual_genome_relationships import VisualGenomeRelationshipsDataset
from visual_relations.datasets.annotations.vrd import VRDDataset

__all__ = [
    "AliasDataset",
    "EvaluationPhotosDataset",
    "GQADataset",
    "InteractionwiseDataset",
    "OpenImagesDataset",
    "PSGDataset",
    "ReleasedFeaturesDataset",
    "VG150Dataset",
    "VRDDataset",
    "VisualGenomeDataset",
    "VisualGenomeRelationshipsDataset",
]
