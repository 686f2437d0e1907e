"""Random views of a picture: where it is cut, whether it is mirrored, how its colours change.

A view is drawn before it is rendered, so that boxes can be placed in it (`vision_language.regions`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from visual_relations.pipelines.relation_pretraining.params import AugmentationParams
from visual_relations.vision_language.regions import Box, View

Rng = np.random.Generator
Change = Callable[[Rng, Image.Image, float], Image.Image]

FILL = (128, 128, 128)  # what geometric changes leave empty, as ALBEF has it
ATTEMPTS = 10


def draw_view(rng: Rng, size: tuple[int, int], params: AugmentationParams, *, may_flip: bool = True) -> View:
    """A crop of random area and shape, as ALBEF draws it.

    Args:
        rng: Source of chance.
        size: Width and height of the picture.
        params: Smallest and largest share of the area, probability of mirroring.
        may_flip: False where the text says left or right.
    """
    width, height = size
    crop = (0, 0, width, height)
    for _ in range(ATTEMPTS):
        area = width * height * rng.uniform(*params.scale)
        shape = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < w <= width and 0 < h <= height:
            crop = (int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1)), w, h)
            break
    return View(crop, may_flip and bool(rng.random() < params.flip))


def draw_view_around(
    rng: Rng, size: tuple[int, int], box: Box, params: AugmentationParams, *, may_flip: bool = True
) -> View:
    """A random crop that contains a box wholly, as X-VLM draws it.

    Args:
        rng: Source of chance.
        size: Width and height of the picture.
        box: x, y, width, height in its pixels.
        params: Probability of mirroring.
        may_flip: False where a text says left or right.
    """
    width, height = size
    x, y, w, h = box
    left = int(rng.integers(0, max(0, min(math.floor(x), width - 1)) + 1))
    top = int(rng.integers(0, max(0, min(math.floor(y), height - 1)) + 1))
    right = int(rng.integers(min(max(math.ceil(x + w), left + 1), width), width + 1))
    bottom = int(rng.integers(min(max(math.ceil(y + h), top + 1), height), height + 1))
    return View((left, top, right - left, bottom - top), may_flip and bool(rng.random() < params.flip))


def render(
    rng: Rng, picture: Image.Image, view: View, size: int, params: AugmentationParams, *, keep_places: bool = False
) -> NDArray[np.uint8]:
    """Cut, mirror and resize a picture and change its colours.

    Args:
        rng: Source of chance.
        picture: RGB.
        view: What is shown.
        size: Pixels per side wanted.
        params: Number, strength and probability of changes.
        keep_places: Leave out changes that would move things away from their boxes.

    Returns:
        (size, size, 3).
    """
    left, top, width, height = view.crop
    image = picture.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
    if view.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    changes = _COLOUR if keep_places else _COLOUR + _PLACE
    for index in rng.integers(0, len(changes), params.changes):
        if rng.random() < params.change_probability:
            image = changes[index](rng, image, params.magnitude / 10)
    return np.asarray(image)


def _same(rng: Rng, image: Image.Image, strength: float) -> Image.Image:  # noqa: ARG001
    return image


def _autocontrast(rng: Rng, image: Image.Image, strength: float) -> Image.Image:  # noqa: ARG001
    return ImageOps.autocontrast(image)


def _equalize(rng: Rng, image: Image.Image, strength: float) -> Image.Image:  # noqa: ARG001
    return ImageOps.equalize(image)


def _brightness(rng: Rng, image: Image.Image, strength: float) -> Image.Image:  # noqa: ARG001
    return ImageEnhance.Brightness(image).enhance(0.1 + 1.8 * strength)


def _sharpness(rng: Rng, image: Image.Image, strength: float) -> Image.Image:  # noqa: ARG001
    return ImageEnhance.Sharpness(image).enhance(0.1 + 1.8 * strength)


def _rotate(rng: Rng, image: Image.Image, strength: float) -> Image.Image:
    return image.rotate(30 * strength * _sign(rng), fillcolor=FILL)


def _shear_x(rng: Rng, image: Image.Image, strength: float) -> Image.Image:
    return _affine(image, (1, 0.3 * strength * _sign(rng), 0, 0, 1, 0))


def _shear_y(rng: Rng, image: Image.Image, strength: float) -> Image.Image:
    return _affine(image, (1, 0, 0, 0.3 * strength * _sign(rng), 1, 0))


def _translate_x(rng: Rng, image: Image.Image, strength: float) -> Image.Image:
    return _affine(image, (1, 0, 10 * strength * _sign(rng), 0, 1, 0))


def _translate_y(rng: Rng, image: Image.Image, strength: float) -> Image.Image:
    return _affine(image, (1, 0, 0, 0, 1, 10 * strength * _sign(rng)))


def _affine(image: Image.Image, matrix: tuple[float, ...]) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix, fillcolor=FILL)


def _sign(rng: Rng) -> int:
    return 1 if rng.random() < 0.5 else -1


_COLOUR: tuple[Change, ...] = (_same, _autocontrast, _equalize, _brightness, _sharpness)
_PLACE: tuple[Change, ...] = (_shear_x, _shear_y, _translate_x, _translate_y, _rotate)
