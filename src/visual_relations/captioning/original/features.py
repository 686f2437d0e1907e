"""Feature pickles of the original program, read without trusting them.

One pickle holds a tensor with an image vector per row and a list of captions, each with the row it belongs to. A pickle
can run code when it is loaded; only the three functions that such a file needs are let through.

Shapes: M rows (image vectors), D their width.
"""

from __future__ import annotations

import collections
import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

CAPTIONS_SCHEMA = {"image_id": pl.String, "caption_id": pl.String, "caption": pl.String, "row": pl.Int64}


class OriginalFeaturesError(ValueError):
    """A file is no feature pickle of the original, or its captions and rows do not fit."""


@dataclass(frozen=True)
class OriginalFeatures:
    """Image vectors and captions of one file.

    Attributes:
        features_MD: Image vectors as they were stored, raw (not of length 1), float16 or float32.
        captions: One row per caption: image_id, caption_id (null if the file has none), caption, row.
    """

    features_MD: npt.NDArray[Any]
    captions: pl.DataFrame

    def by_image(self) -> tuple[list[str], npt.NDArray[Any]]:
        """One vector per image, for a feature bank.

        Returns:
            Image ids in order of appearance, and their vectors (images, D).

        Raises:
            OriginalFeaturesError: If captions of one image point to different vectors: the file is mis-paired.
        """
        rows = self.captions.group_by("image_id", maintain_order=True).agg("row")
        for image_id, found in rows.iter_rows():
            if (self.features_MD[found] != self.features_MD[found[0]]).any():
                raise OriginalFeaturesError(
                    f"captions of image {image_id} point to different vectors (rows {found[:5]}): the file pairs "
                    "captions with the wrong images; extract the features again"
                )
        return rows["image_id"].to_list(), self.features_MD[rows["row"].list.first().to_numpy()]


def read_features(path: Path) -> OriginalFeatures:
    """Read a feature pickle.

    Args:
        path: What the original's `parse_coco.py` or `parse_conceptual.py` wrote.

    Raises:
        OriginalFeaturesError: If it is something else, wants to run code, or a caption's row does not exist.
    """
    content = _load(Path(path))
    if not isinstance(content, dict) or not {"clip_embedding", "captions"} <= content.keys():
        raise OriginalFeaturesError(f"{path} has no `clip_embedding` and `captions`: it is no feature file of ClipCap")
    if not isinstance(content["clip_embedding"], torch.Tensor) or content["clip_embedding"].ndim != 2:
        raise OriginalFeaturesError(f"{path}: `clip_embedding` is no tensor of one vector per row")
    features_MD = content["clip_embedding"].numpy()
    captions = _captions(path, content["captions"])
    outside = captions.filter((pl.col("row") < 0) | (pl.col("row") >= len(features_MD)))
    if outside.height:
        raise OriginalFeaturesError(
            f"{path}: {outside.height} captions point past the {len(features_MD)} vectors, first image "
            f"{outside['image_id'][0]} with row {outside['row'][0]}; the file was cut off, fetch it again"
        )
    return OriginalFeatures(features_MD, captions)


def _captions(path: Path, records: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    rows = []
    for number, record in enumerate(records):
        try:
            image_id, row = str(record["image_id"]), int(record["clip_embedding"])
            caption_id = str(record["id"]) if "id" in record else None
            rows.append((image_id, caption_id, str(record["caption"]), row))
        except (KeyError, TypeError, ValueError) as error:
            raise OriginalFeaturesError(
                f"{path}: caption {number} has no usable image_id, caption and clip_embedding: {error!r}"
            ) from error
    return pl.DataFrame(rows, CAPTIONS_SCHEMA, orient="row")


def read_token_cache(path: Path) -> tuple[list[npt.NDArray[np.int64]], npt.NDArray[np.int64], int]:
    """Read the token cache that the original keeps beside a feature pickle (`…_tokens.pkl`).

    Returns:
        Tokens of every caption, the row of its image vector, and the length of the longest caption.

    Raises:
        OriginalFeaturesError: If it is something else.
    """
    content = _load(Path(path))
    if not isinstance(content, list) or len(content) != 3:
        raise OriginalFeaturesError(f"{path} is no token cache of ClipCap")
    tokens, rows, longest = content
    return [caption.numpy() for caption in tokens], np.asarray(rows, np.int64), int(longest)


def _weights_only(data: bytes) -> Any:
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch.storage", "_load_from_bytes"): _weights_only,
}


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it wants to call {module}.{name}, which no feature file needs")
        return _ALLOWED[module, name]


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return _RestrictedUnpickler(file).load()
    except FileNotFoundError:
        raise OriginalFeaturesError(f"{path} is not there") from None
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, RuntimeError) as error:
        raise OriginalFeaturesError(f"{path} is not loaded: {error}") from error
