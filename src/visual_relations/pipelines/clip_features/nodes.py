"""Steps of the pipeline: each makes one feature bank, and continues where it was interrupted."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import polars as pl

from visual_relations.artefacts.feature_bank import FeatureBank, FeatureBankWriter
from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.progress import Progress
from visual_relations.artefacts.workspace import Workspace
from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.load import load_clip
from visual_relations.clip.params import ClipParams
from visual_relations.pipelines.clip_features.crops import object_crops, union_crops, whole_images
from visual_relations.pipelines.clip_features.extraction import encode_crops
from visual_relations.pipelines.clip_features.params import ClipFeaturesParams

Rejected = pl.DataFrame


def encode_object_texts(
    vocabulary: dict[str, list[Any]], workspace: Workspace, params: ClipFeaturesParams
) -> FeatureBank:
    """Encode the bare names of the object classes, as CREPE does; ids are the names."""
    return _encode_texts("object_text_features", pl.Series(vocabulary["objects"]), workspace, params)


def encode_triplet_texts(
    triplet_vocabulary: pl.DataFrame, workspace: Workspace, params: ClipFeaturesParams
) -> FeatureBank:
    """Encode `subject predicate object` of every triplet, each distinct text once; ids are the texts."""
    texts = triplet_vocabulary["text"].unique(maintain_order=True)
    return _encode_texts("triplet_text_features", texts, workspace, params)


def encode_union_images(
    images: pl.DataFrame,
    relation_pairs: pl.DataFrame,
    candidate_pairs: pl.DataFrame,
    image_folder: ImageFolder,
    workspace: Workspace,
    params: ClipFeaturesParams,
) -> tuple[FeatureBank, Rejected]:
    """Encode the crop around both objects of every annotated pair (and candidate pair); ids are pair ids."""
    pairs = [relation_pairs, candidate_pairs] if params.candidate_pairs else [relation_pairs]
    return _encode_crops("union_image_features", union_crops(images, pairs), image_folder, workspace, params)


def encode_images(
    images: pl.DataFrame, image_folder: ImageFolder, workspace: Workspace, params: ClipFeaturesParams
) -> tuple[FeatureBank, Rejected]:
    """Encode whole photos; ids are image ids."""
    return _encode_crops("image_features", whole_images(images), image_folder, workspace, params)


def encode_object_images(
    images: pl.DataFrame,
    objects: pl.DataFrame,
    image_folder: ImageFolder,
    workspace: Workspace,
    params: ClipFeaturesParams,
) -> tuple[FeatureBank, Rejected]:
    """Encode the crop of every object, if `object_images` is set; ids are `image_id:object_index`."""
    crops = object_crops(images, objects if params.object_images else objects.clear())
    return _encode_crops("object_image_features", crops, image_folder, workspace, params)


def _encode_texts(name: str, texts: pl.Series, workspace: Workspace, params: ClipFeaturesParams) -> FeatureBank:
    clip = _clip(params.clip)
    with (
        _writer(name, clip, texts.to_frame("text"), workspace, params) as writer,
        Progress(len(texts), name, "texts", writer.n_done) as progress,
    ):
        for start in range(writer.n_done, len(texts), params.batch_size):
            batch = texts.slice(start, params.batch_size).to_list()
            writer.append(batch, clip.encode_texts(batch).cpu().numpy())
            progress.advance(len(batch))
        return writer.finish()


def _encode_crops(
    name: str, crops: pl.DataFrame, image_folder: ImageFolder, workspace: Workspace, params: ClipFeaturesParams
) -> tuple[FeatureBank, Rejected]:
    clip = _clip(params.clip)
    with _writer(name, clip, crops, workspace, params) as writer:
        return encode_crops(
            clip,
            clip.preprocess.with_crop_mode(params.crop_mode),
            image_folder,
            crops,
            writer,
            batch_size=params.batch_size,
            threads=params.decode_threads,
            description=name,
        )


def _writer(
    name: str, clip: FrozenClip, items: pl.DataFrame, workspace: Workspace, params: ClipFeaturesParams
) -> FeatureBankWriter:
    """A writer in the workspace, keyed by all that the features depend on (the batch size rounds differently)."""
    metadata = {
        "clip": clip.name,
        "clip_fingerprint": clip.fingerprint,
        "crop_mode": params.crop_mode,
        "batch_size": params.batch_size,
        "items": fingerprint(items),
    }
    folder = workspace.folder(name, fingerprint(metadata, params.rows_per_shard))
    return FeatureBankWriter(folder / "bank", clip.dim, metadata, params.rows_per_shard)


@lru_cache(maxsize=1)
def _clip(params: ClipParams) -> FrozenClip:
    """One model for all nodes of a run."""
    return load_clip(params)
