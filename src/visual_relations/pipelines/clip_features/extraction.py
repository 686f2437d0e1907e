"""Encode crops into a feature bank: decode, cut and compute overlap; what cannot be encoded is written down.

Legend: N crops of a batch, K crops of a photo, D feature width.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import polars as pl
from PIL import Image

from visual_relations.artefacts.feature_bank import FeatureBank, FeatureBankWriter
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.images import ImageError
from visual_relations.artefacts.progress import Progress
from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.preprocess import Pixels, Preprocess
from visual_relations.graphs.tables import rejected_frame
from visual_relations.pipelines.clip_features.crops import BOX

Item = TypeVar("Item")
Result = TypeVar("Result")
Box = tuple[int, int, int, int]

SAME_SHAPE = 0.03  # relative difference of the aspect ratios up to which a photo is the annotated one at another scale


@dataclass(frozen=True)
class Photo:
    """A photo and the crops wanted of it."""

    image_id: str
    file_name: str | None
    size: tuple[int, int] | None  # width and height that the boxes were drawn on
    boxes: list[tuple[float, float, float, float] | None]  # None: the whole photo
    ids: list[list[str]]


@dataclass(frozen=True)
class Crop:
    """A crop of a decoded photo."""

    ids: list[str]
    photo: Image.Image
    box: Box | None


def encode_crops(
    clip: FrozenClip,
    preprocess: Preprocess,
    folder: ImageFolder,
    crops: pl.DataFrame,
    writer: FeatureBankWriter,
    *,
    batch_size: int,
    threads: int,
    description: str,
) -> tuple[FeatureBank, pl.DataFrame]:
    """Encode every crop that the writer does not have yet.

    Args:
        clip: The model.
        preprocess: Its preprocessing.
        folder: The photos.
        crops: Table of `crops.py`.
        writer: Of the bank; gets one row per id.
        batch_size: N.
        threads: For decoding and resizing.
        description: For the progress bar.

    Returns:
        The finished bank, and rejected records: photos that are missing or broken, boxes that lie outside of theirs.
    """
    done = writer.done_ids.to_frame()
    left = crops.with_columns(id=pl.col("ids").list.first()).join(done, on="id", how="anti", maintain_order="left")
    rejected: list[dict[str, Any]] = []
    with (
        ThreadPoolExecutor(threads) as pool,
        Progress(crops.height, description, "crops", crops.height - left.height) as progress,
    ):
        decoded = overlap(pool, lambda photo: _decode(folder, photo), _photos(left), ahead=2 * threads)
        wanted = _crops_of(decoded, rejected, progress)
        cut = overlap(pool, lambda crop: (crop.ids, _pixels(preprocess, crop)), wanted, ahead=2 * batch_size)
        while batch := list(islice(cut, batch_size)):
            features_ND = clip.encode_images(np.stack([pixels for _, pixels in batch])).cpu().numpy()
            repeats_N = [len(ids) for ids, _ in batch]
            writer.append([name for ids, _ in batch for name in ids], np.repeat(features_ND, repeats_N, axis=0))
            progress.advance(len(batch))
    return writer.finish(), rejected_frame(rejected)


def overlap(pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Iterator[Result]:
    """Map in order, with up to `ahead` results being made while earlier ones are used: memory stays bounded."""
    source = iter(items)
    waiting: deque[Future[Result]] = deque(pool.submit(function, item) for item in islice(source, ahead))
    while waiting:
        result = waiting.popleft().result()
        waiting.extend(pool.submit(function, item) for item in islice(source, 1))
        yield result


def _photos(crops: pl.DataFrame) -> Iterator[Photo]:
    """Group the rows, which are in photo order, without building all groups at once."""
    starts = np.flatnonzero((crops["image_id"] != crops["image_id"].shift()).fill_null(value=True).to_numpy())
    for start, stop in zip(starts, [*starts, crops.height][1:], strict=True):
        rows = crops.slice(int(start), int(stop - start))
        first = rows.row(0, named=True)
        size = (first["width"], first["height"]) if first["width"] and first["height"] else None
        boxes = [None if None in box else box for box in rows.select(BOX).iter_rows()]
        yield Photo(first["image_id"], first["file_name"], size, boxes, rows["ids"].to_list())


def _decode(folder: ImageFolder, photo: Photo) -> tuple[Photo, Image.Image | str]:
    """Decode a photo; instead of the photo, the reason why there is none."""
    if photo.file_name is None:
        return photo, "its image is not in the table of images"
    try:
        image = folder.open(photo.file_name, photo.size)
    except ImageError as error:
        return photo, str(error)
    if photo.size is not None and any(photo.boxes):
        ratio = (image.width / image.height) / (photo.size[0] / photo.size[1])
        if not 1 - SAME_SHAPE < ratio < 1 + SAME_SHAPE and image.size != photo.size:
            return photo, f"the photo has {image.size} pixels, but its boxes were drawn on {photo.size}"
    return photo, image


def _crops_of(
    decoded: Iterable[tuple[Photo, Image.Image | str]], rejected: list[dict[str, Any]], progress: Progress
) -> Iterator[Crop]:
    """The crops of decoded photos; what cannot be cut goes to `rejected`."""
    for photo, image in decoded:
        if isinstance(image, str):
            n_ids = sum(map(len, photo.ids))
            rejected.append(
                _reject("image", photo, photo.file_name or photo.image_id, f"{image}; {n_ids} ids left out")
            )
            progress.advance(len(photo.ids))
            continue
        for ids, box in zip(photo.ids, photo.boxes, strict=True):
            pixels = None if box is None else _box_in(image, box, photo.size)
            if box is not None and pixels is None:
                rejected.append(_reject("crop", photo, ", ".join(ids), f"box {box} lies outside of {image.size}"))
                progress.advance(1)
            else:
                yield Crop(ids, image, pixels)


def _box_in(image: Image.Image, box: tuple[float, float, float, float], size: tuple[int, int] | None) -> Box | None:
    """The box in whole pixels of this file, clipped to it; None when nothing of it is left."""
    across, down = (image.width / size[0], image.height / size[1]) if size else (1.0, 1.0)
    left, top = max(int(np.floor(box[0] * across)), 0), max(int(np.floor(box[1] * down)), 0)
    right = min(int(np.ceil(box[2] * across)), image.width)
    bottom = min(int(np.ceil(box[3] * down)), image.height)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _pixels(preprocess: Preprocess, crop: Crop) -> Pixels:
    return preprocess.pixels(crop.photo if crop.box is None else crop.photo.crop(crop.box))


def _reject(kind: str, photo: Photo, record: str, reason: str) -> dict[str, Any]:
    return {"kind": kind, "source": "clip_features", "image_id": photo.image_id, "record": record, "reason": reason}
