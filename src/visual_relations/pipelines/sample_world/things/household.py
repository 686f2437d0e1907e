"""Furniture and things one can hold."""

from __future__ import annotations

from visual_relations.pipelines.sample_world.canvas import Colour, Sketch, shade

WOOD: Colour = (164, 112, 66)


def table(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A table with room beneath it."""
    for x in (-0.40, 0.40):
        sketch.rectangle(x - 0.04, 0.0, x + 0.04, 0.40, shade(paint, 0.75))
    sketch.rectangle(-0.52, 0.38, 0.52, 0.45, paint)
    sketch.rectangle(-0.52, 0.36, 0.52, 0.39, shade(paint, 0.7))
    sketch.mark(top=(0.0, 0.45), top_left=(-0.3, 0.45), top_right=(0.3, 0.45), under=(0.0, 0.0), back=(0.0, 0.45))


def chair(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A chair seen from the side, its back on the left."""
    for x in (-0.18, 0.16):
        sketch.limb([(x, 0.02), (x, 0.26)], 0.05, shade(paint, 0.75))
    sketch.limb([(-0.19, 0.27), (-0.23, 0.68)], 0.06, paint)
    sketch.limb([(-0.20, 0.27), (0.19, 0.27)], 0.07, paint)
    sketch.mark(seat=(-0.02, 0.30), top=(0.0, 0.30), under=(0.0, 0.0), back=(0.0, 0.3), hook=(-0.24, 0.66))


def bench(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A park bench seen from the front: slats and two iron legs."""
    for x in (-0.50, 0.50):
        sketch.limb([(x, 0.02), (x, 0.62)], 0.05, (70, 72, 78))
    for y in (0.42, 0.52, 0.62):
        sketch.rectangle(-0.60, y - 0.035, 0.60, y + 0.035, paint)
    sketch.rectangle(-0.62, 0.22, 0.62, 0.30, shade(paint, 0.85))
    sketch.mark(seat=(0.0, 0.30), top=(0.0, 0.30), under=(0.0, 0.0), back=(0.0, 0.3))


def bed(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A bed seen from the side: head board on the left, pillow, blanket."""
    sketch.rectangle(-0.72, 0.0, -0.64, 0.56, WOOD)
    sketch.rectangle(0.64, 0.0, 0.72, 0.36, WOOD)
    sketch.rectangle(-0.66, 0.10, 0.66, 0.18, shade(WOOD, 0.8))
    sketch.rectangle(-0.64, 0.18, 0.64, 0.28, (246, 244, 238))
    sketch.rectangle(-0.20, 0.14, 0.65, 0.31, paint)
    sketch.ellipse(-0.49, 0.31, 0.13, 0.055, (255, 255, 255))
    sketch.ellipse(-0.49, 0.29, 0.13, 0.03, (222, 226, 232))
    sketch.mark(seat=(0.05, 0.31), top=(0.05, 0.31), under=(0.0, 0.0), back=(0.0, 0.31), pillow=(-0.45, 0.31))


def umbrella(sketch: Sketch, pose: str, paint: Colour) -> None:
    """An open umbrella, or a closed one; the origin is the grip."""
    if pose == "closed":
        sketch.limb([(0.0, 0.0), (0.0, 0.16)], 0.025, (90, 66, 48))
        sketch.polygon([(-0.07, 0.14), (0.07, 0.14), (0.015, 0.58), (-0.015, 0.58)], paint)
        return
    sketch.limb([(0.05, -0.07), (0.0, -0.09), (0.0, 0.55)], 0.025, (90, 66, 48))
    sketch.half_ellipse(0.0, 0.36, 0.40, 0.26, paint)
    sketch.half_ellipse(0.0, 0.36, 0.15, 0.26, shade(paint, 1.35))
    sketch.ellipse(0.0, 0.63, 0.018, 0.04, (90, 66, 48))


def hat(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A hat with a brim; the origin is its lower edge."""
    sketch.half_ellipse(0.0, 0.0, 0.13, 0.17, paint)
    sketch.ellipse(0.0, 0.01, 0.22, 0.035, shade(paint, 0.85))
    sketch.rectangle(-0.125, 0.025, 0.125, 0.055, shade(paint, 0.5))


def ball(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A beach ball."""
    sketch.ellipse(0.0, 0.11, 0.11, fill=paint)
    sketch.ellipse(0.0, 0.11, 0.045, 0.11, (250, 250, 250))
    sketch.ellipse(0.0, 0.11, 0.025, fill=shade(paint, 0.7))


def kite(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A diamond kite with a tail of bows; the origin is its middle."""
    sketch.limb([(0.0, -0.20), (-0.06, -0.32), (0.02, -0.42)], 0.014, (90, 90, 96))
    for x, y in ((-0.05, -0.29), (0.0, -0.39)):
        sketch.polygon(
            [(x - 0.06, y + 0.03), (x + 0.06, y - 0.03), (x + 0.06, y + 0.03), (x - 0.06, y - 0.03)], (240, 190, 60)
        )
    sketch.polygon([(0.0, 0.22), (0.16, 0.03), (0.0, -0.22), (-0.16, 0.03)], paint)
    sketch.polygon([(0.0, 0.22), (0.16, 0.03), (0.0, 0.03)], shade(paint, 1.45))
    sketch.polygon([(0.0, -0.22), (-0.16, 0.03), (0.0, 0.03)], shade(paint, 0.75))
    sketch.mark(knot=(0.0, -0.1))


def book(sketch: Sketch, pose: str, paint: Colour) -> None:
    """A book: open when it is read, closed otherwise."""
    if pose == "open":
        sketch.polygon([(-0.15, 0.0), (0.0, -0.04), (0.15, 0.0), (0.15, 0.18), (0.0, 0.14), (-0.15, 0.18)], paint)
        sketch.polygon([(-0.13, 0.02), (0.0, -0.02), (0.0, 0.14), (-0.13, 0.18)], (252, 250, 244))
        sketch.polygon([(0.13, 0.02), (0.0, -0.02), (0.0, 0.14), (0.13, 0.18)], (238, 236, 228))
        return
    sketch.rectangle(-0.12, 0.0, 0.12, 0.10, paint)
    sketch.rectangle(-0.10, 0.02, 0.12, 0.08, (252, 250, 244))
    sketch.rectangle(-0.12, 0.075, 0.12, 0.10, shade(paint, 0.8))


def laptop(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """An open laptop with a lit screen, facing left to its user."""
    sketch.limb([(-0.20, 0.015), (0.06, 0.015)], 0.03, (120, 124, 132))
    sketch.polygon([(0.05, 0.02), (0.14, 0.26), (0.18, 0.26), (0.09, 0.02)], (84, 88, 96))
    sketch.polygon([(-0.04, 0.03), (0.05, 0.27), (0.14, 0.27), (0.06, 0.03)], shade(paint, 1.5))


def cup(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A cup with a handle."""
    sketch.ellipse(0.085, 0.08, 0.05, fill=shade(paint, 0.8))
    sketch.ellipse(0.085, 0.08, 0.028, fill=(0, 0, 0, 0))
    sketch.polygon([(-0.08, 0.15), (0.08, 0.15), (0.06, 0.0), (-0.06, 0.0)], paint)
    sketch.ellipse(0.0, 0.15, 0.08, 0.022, shade(paint, 0.6))


def plate(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A plate, seen at a slant."""
    sketch.ellipse(0.0, 0.035, 0.21, 0.05, shade(paint, 0.8))
    sketch.ellipse(0.0, 0.045, 0.21, 0.05, paint)
    sketch.ellipse(0.0, 0.045, 0.13, 0.027, shade(paint, 0.9))
    sketch.mark(top=(0.0, 0.045))


def pizza(sketch: Sketch, pose: str, _paint: Colour) -> None:
    """A pizza, or one slice of it."""
    if pose == "slice":
        sketch.polygon([(-0.04, 0.05), (0.14, 0.16), (0.20, 0.02)], (250, 205, 90))
        sketch.limb([(0.14, 0.16), (0.20, 0.02)], 0.04, (200, 140, 70))
        sketch.ellipse(0.10, 0.08, 0.028, fill=(205, 50, 45))
        return
    sketch.ellipse(0.0, 0.06, 0.22, 0.085, (200, 140, 70))
    sketch.ellipse(0.0, 0.07, 0.19, 0.068, (250, 205, 90))
    for x, y in ((-0.1, 0.08), (0.02, 0.05), (0.11, 0.085), (-0.02, 0.105)):
        sketch.ellipse(x, y, 0.034, 0.02, (205, 50, 45))


def cake(sketch: Sketch, pose: str, paint: Colour) -> None:
    """A layered cake with candles, or one slice of it."""
    if pose == "slice":
        sketch.polygon([(-0.05, 0.0), (0.13, 0.0), (0.13, 0.12), (-0.05, 0.12)], (235, 200, 150))
        sketch.rectangle(-0.05, 0.045, 0.13, 0.07, (150, 90, 60))
        sketch.rectangle(-0.055, 0.10, 0.135, 0.145, paint)
        sketch.ellipse(0.04, 0.16, 0.03, fill=(205, 40, 60))
        return
    for x in (-0.08, 0.0, 0.08):
        sketch.rectangle(x - 0.012, 0.19, x + 0.012, 0.28, (250, 250, 250))
        sketch.ellipse(x, 0.30, 0.016, 0.026, (250, 170, 40))
    sketch.rectangle(-0.16, 0.0, 0.16, 0.20, (235, 200, 150))
    sketch.rectangle(-0.16, 0.08, 0.16, 0.11, (150, 90, 60))
    sketch.rectangle(-0.165, 0.15, 0.165, 0.21, paint)
    for x in (-0.13, -0.04, 0.05, 0.13):
        sketch.ellipse(x, 0.15, 0.03, 0.035, paint)


def lamp(sketch: Sketch, pose: str, paint: Colour) -> None:
    """A lamp on a foot; hanging, it is a lantern on a chain and the origin is the hook."""
    if pose == "hanging":
        sketch.limb([(0.0, 0.0), (0.0, -0.16)], 0.016, (70, 70, 76))
        sketch.polygon([(-0.06, -0.16), (0.06, -0.16), (0.14, -0.32), (-0.14, -0.32)], paint)
        sketch.ellipse(0.0, -0.33, 0.06, 0.045, (255, 240, 150))
        return
    sketch.ellipse(0.0, 0.02, 0.11, 0.025, (110, 100, 95))
    sketch.limb([(0.0, 0.02), (0.0, 0.26)], 0.03, (110, 100, 95))
    sketch.ellipse(0.0, 0.22, 0.05, 0.04, (255, 240, 150))
    sketch.polygon([(-0.15, 0.23), (0.15, 0.23), (0.08, 0.42), (-0.08, 0.42)], paint)


def bag(sketch: Sketch, pose: str, paint: Colour) -> None:
    """A bag with a strap; hanging, the origin is the top of the strap."""
    drop = -0.36 if pose == "hanging" else 0.0
    sketch.ellipse(0.0, 0.24 + drop, 0.085, 0.12, shade(paint, 0.6))
    sketch.ellipse(0.0, 0.24 + drop, 0.060, 0.095, (0, 0, 0, 0))
    sketch.polygon([(-0.15, 0.0 + drop), (0.15, 0.0 + drop), (0.12, 0.23 + drop), (-0.12, 0.23 + drop)], paint)
    sketch.rectangle(-0.125, 0.15 + drop, 0.125, 0.18 + drop, shade(paint, 0.7))
    sketch.ellipse(0.0, 0.145 + drop, 0.025, fill=(245, 215, 110))


def box(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A cardboard box with tape."""
    sketch.rectangle(-0.17, 0.0, 0.17, 0.26, (196, 150, 98))
    sketch.rectangle(-0.18, 0.20, 0.18, 0.27, (172, 128, 80))
    sketch.rectangle(-0.03, 0.0, 0.03, 0.27, shade(paint, 1.2))
    sketch.mark(top=(0.0, 0.27))
