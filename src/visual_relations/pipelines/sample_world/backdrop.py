"""The ground everything stands before: sky over a landscape, or a room."""

from __future__ import annotations

import random

from PIL import Image, ImageDraw

from visual_relations.pipelines.sample_world.canvas import HEIGHT, OVERSAMPLING, WIDTH, Colour, shade

SKY = {"day": ((150, 205, 245), (214, 236, 250)), "evening": ((250, 190, 140), (252, 224, 190))}
GROUND = {"meadow": (142, 196, 104), "sand": (236, 218, 166), "snow": (236, 242, 248)}
WALLS = ((238, 226, 206), (206, 222, 226), (226, 216, 232), (222, 230, 208))
FLOOR = (186, 140, 100)
RUGS = ((176, 70, 70), (80, 110, 160), (120, 140, 90))


def paint_backdrop(rng: random.Random, horizon: float, *, indoors: bool, ground: str, light: str) -> Image.Image:
    """Paint the backdrop of a scene, mode RGBA; `horizon` is in pixels from the top."""
    size = WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING
    picture = Image.new("RGB", size)
    draw = ImageDraw.Draw(picture)
    edge = horizon * OVERSAMPLING
    wall = rng.choice(WALLS)
    top, bottom = (wall, shade(wall, 0.95)) if indoors else SKY[light]
    floor = FLOOR if indoors else GROUND[ground]
    _gradient(draw, 0, int(edge), top, bottom)
    _gradient(draw, int(edge), size[1], shade(floor, 0.95), floor)
    if indoors:
        _room(draw, rng, edge)
    else:
        _landscape(draw, rng, edge, floor)
    return picture.reduce(OVERSAMPLING).convert("RGBA")


def _gradient(draw: ImageDraw.ImageDraw, start: int, stop: int, top: Colour, bottom: Colour) -> None:
    for row in range(start, stop):
        mix = (row - start) / max(stop - start, 1)
        colour = tuple(int(a + (b - a) * mix) for a, b in zip(top[:3], bottom[:3], strict=True))
        draw.line([(0, row), (WIDTH * OVERSAMPLING, row)], fill=colour)


def _room(draw: ImageDraw.ImageDraw, rng: random.Random, edge: float) -> None:
    """A skirting board, floor boards, a rug, and a picture on the wall."""
    width, height = WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING
    for row in range(int(edge) + 30, height, 36):
        draw.line([(0, row), (width, row)], fill=shade(FLOOR, 0.9), width=2)
    draw.rectangle((0, edge - 10, width, edge), fill=(250, 246, 238))
    if rng.random() < 0.6:
        x, y = rng.uniform(0.2, 0.8) * width, rng.uniform(0.55, 0.8) * (height - edge) + edge
        draw.ellipse((x - 190, y - 42, x + 190, y + 42), fill=rng.choice(RUGS))
    if rng.random() < 0.7:
        x, y = rng.uniform(0.12, 0.8) * width, rng.uniform(0.18, 0.4) * edge
        draw.rectangle((x, y, x + 84, y + 66), fill=(130, 92, 60))
        draw.rectangle((x + 7, y + 7, x + 77, y + 59), fill=(190, 220, 235))
        draw.polygon(
            [(x + 7, y + 59), (x + 34, y + 26), (x + 54, y + 46), (x + 64, y + 38), (x + 77, y + 59)],
            fill=(120, 165, 110),
        )


def _landscape(draw: ImageDraw.ImageDraw, rng: random.Random, edge: float, floor: Colour) -> None:
    """Far hills and marks on the ground."""
    width, height = WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING
    for _ in range(rng.choice((0, 2, 3))):
        x, rx, ry = rng.uniform(0, width), rng.uniform(90, 220), rng.uniform(18, 46)
        draw.pieslice((x - rx, edge - ry, x + rx, edge + ry), 180, 360, fill=shade(floor, 0.9))
    for _ in range(26):
        x, y = rng.uniform(0, width), rng.uniform(edge + 12, height)
        draw.line([(x, y), (x + rng.uniform(-4, 4), y - rng.uniform(4, 9))], fill=shade(floor, 0.86), width=3)
