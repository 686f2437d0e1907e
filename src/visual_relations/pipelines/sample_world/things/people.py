"""Men, women, boys and girls. The pose of the limbs is what tells riding from standing, holding from carrying."""

from __future__ import annotations

from dataclasses import dataclass

from visual_relations.pipelines.sample_world.canvas import Colour, Point, Sketch, shade

SHOE: Colour = (60, 50, 48)


@dataclass(frozen=True)
class Limbs:
    """Joints relative to the hip (legs) and the shoulder (arms): (knee, foot) and (elbow, hand) of both sides."""

    hip: float  # height of the hip above the origin
    near_leg: tuple[Point, Point]
    far_leg: tuple[Point, Point]
    near_arm: tuple[Point, Point]
    far_arm: tuple[Point, Point]


STRAIGHT = ((0.03, -0.21), (0.03, -0.41)), ((-0.04, -0.21), (-0.05, -0.41))
STRIDE = ((0.11, -0.19), (0.20, -0.40)), ((-0.06, -0.20), (-0.22, -0.38))
SEATED = ((0.24, -0.01), (0.25, -0.27)), ((0.22, -0.01), (0.21, -0.27))
ASTRIDE = ((0.13, -0.16), (0.07, -0.35)), ((0.13, -0.16), (0.07, -0.35))
ON_GROUND = ((0.22, 0.12), (0.38, -0.07)), ((0.20, 0.10), (0.34, -0.07))
DOWN = ((0.05, -0.15), (0.03, -0.29)), ((-0.05, -0.15), (-0.07, -0.29))
SWING = ((-0.10, -0.13), (-0.05, -0.27)), ((0.09, -0.13), (0.16, -0.25))
AHEAD = ((0.10, -0.11), (0.25, -0.02)), ((0.08, -0.13), (0.22, -0.06))
UPWARD = ((0.14, -0.03), (0.23, 0.15)), ((-0.05, -0.15), (-0.07, -0.29))
HUGGING = ((0.08, -0.16), (0.22, -0.12)), ((0.06, -0.18), (0.20, -0.16))
TO_MOUTH = ((0.13, -0.12), (0.16, 0.08)), ((-0.05, -0.15), (0.02, -0.27))
POINTING = ((0.15, 0.03), (0.30, 0.12)), ((-0.05, -0.15), (-0.07, -0.29))
TOWING = ((-0.14, -0.08), (-0.29, -0.12)), ((-0.12, -0.10), (-0.27, -0.14))
READING = ((0.08, -0.15), (0.20, -0.07)), ((0.06, -0.17), (0.18, -0.09))

POSES: dict[str, Limbs] = {
    "standing": Limbs(0.43, *STRAIGHT, *DOWN),
    "walking": Limbs(0.42, *STRIDE, *SWING),
    "holding": Limbs(0.43, *STRAIGHT, *AHEAD),
    "reaching": Limbs(0.43, *STRAIGHT, *UPWARD),
    "carrying": Limbs(0.42, *STRIDE, *HUGGING),
    "eating": Limbs(0.43, *STRAIGHT, *TO_MOUTH),
    "pointing": Limbs(0.43, *STRAIGHT, *POINTING),
    "towing": Limbs(0.42, *STRIDE, *TOWING),
    "sitting": Limbs(0.29, *SEATED, *DOWN),
    "sitting_holding": Limbs(0.29, *SEATED, *READING),
    "sitting_eating": Limbs(0.29, *SEATED, *TO_MOUTH),
    "on_ground": Limbs(0.09, *ON_GROUND, *DOWN),
    "riding": Limbs(0.0, *ASTRIDE, *AHEAD),
    "bust": Limbs(0.29, *SEATED, *AHEAD),
    "lying": Limbs(0.43, *STRAIGHT, *DOWN),
}


@dataclass(frozen=True)
class Look:
    """What makes one person differ from another of the same name."""

    skin: Colour
    hair: Colour
    shirt: Colour
    trousers: Colour


def person(sketch: Sketch, kind: str, pose: str, look: Look, gaze: float = 0.0) -> None:
    """Draw a person in a pose; `gaze` tilts the look up (positive) or down.

    Children are drawn by a smaller frame, with a larger head.
    """
    limbs = POSES[pose]
    child = kind in ("boy", "girl")
    hip, shoulder = (0.0, limbs.hip), (0.02, limbs.hip + 0.28)
    if pose == "towing":
        shoulder = (0.10, limbs.hip + 0.26)
    _arm(sketch, shoulder, limbs.far_arm, shade(look.shirt, 0.78), shade(look.skin, 0.85))
    if pose != "bust":  # behind a window or a board, where legs cannot be seen
        _legs(sketch, hip, limbs, look, child=child)
    dressed = kind in ("woman", "girl")
    with sketch.part("dress" if dressed else "shirt"):
        _torso(sketch, hip, shoulder, limbs, look, dressed=dressed and pose != "bust")
    _head(sketch, kind, shoulder, look, gaze, child=child)
    with sketch.part("dress" if dressed else "shirt"):
        sketch.limb([shoulder, _plus(shoulder, limbs.near_arm[0])], 0.085, shade(look.shirt, 0.9))
    _arm(sketch, shoulder, limbs.near_arm, None, look.skin)
    hand = _plus(shoulder, limbs.near_arm[1])
    sketch.mark(hand=hand, hip=hip, feet=(0.0, 0.0), chest=(shoulder[0] + 0.2, shoulder[1] - 0.14))


def _plus(a: Point, b: Point) -> Point:
    return a[0] + b[0], a[1] + b[1]


def _leg(sketch: Sketch, hip: Point, leg: tuple[Point, Point], colour: Colour, *, short: bool) -> None:
    knee, foot = _plus(hip, leg[0]), _plus(hip, leg[1])
    sketch.limb([hip, knee, foot], 0.095 if not short else 0.11, colour)


def _legs(sketch: Sketch, hip: Point, limbs: Limbs, look: Look, *, child: bool) -> None:
    with sketch.part("pants"):
        _leg(sketch, hip, limbs.far_leg, shade(look.trousers, 0.78), short=child)
        _leg(sketch, hip, limbs.near_leg, look.trousers, short=child)
    for _, foot in (limbs.far_leg, limbs.near_leg):
        sketch.ellipse(hip[0] + foot[0] + 0.03, hip[1] + foot[1], 0.065, 0.032, SHOE)


def _arm(sketch: Sketch, shoulder: Point, arm: tuple[Point, Point], sleeve: Colour | None, skin: Colour) -> None:
    elbow, hand = _plus(shoulder, arm[0]), _plus(shoulder, arm[1])
    if sleeve is not None:
        sketch.limb([shoulder, elbow], 0.085, sleeve)
    sketch.limb([elbow, hand], 0.06, skin)
    sketch.ellipse(*hand, 0.04, fill=skin)


def _torso(sketch: Sketch, hip: Point, shoulder: Point, limbs: Limbs, look: Look, *, dressed: bool) -> None:
    sketch.limb([(hip[0], hip[1] + 0.05), (shoulder[0], shoulder[1] - 0.03)], 0.20, look.shirt)
    if dressed:
        knee = limbs.near_leg[0]
        hem = _plus(hip, (knee[0] * 1.05, knee[1] * 0.95))
        far = _plus(hip, (min(limbs.far_leg[0][0], knee[0]) * 1.05 - 0.10, min(limbs.far_leg[0][1], knee[1]) * 0.95))
        if knee[1] > -0.1:  # seated: the skirt lies on the thigh
            sketch.limb([hip, (hem[0] - 0.04, hem[1])], 0.14, look.shirt)
        else:
            waist = hip[1] + 0.12
            sketch.polygon([(hip[0] - 0.09, waist), (hip[0] + 0.11, waist), (hem[0] + 0.09, hem[1]), far], look.shirt)


def _head(sketch: Sketch, kind: str, shoulder: Point, look: Look, gaze: float, *, child: bool) -> None:
    radius = 0.155 if child else 0.135
    x, y = shoulder[0] + 0.02, shoulder[1] + radius + 0.06
    if kind == "woman":  # long hair behind the head and down the back
        sketch.limb([(x - 0.08, y + 0.02), (x - 0.13, y - 0.24)], 0.15, look.hair)
    sketch.limb([shoulder, (x, y)], 0.08, shade(look.skin, 0.9))
    sketch.ellipse(x, y, radius, radius * 1.05, look.skin)
    hair = shade(look.hair, 1.0)
    sketch.half_ellipse(x - 0.01, y + 0.03, radius * 1.06, radius * 1.05, hair)
    sketch.polygon(
        [
            (x - radius * 1.06, y + 0.04),
            (x - radius * 0.2, y + 0.05),
            (x - radius * 0.45, y - 0.06),
            (x - radius, y - 0.05),
        ],
        hair,
    )
    if kind == "girl":  # pigtails
        sketch.ellipse(x - radius * 1.25, y - 0.03, 0.06, 0.10, hair)
        sketch.ellipse(x - radius * 1.0, y + 0.07, 0.035, fill=(230, 60, 90))
    if kind == "man":  # a beard: men and boys differ by more than size
        sketch.polygon(
            [(x - 0.05, y - 0.05), (x + radius * 0.98, y - 0.02), (x + radius * 0.7, y - radius), (x, y - radius)], hair
        )
        sketch.ellipse(x + 0.06, y - 0.055, 0.03, 0.012, (200, 90, 90))
    else:
        sketch.ellipse(x + 0.07, y - 0.065, 0.028, 0.013, (200, 70, 80))
    sketch.ellipse(x + 0.055, y + 0.015 + gaze * 0.03, 0.018, 0.024, (30, 30, 35))
    sketch.ellipse(x + 0.115, y + 0.015 + gaze * 0.03, 0.013, 0.022, (30, 30, 35))
    sketch.mark(head=(x, y), crown=(x, y + radius * 1.0), mouth=(x + radius * 0.9, y - 0.06))
