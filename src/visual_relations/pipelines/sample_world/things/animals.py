"""Animals, seen from the side and facing right; each pose is another silhouette."""

from __future__ import annotations

from visual_relations.pipelines.sample_world.canvas import Colour, Point, Sketch, shade

EYE: Colour = (25, 25, 28)


def _legs(
    sketch: Sketch, xs: tuple[float, float, float, float], top: float, width: float, coat: Colour, pose: str
) -> None:
    """Two far and two near legs from height `top` to the ground; folded when lying, spread when walking."""
    if pose == "lying":
        for x in (xs[0], xs[3]):
            sketch.limb([(x, width), (x + 0.16, width * 0.6)], width, shade(coat, 0.85))
        return
    swing = 0.07 if pose == "walking" else 0.0
    for index, x in enumerate(xs):
        far = index % 2 == 0
        shift = swing if far else -swing
        sketch.limb([(x, top), (x + shift, width / 2)], width, shade(coat, 0.7 if far else 0.92))


def dog(sketch: Sketch, pose: str, coat: Colour) -> None:
    """A dog with hanging ears: standing, walking, sitting, lying, eating or riding along."""
    dark = shade(coat, 0.6)
    head: Point
    if pose == "sitting":
        with sketch.part("tail"):
            sketch.limb([(-0.16, 0.06), (-0.30, 0.16)], 0.05, coat)
        sketch.limb([(-0.10, 0.10), (0.06, 0.32)], 0.20, coat)
        sketch.ellipse(-0.08, 0.10, 0.13, 0.10, shade(coat, 0.9))
        sketch.limb([(0.08, 0.28), (0.10, 0.03)], 0.07, shade(coat, 0.92))
        head = (0.12, 0.45)
    else:
        base = 0.10 if pose == "lying" else 0.25
        with sketch.part("tail"):
            sketch.limb([(-0.24, base + 0.03), (-0.38, base + (0.0 if pose == "lying" else 0.16))], 0.05, coat)
        _legs(sketch, (-0.17, -0.22, 0.13, 0.18), base, 0.065, coat, pose)
        sketch.limb([(-0.18, base), (0.16, base + 0.01)], 0.19, coat)
        head = (0.30, 0.14) if pose == "eating" else (0.27, base + 0.18)
        sketch.limb([(0.16, base + 0.04), head], 0.13, coat)
    x, y = head
    sketch.ellipse(x, y, 0.115, 0.105, coat)
    sketch.ellipse(x + 0.12, y - 0.035, 0.085, 0.055, shade(coat, 1.25))
    sketch.ellipse(x + 0.19, y - 0.015, 0.028, 0.024, EYE)
    sketch.ellipse(x - 0.07, y - 0.01, 0.045, 0.10, dark)
    sketch.ellipse(x + 0.045, y + 0.03, 0.018, fill=EYE)
    sketch.mark(mouth=(x + 0.18, y - 0.06), head=(x, y), crown=(x, y + 0.10), back=(0.0, 0.33))


def cat(sketch: Sketch, pose: str, coat: Colour) -> None:
    """A cat with pointed ears, whiskers and a long raised tail."""
    stripe = shade(coat, 0.7)
    head: Point
    if pose == "sitting":
        with sketch.part("tail"):
            sketch.limb([(-0.10, 0.04), (-0.24, 0.05), (-0.27, 0.18)], 0.045, stripe)
        sketch.ellipse(-0.02, 0.15, 0.13, 0.17, coat)
        sketch.limb([(0.07, 0.20), (0.08, 0.02)], 0.055, shade(coat, 0.9))
        head = (0.06, 0.37)
    elif pose == "lying":
        with sketch.part("tail"):
            sketch.limb([(-0.20, 0.06), (-0.34, 0.05), (-0.40, 0.12)], 0.045, stripe)
        sketch.ellipse(-0.03, 0.095, 0.21, 0.10, coat)
        sketch.limb([(0.08, 0.03), (0.22, 0.03)], 0.055, shade(coat, 0.9))
        head = (0.19, 0.18)
    else:
        with sketch.part("tail"):
            sketch.limb([(-0.18, 0.22), (-0.28, 0.30), (-0.26, 0.46)], 0.045, stripe)
        _legs(sketch, (-0.12, -0.16, 0.10, 0.14), 0.18, 0.05, coat, pose)
        sketch.limb([(-0.14, 0.20), (0.12, 0.20)], 0.15, coat)
        head = (0.24, 0.12) if pose == "eating" else (0.20, 0.34)
    for shift in (-0.08, -0.01) if pose != "sitting" else ():
        sketch.limb([(shift, head[1] * 0.35 + 0.06), (shift, head[1] * 0.35 + 0.12)], 0.025, stripe)
    x, y = head
    for side in (-1, 1):
        sketch.polygon([(x + side * 0.11, y + 0.02), (x + side * 0.10, y + 0.17), (x + side * 0.02, y + 0.09)], coat)
    sketch.ellipse(x, y, 0.125, 0.105, coat)
    for side in (-1, 1):
        sketch.ellipse(x + 0.02 + side * 0.05, y + 0.015, 0.02, 0.026, (70, 130, 60))
        sketch.ellipse(x + 0.02 + side * 0.05, y + 0.015, 0.009, 0.024, EYE)
        sketch.limb([(x + side * 0.06, y - 0.045), (x + side * 0.17, y - 0.03)], 0.012, shade(coat, 0.4))
    sketch.ellipse(x + 0.02, y - 0.035, 0.018, 0.013, (230, 120, 130))
    sketch.mark(mouth=(x + 0.05, y - 0.07), head=(x, y), crown=(x, y + 0.1), back=(0.0, 0.27))


def horse(sketch: Sketch, pose: str, coat: Colour) -> None:
    """A horse with mane and long neck; it grazes when eating."""
    mane = shade(coat, 0.45)
    base = 0.20 if pose == "lying" else 0.56
    with sketch.part("tail"):
        sketch.limb([(-0.42, base + 0.06), (-0.52, base - 0.08), (-0.50, max(base - 0.30, 0.04))], 0.07, mane)
    _legs(sketch, (-0.28, -0.35, 0.24, 0.31), base - 0.05, 0.085, coat, pose)
    sketch.limb([(-0.28, base), (0.26, base)], 0.30, coat)
    low = pose == "eating"
    head: Point = (0.62, 0.16) if low else (0.56, base + 0.44)
    throat = (0.46, base - 0.06) if low else (0.46, base + 0.28)
    sketch.limb([(0.28, base + 0.06), throat, head], 0.17, coat)
    crest = (
        [(0.20, base + 0.14), (0.38, base + 0.06), (0.53, 0.26)]
        if low
        else [(0.22, base + 0.16), (0.40, base + 0.36), (0.52, base + 0.54)]
    )
    sketch.limb(crest, 0.075, mane)
    x, y = head
    nose = (x + 0.09, y - 0.11) if low else (x + 0.19, y - 0.11)
    sketch.limb([head, nose], 0.14, coat)
    sketch.ellipse(*nose, 0.065, 0.06, shade(coat, 1.3))
    sketch.polygon([(x - 0.05, y + 0.05), (x - 0.03, y + 0.18), (x + 0.03, y + 0.06)], shade(coat, 0.8))
    sketch.ellipse(x + 0.035, y + 0.02, 0.02, 0.024, EYE)
    sketch.mark(
        seat=(-0.04, base + 0.16),
        mouth=(nose[0], nose[1] - 0.04),
        head=head,
        back=(-0.05, base + 0.15),
        neck=(0.44, base + 0.2),
    )
    sketch.mark(rear=(-0.45, base - 0.1))


def cow(sketch: Sketch, pose: str, coat: Colour) -> None:
    """A spotted cow with horns and an udder."""
    base = 0.20 if pose == "lying" else 0.46
    spots = (50, 45, 45) if sum(coat[:3]) > 420 else (240, 236, 228)
    with sketch.part("tail"):
        sketch.limb([(-0.40, base + 0.10), (-0.47, base - 0.18)], 0.035, coat)
        sketch.ellipse(-0.47, base - 0.2, 0.035, 0.06, shade(coat, 0.4))
    _legs(sketch, (-0.26, -0.33, 0.22, 0.29), base - 0.06, 0.09, coat, pose)
    if pose != "lying":
        sketch.ellipse(-0.18, base - 0.17, 0.08, 0.07, (245, 170, 170))
    sketch.limb([(-0.24, base), (0.24, base)], 0.34, coat)
    sketch.ellipse(-0.20, base + 0.05, 0.12, 0.09, spots)
    sketch.ellipse(0.08, base - 0.03, 0.10, 0.08, spots)
    low = pose == "eating"
    x, y = (0.50, 0.15) if low else (0.48, base + 0.20)
    sketch.limb([(0.28, base + 0.06), (x, y)], 0.18, coat)
    for side in (-0.07, 0.06):
        sketch.polygon(
            [(x + side - 0.025, y + 0.10), (x + side * 1.8, y + 0.24), (x + side + 0.03, y + 0.10)], (235, 225, 200)
        )
    sketch.ellipse(x - 0.13, y + 0.06, 0.07, 0.035, shade(coat, 0.7))
    sketch.ellipse(x, y, 0.12, 0.14, coat)
    sketch.ellipse(x + 0.06, y - 0.10, 0.10, 0.075, (245, 185, 180))
    sketch.ellipse(x + 0.05, y + 0.04, 0.02, 0.024, EYE)
    sketch.mark(
        seat=(-0.02, base + 0.17),
        mouth=(x + 0.08, y - 0.14),
        head=(x, y),
        back=(-0.05, base + 0.17),
        neck=(0.4, base + 0.1),
        rear=(-0.42, base),
    )


def sheep(sketch: Sketch, pose: str, coat: Colour) -> None:
    """A woolly sheep with a dark face."""
    base = 0.14 if pose == "lying" else 0.30
    face = (60, 52, 50)
    _legs(sketch, (-0.15, -0.20, 0.12, 0.17), base - 0.05, 0.055, face, pose)
    for x, y, radius in (
        (-0.20, 0.0, 0.12),
        (-0.08, 0.08, 0.14),
        (0.07, 0.08, 0.14),
        (0.17, 0.0, 0.12),
        (-0.07, -0.05, 0.14),
        (0.08, -0.05, 0.13),
    ):
        sketch.ellipse(x, base + y, radius, fill=shade(coat, 0.93 if y < 0 else 1.0))
    x, y = (0.30, 0.13) if pose == "eating" else (0.29, base + 0.14)
    sketch.ellipse(x - 0.08, y + 0.03, 0.06, 0.03, face)
    sketch.ellipse(x, y, 0.075, 0.105, face)
    sketch.ellipse(x - 0.02, y + 0.09, 0.08, 0.055, coat)
    sketch.ellipse(x + 0.03, y + 0.02, 0.016, fill=(240, 240, 240))
    sketch.mark(
        seat=(0.0, base + 0.2),
        mouth=(x + 0.03, y - 0.1),
        head=(x, y),
        back=(0.0, base + 0.2),
        neck=(0.2, base + 0.1),
        rear=(-0.3, base),
    )


def elephant(sketch: Sketch, pose: str, coat: Colour) -> None:
    """An elephant: trunk, tusk, large ear; the trunk reaches down when eating."""
    base = 0.30 if pose == "lying" else 0.66
    with sketch.part("tail"):
        sketch.limb([(-0.52, base + 0.12), (-0.60, base - 0.16)], 0.035, shade(coat, 0.8))
    _legs(sketch, (-0.30, -0.40, 0.20, 0.31), base - 0.10, 0.16, coat, pose)
    sketch.ellipse(-0.05, base + 0.02, 0.50, 0.31, coat)
    x, y = 0.50, base + 0.20
    tip = (0.86, 0.14) if pose == "eating" else (0.80, y - 0.34)
    curl = (tip[0] + 0.06, tip[1] - 0.05) if pose == "eating" else (tip[0] + 0.12, tip[1] + 0.06)
    sketch.limb([(x + 0.12, y - 0.02), (x + 0.25, y - 0.18), tip, curl], 0.10, shade(coat, 0.95))
    sketch.ellipse(x, y, 0.24, 0.23, coat)
    sketch.polygon([(x + 0.13, y - 0.12), (x + 0.33, y - 0.22), (x + 0.15, y - 0.19)], (250, 246, 230))
    sketch.ellipse(x - 0.15, y - 0.01, 0.17, 0.22, shade(coat, 0.82))
    sketch.ellipse(x + 0.11, y + 0.06, 0.024, fill=EYE)
    sketch.mark(
        seat=(-0.08, base + 0.32),
        mouth=curl,
        head=(x, y),
        back=(-0.1, base + 0.32),
        neck=(0.5, base + 0.3),
        rear=(-0.55, base),
    )


def bird(sketch: Sketch, pose: str, coat: Colour) -> None:
    """A bird: wings spread when flying, folded when perched."""
    if pose == "flying":
        sketch.polygon([(-0.04, 0.05), (-0.16, 0.30), (-0.24, 0.24), (-0.10, 0.02)], shade(coat, 0.65))
        sketch.ellipse(0.0, 0.0, 0.16, 0.08, coat)
        sketch.polygon([(-0.12, 0.0), (-0.30, 0.05), (-0.28, -0.06)], shade(coat, 0.7))
        sketch.polygon([(0.06, 0.03), (0.0, 0.34), (-0.12, 0.28), (-0.09, 0.02)], shade(coat, 0.8))
        head = (0.16, 0.06)
    else:
        for x in (-0.02, 0.04):
            sketch.limb([(x, 0.10), (x + 0.01, 0.01)], 0.02, (225, 150, 50))
        sketch.polygon([(-0.08, 0.13), (-0.30, 0.05), (-0.26, 0.14)], shade(coat, 0.7))
        sketch.ellipse(0.0, 0.16, 0.15, 0.10, coat)
        sketch.ellipse(-0.04, 0.16, 0.10, 0.06, shade(coat, 0.75))
        head = (0.20, 0.10) if pose == "eating" else (0.12, 0.28)
    x, y = head
    sketch.ellipse(x, y, 0.08, fill=coat)
    sketch.polygon([(x + 0.06, y + 0.03), (x + 0.16, y - 0.005), (x + 0.06, y - 0.03)], (240, 160, 40))
    sketch.ellipse(x + 0.025, y + 0.02, 0.018, fill=EYE)
    sketch.mark(mouth=(x + 0.14, y), head=head, crown=(x, y + 0.08))


def duck(sketch: Sketch, pose: str, coat: Colour) -> None:
    """A duck with an upright neck and a flat bill; it swims without legs."""
    lift = 0.0 if pose == "swimming" else 0.07
    if pose != "swimming":
        for x in (-0.03, 0.05):
            sketch.limb([(x, 0.10), (x, 0.015), (x + 0.05, 0.015)], 0.025, (240, 140, 40))
    sketch.polygon([(-0.16, 0.12 + lift), (-0.31, 0.22 + lift), (-0.12, 0.02 + lift)], shade(coat, 0.9))
    sketch.ellipse(0.0, 0.09 + lift, 0.21, 0.11, coat)
    sketch.ellipse(-0.03, 0.10 + lift, 0.12, 0.06, shade(coat, 0.84))
    head = (0.26, 0.08) if pose == "eating" else (0.19, 0.32 + lift)
    sketch.limb([(0.15, 0.12 + lift), head], 0.09, coat)
    x, y = head
    sketch.ellipse(x, y, 0.085, 0.08, coat)
    sketch.ellipse(x + 0.11, y - 0.02, 0.07, 0.026, (240, 140, 40))
    sketch.ellipse(x + 0.03, y + 0.02, 0.017, fill=EYE)
    sketch.mark(mouth=(x + 0.14, y - 0.03), head=head, crown=(x, y + 0.08))
