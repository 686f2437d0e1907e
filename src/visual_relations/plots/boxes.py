"""Labelled boxes drawn into pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the picture, `corners` = (x1, y1, x2, y2), with its label and colour."""

    corners: tuple[float, float, float, float]
    label: str
    colour: str


def draw_boxes(image: Image.Image, boxes: Sequence[Box], width: int = 420) -> Image.Image:
    """Draw boxes into a copy of the picture scaled to `width` pixels, so that lines and labels keep their size.

    Args:
        image: The picture; unchanged.
        boxes: Rectangles in pixels of `image`.
        width: Width of the result.
    """
    scale = width / image.width
    canvas = image.convert("RGB").resize((width, max(1, round(image.height * scale))))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=14)
    scaled = [(tuple(scale * value for value in box.corners), box) for box in boxes]
    for corners, box in scaled:
        draw.rectangle(_inside(corners, canvas.size), outline=box.colour, width=3)
    for corners, box in scaled:  # labels last: no box may cross one
        _draw_label(draw, corners, box, font, canvas.size)
    return canvas


def _inside(corners: tuple[float, ...], size: tuple[int, int]) -> tuple[float, float, float, float]:
    x1, x2 = sorted(min(max(value, 0), size[0] - 1) for value in corners[0::2])
    y1, y2 = sorted(min(max(value, 0), size[1] - 1) for value in corners[1::2])
    return x1, y1, x2, y2


def _draw_label(
    draw: ImageDraw.ImageDraw,
    corners: tuple[float, ...],
    box: Box,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    size: tuple[int, int],
) -> None:
    left, top, right, bottom = draw.textbbox((0, 0), box.label, font=font)
    x = min(max(corners[0], 0), max(0, size[0] - right - 6))
    y = min(max(corners[1], 0), max(0, size[1] - bottom - 4))
    draw.rectangle((x, y, x + right + 6, y + bottom + 4), fill=box.colour)
    draw.text((x + 3 - left, y + 2 - top / 2), box.label, fill="#ffffff", font=font)
