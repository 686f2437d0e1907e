"""Looking closer: overlapping parts of a photo, each encoded like a photo of its own.

CLIP's one vector keeps the gist of a photo and loses small things. With views, a captioner reads the vector of the
whole photo followed by those of its parts; the mapper takes the longer vector as it takes any other. The original has
no views.

Shapes: N photos, D CLIP width, V views of a photo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image
from torch import Tensor

from visual_relations.artefacts.feature_bank import FeatureBank, FeatureBankWriter
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.progress import Progress
from visual_relations.captioning.params import ViewParams
from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.preprocess import Pixels, Preprocess

Box = tuple[int, int, int, int]
PHOTOS_AT_A_TIME = 16


def view_boxes(size: tuple[int, int], views: ViewParams) -> list[Box]:
    """Boxes x1, y1, x2, y2 in pixels, row by row; the outer ones touch the edges.

    Args:
        size: Width and height of the photo.
        views: How many, and which share of the photo each shows.
    """
    across = _windows(size[0], views.columns, views.width)
    down = _windows(size[1], views.rows, views.height)
    return [(left, top, right, bottom) for top, bottom in down for left, right in across]


def cut_views(photo: Image.Image, views: ViewParams) -> list[Image.Image]:
    """The V views of a photo."""
    return [photo.crop(box) for box in view_boxes(photo.size, views)]


def encode_with_views(
    encode_images: Callable[[list[Image.Image]], Tensor], photos: Sequence[Image.Image], views: ViewParams | None
) -> Tensor:
    """What a captioner reads about photos: the vectors of photo and views side by side (N, (1 + V) * D).

    Args:
        encode_images: Gives vectors (N, D), e.g. `FrozenClip.encode_images`.
        photos: N of them.
        views: Of the captioner (`captioner.config.views`); None: the photos alone.
    """
    parts = [part for photo in photos for part in [photo, *(cut_views(photo, views) if views else [])]]
    return encode_images(parts).unflatten(0, (len(photos), -1)).flatten(1)


def add_views(
    whole: FeatureBank,
    file_names: Sequence[str],
    folder: ImageFolder,
    clip: FrozenClip,
    preprocess: Preprocess,
    views: ViewParams,
    writer: FeatureBankWriter,
    threads: int = 2,
) -> FeatureBank:
    """Put the vectors of views beside those of photos, as `encode_with_views` does.

    Args:
        whole: Vectors of whole photos (D) by image id.
        file_names: Of its photos, in its order; all can be read.
        folder: The photos.
        clip: What `whole` was encoded with.
        preprocess: Likewise.
        views: Which.
        writer: Of a bank with rows (1 + V) * D; what an interrupted one has is not computed again.
        threads: For decoding.

    Returns:
        The finished bank, with the ids of `whole` in their order.
    """

    def pixels(file_name: str) -> list[Pixels]:
        return [preprocess.pixels(view) for view in cut_views(folder.open(file_name), views)]

    n_photos = len(whole)
    with ThreadPoolExecutor(threads) as pool, Progress(n_photos, "views", "photos", writer.n_done) as progress:
        for start in range(writer.n_done, n_photos, PHOTOS_AT_A_TIME):
            rows = slice(start, start + PHOTOS_AT_A_TIME)
            parts = [part for photo in pool.map(pixels, file_names[rows]) for part in photo]
            photos_ND = whole.rows(rows)
            views_NX = clip.encode_images(np.stack(parts)).cpu().numpy().reshape(len(photos_ND), -1)
            writer.append(whole.ids[rows], np.concatenate([photos_ND, views_NX.astype(np.float16)], axis=1))
            progress.advance(len(photos_ND))
    return writer.finish()


def copy_vectors(whole: FeatureBank, writer: FeatureBankWriter) -> FeatureBank:
    """The vectors of whole photos alone, in a bank of their own."""
    for start in range(writer.n_done, len(whole), 4096):
        rows = slice(start, start + 4096)
        writer.append(whole.ids[rows], whole.rows(rows))
    return writer.finish()


def _windows(length: int, count: int, share: float) -> list[tuple[int, int]]:
    """Begin and end of windows that are spread evenly over a length."""
    window = max(round(length * share), 1)
    places = [0.5] if count == 1 else [n / (count - 1) for n in range(count)]
    return [(start, start + window) for start in (round((length - window) * place) for place in places)]
