"""What stands or lies in a landscape, and the ground itself."""

from __future__ import annotations

from visual_relations.pipelines.sample_world.canvas import Colour, Sketch, shade

TRUNK: Colour = (122, 82, 52)


def house(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A house with a gable roof, a door and windows."""
    sketch.rectangle(0.28, 0.80, 0.42, 1.22, (150, 84, 70))
    sketch.rectangle(-0.60, 0.0, 0.60, 0.72, paint)
    sketch.polygon([(-0.72, 0.70), (0.72, 0.70), (0.0, 1.28)], (176, 72, 58))
    with sketch.part("door"):
        sketch.rectangle(-0.12, 0.0, 0.14, 0.46, (110, 66, 44))
    sketch.ellipse(0.09, 0.23, 0.022, fill=(245, 215, 110))
    for index, x in enumerate((-0.38, 0.38)):
        with sketch.part("window" if index == 0 else "other window"):
            sketch.rectangle(x - 0.13, 0.30, x + 0.13, 0.56, (250, 250, 250))
            sketch.rectangle(x - 0.11, 0.32, x + 0.11, 0.54, (150, 205, 235))
        sketch.rectangle(x - 0.01, 0.32, x + 0.01, 0.54, (250, 250, 250))
    sketch.mark(roof=(-0.1, 1.18), top=(-0.3, 1.02))


def tree(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A broad-leaved tree with one low branch to hang things from."""
    sketch.polygon([(-0.11, 0.0), (0.11, 0.0), (0.06, 0.66), (-0.06, 0.66)], TRUNK)
    sketch.limb([(0.0, 0.50), (0.34, 0.66)], 0.055, TRUNK)
    for x, y, radius in ((-0.24, 0.82, 0.24), (0.24, 0.84, 0.25), (0.0, 1.06, 0.30), (0.0, 0.80, 0.24)):
        sketch.ellipse(x, y, radius, fill=paint)
    for x, y, radius in ((-0.10, 1.12, 0.10), (0.16, 0.92, 0.09), (-0.24, 0.86, 0.08)):
        sketch.ellipse(x, y, radius, fill=shade(paint, 1.2))
    sketch.mark(branch=(0.34, 0.64), crown=(0.0, 1.0), top=(0.0, 1.33), under=(0.1, 0.0))


def flower(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A flower on its stem; the origin is the foot of the stem."""
    sketch.limb([(0.0, 0.0), (0.0, 0.24)], 0.025, (70, 140, 60))
    sketch.ellipse(0.06, 0.09, 0.06, 0.025, (70, 150, 60))
    for x, y in ((0.0, 0.08), (0.075, 0.025), (0.045, -0.065), (-0.045, -0.065), (-0.075, 0.025)):
        sketch.ellipse(x, 0.28 + y, 0.055, fill=paint)
    sketch.ellipse(0.0, 0.28, 0.045, fill=(250, 205, 60))
    sketch.mark(head=(0.0, 0.28))


def fence(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A picket fence."""
    for y in (0.14, 0.30):
        sketch.rectangle(-0.80, y - 0.03, 0.80, y + 0.03, shade(paint, 0.82))
    for index in range(9):
        x = -0.76 + index * 0.19
        sketch.polygon([(x - 0.05, 0.0), (x + 0.05, 0.0), (x + 0.05, 0.38), (x, 0.45), (x - 0.05, 0.38)], paint)
    sketch.mark(top=(0.0, 0.42), hook=(0.0, 0.42))


def cloud(sketch: Sketch, _pose: str, _paint: Colour) -> None:
    """A cloud."""
    for x, y, rx, ry in (
        (-0.20, 0.0, 0.20, 0.11),
        (0.20, 0.0, 0.22, 0.11),
        (0.0, 0.08, 0.20, 0.16),
        (0.0, -0.02, 0.30, 0.10),
    ):
        sketch.ellipse(x, y, rx, ry, (252, 253, 255))


def sun(sketch: Sketch, _pose: str, _paint: Colour) -> None:
    """The sun with rays."""
    import math

    for step in range(12):
        turn = math.pi * step / 6
        sketch.limb(
            [(0.15 * math.cos(turn), 0.15 * math.sin(turn)), (0.24 * math.cos(turn), 0.24 * math.sin(turn))],
            0.03,
            (252, 200, 70),
        )
    sketch.ellipse(0.0, 0.0, 0.15, fill=(253, 212, 80))


def mountain(sketch: Sketch, _pose: str, _paint: Colour) -> None:
    """A mountain with a snow cap."""
    sketch.polygon([(-0.9, 0.0), (0.0, 1.0), (0.9, 0.0)], (132, 142, 160))
    sketch.polygon([(0.0, 1.0), (0.9, 0.0), (0.2, 0.0), (-0.1, 0.55)], (112, 122, 142))
    sketch.polygon(
        [(-0.24, 0.73), (0.0, 1.0), (0.24, 0.73), (0.12, 0.78), (0.02, 0.68), (-0.12, 0.78)], (250, 252, 255)
    )


def street(sketch: Sketch, _pose: str, _paint: Colour) -> None:
    """A street across the picture; the origin is its middle, one unit is its depth."""
    sketch.rectangle(-9.0, -0.5, 9.0, 0.5, (104, 106, 114))
    sketch.rectangle(-9.0, 0.44, 9.0, 0.5, (190, 188, 184))
    sketch.rectangle(-9.0, -0.5, 9.0, -0.44, (190, 188, 184))
    for step in range(-8, 9):
        sketch.rectangle(step - 0.28, -0.03, step + 0.28, 0.03, (246, 240, 214))


def water(sketch: Sketch, _pose: str, _paint: Colour) -> None:
    """A stretch of water; the origin is its middle, one unit is its depth."""
    sketch.rectangle(-9.0, -0.5, 9.0, 0.5, (84, 158, 214))
    for step in range(-8, 9):
        for row, y in enumerate((-0.3, 0.0, 0.3)):
            x = step + 0.45 * (row % 2)
            sketch.limb([(x - 0.14, y), (x, y + 0.035), (x + 0.14, y)], 0.025, (140, 196, 236))


def pond(sketch: Sketch, _pose: str, _paint: Colour) -> None:
    """A pond; the origin is its middle."""
    sketch.ellipse(0.0, 0.0, 1.0, 0.26, (196, 180, 130))
    sketch.ellipse(0.0, 0.0, 0.94, 0.225, (84, 158, 214))
    for x, y in ((-0.5, 0.05), (0.2, 0.1), (0.45, -0.08), (-0.15, -0.1)):
        sketch.limb([(x - 0.10, y), (x, y + 0.03), (x + 0.10, y)], 0.02, (140, 196, 236))


def grass(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A tuft of high grass."""
    for x, lean, height in (
        (-0.16, -0.07, 0.16),
        (-0.08, -0.03, 0.22),
        (0.0, 0.02, 0.25),
        (0.08, 0.05, 0.21),
        (0.16, 0.09, 0.16),
    ):
        sketch.polygon([(x - 0.035, 0.0), (x + 0.035, 0.0), (x + lean, height)], shade(paint, 0.75 + (x + 0.2)))


def rope(sketch: Sketch, points: list[tuple[float, float]], colour: Colour = (96, 78, 60)) -> None:
    """A rope through points of the picture; the sketch's frame must be the picture's."""
    sketch.limb(points, 1.1, colour)
