"""From a decoded photo to CLIP's input: open_clip's own resizing photo by photo, its arithmetic batch by batch.

Legend: N images, H and W the model's input size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torch import Tensor
from torchvision.transforms import Compose

from visual_relations.clip.params import CropMode

RESIZE_MODES: dict[CropMode, str] = {"center_crop": "shortest", "squash": "squash", "pad": "longest"}
# Beyond this ratio of sides only the middle of a photo is resized: a 2 x 2000 crop would become 224 x 224,000 first.
LONGEST = 8

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Preprocess:
    """What one model does to photos. Called with a photo it gives what open_clip's own transform gives, (3, H, W)."""

    config: PreprocessCfg

    def with_crop_mode(self, mode: CropMode | None) -> Preprocess:
        """The same with another way to make a photo square; None leaves the model's own."""
        return self if mode is None else Preprocess(replace(self.config, resize_mode=RESIZE_MODES[mode]))

    @cached_property
    def size(self) -> tuple[int, int]:
        """H and W."""
        size = self.config.size
        height, width = (size, size) if isinstance(size, int) else size
        return height, width

    def pixels(self, photo: Image.Image) -> Pixels:
        """Resize and crop (or pad): (H, W, 3). Releases the interpreter lock, so that threads help."""
        return np.asarray(self._geometry(_thinned(photo, self.config.resize_mode, max(self.size))))

    def normalise(self, pixels_NHW3: Tensor) -> Tensor:
        """Pixels 0..255 to the model's input (N, 3, H, W), float32, on the tensor's device."""
        scaled_N3HW = pixels_NHW3.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format).div_(255)
        mean_3, std_3 = (
            torch.tensor(value, device=scaled_N3HW.device).view(-1, 1, 1)
            for value in (self.config.mean, self.config.std)
        )
        return scaled_N3HW.sub_(mean_3).div_(std_3)

    def __call__(self, photo: Image.Image) -> Tensor:
        """The model's input (3, H, W)."""
        return self.normalise(torch.from_numpy(self.pixels(photo)[None].copy()))[0]

    @cached_property
    def _geometry(self) -> Any:
        # The last two steps are ToTensor and Normalize: `normalise` does them for a whole batch.
        return Compose(image_transform_v2(self.config, is_train=False).transforms[:-2])


def _thinned(photo: Image.Image, resize_mode: str, size: int) -> Image.Image:
    """Spare very long photos what open_clip's resizing cannot do or only at great cost; others stay as they are."""
    width, height = photo.size
    short, long = sorted(photo.size)
    if resize_mode == "shortest" and long > LONGEST * short:
        left, top = max(width - 2 * short, 0) // 2, max(height - 2 * short, 0) // 2
        return photo.crop((left, top, width - left, height - top))
    if resize_mode == "longest" and long > size * short:  # the short side would round to no pixel at all
        target = (size, 1) if width > height else (1, size)
        return photo.resize(target, Image.Resampling.BICUBIC)
    return photo
