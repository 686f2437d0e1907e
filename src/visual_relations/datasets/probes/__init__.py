"""Readers of public image-text benchmarks: one function per published format, all yielding the same two tables."""

from visual_relations.datasets.probes.dataset import ProbesDataset, RetrievalDataset

__all__ = ["ProbesDataset", "RetrievalDataset"]
