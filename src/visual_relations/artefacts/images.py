"""Open photos as they occur in the wild: odd modes, turned by EXIF, damaged, far too large."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

MAX_PIXELS = 89_478_485  # Pillow's own limit for what may be a decompression bomb: a quarter of a GiB as RGB
EXTENSIONS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff")

# Pillow warns above MAX_PIXELS and raises above twice as much; here both are refused.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class ImageError(ValueError):
    """A photo that cannot be used; the message names the file and the reason."""


def open_image(path: Path, size: tuple[int, int] | None = None) -> Image.Image:
    """Decode a photo completely.

    Args:
        path: The file.
        size: Width and height its annotations were made on, if known. A photo whose EXIF data say that it is to be
            shown turned is turned, unless only the unturned one has this size.

    Returns:
        The first frame as RGB; transparent parts lie on white.

    Raises:
        ImageError: If there is no file, it is no image, it is damaged, or it has more than `MAX_PIXELS` pixels.
    """
    return _decode(path, str(path), size)


def decode_image(content: bytes, name: str) -> Image.Image:
    """Decode a photo that is already in memory.

    Args:
        content: Bytes of an image file.
        name: For the error.

    Raises:
        ImageError: As `open_image`.
    """
    return _decode(io.BytesIO(content), name, None)


def _decode(source: Path | io.BytesIO, name: str, size: tuple[int, int] | None) -> Image.Image:
    try:
        with Image.open(source) as image:
            _check_size(image)
            image.load()
            turned = ImageOps.exif_transpose(image)
            keep = size is not None and image.size == size != turned.size
            return _as_rgb(image if keep else turned)
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise ImageError(f"{name}: {type(error).__name__}: {str(error).replace(name, '').strip()}") from error


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError(f"{image.width} x {image.height} are more than {MAX_PIXELS:,} pixels")


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey(image).convert("RGB")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _deep_grey(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits to 8 bits; Pillow's own conversion clips everything above 255 to white."""
    grey = np.asarray(image, np.float64)
    if not np.isfinite(grey).all():
        raise ValueError("pixels are NaN or infinite")
    top = 65535 if grey.max(initial=0) > 255 else 255
    return Image.fromarray(np.clip(grey * (255 / top), 0, 255).round().astype(np.uint8))
