"""Pictures to the numbers that image encoders read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from visual_relations.vision_language.params import ModelParams


def squash(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Resize a picture to a square, bicubic, nothing cut off: (size, size, 3)."""
    return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))


def normalise(pictures_BSSC: NDArray[np.uint8] | Tensor, config: ModelParams) -> Tensor:
    """Bytes (B, S, S, 3) to normalised pixels (B, 3, S, S)."""
    pixels = torch.as_tensor(np.ascontiguousarray(pictures_BSSC)).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (config.mean, config.std))
    return (pixels - mean) / std


def prepare(images: Sequence[Image.Image], config: ModelParams) -> Tensor:
    """Pictures as evaluations show them: squashed and normalised."""
    size = config.vision.image_size
    return normalise(np.stack([squash(image, size) for image in images]), config)
