"""How each relation looks: one function per predicate puts a subject and an object on the stage.

Every function gets the names of the two ends and a `Spot`, and returns the two things. The same two names look
different under different predicates; that difference is all a model can learn the predicate from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from visual_relations.pipelines.sample_world.canvas import WIDTH
from visual_relations.pipelines.sample_world.catalogue import ANIMALS, KINDS, PEOPLE
from visual_relations.pipelines.sample_world.stage import GROUNDS, Stage, Thing

Pair = tuple[Thing, Thing]
ALOFT = {"plane": 1.2, "kite": 1.0, "bird": 0.85}  # how high a thing flies, in adults' heights
SKYWARD = ("cloud", "sun", "plane", "kite")
FOUR_LEGGED = tuple(name for name in ANIMALS if name not in ("bird", "duck"))
ROPE = (96, 74, 52)


class NoRoomError(Exception):
    """A pair cannot be put beside what is already on the stage."""


@dataclass(frozen=True)
class Spot:
    """Where a pair goes: ground point in pixels, pixels per adult's height, and whether it is mirrored."""

    x: float
    y: float
    scale: float
    mirrored: bool = False

    def at(self, dx: float, dy: float = 0.0) -> tuple[float, float]:
        """The point dx units ahead and dy units up."""
        return self.x + (-dx if self.mirrored else dx) * self.scale, self.y - dy * self.scale


Arrange = Callable[[Stage, Spot, str, str], Pair]


def put(
    stage: Stage, spot: Spot, name: str, dx: float, dy: float = 0.0, *, back: bool = False, **options: Any
) -> Thing:
    """Place a thing facing the way of the spot, or against it (`back`)."""
    x, y = spot.at(dx, dy)
    scale = float(options.pop("size", 1.0)) * spot.scale
    return stage.place(name, x, y, scale, flip=spot.mirrored != back, **options)


def reach(name: str) -> float:
    """Half the width of a thing in adults' heights."""
    return KINDS[name].reach * KINDS[name].size if name in KINDS else 0.0


def anchored(
    stage: Stage,
    spot: Spot,
    name: str,
    host: Thing,
    point: str,
    dx: float = 0.0,
    dy: float = 0.0,
    *,
    over: bool = True,
    **options: Any,
) -> Thing:
    """Place a thing at a named point of another, in front of it or (`over=False`) behind it."""
    x, y = host.point(point)
    x += (-dx if spot.mirrored else dx) * spot.scale
    scale = float(options.pop("size", 1.0)) * spot.scale
    back = bool(options.pop("back", False))
    place = host.place + (0.5 if over else -0.5)
    return stage.place(name, x, y - dy * spot.scale, scale, flip=spot.mirrored != back, place=place, **options)


def idle(stage: Stage, name: str) -> str | None:
    """A pose for a thing that does nothing in particular."""
    if name in PEOPLE:
        return stage.rng.choice(("standing", "standing", "walking"))
    if name in ("dog", "cat"):
        return stage.rng.choice(("standing", "sitting", "walking"))
    if name in ANIMALS:
        return "perched" if name == "bird" else stage.rng.choice(("standing", "walking"))
    return None


def _apart(stage: Stage, spot: Spot, subject: str, other: str, gap: float, pose: str | None, **options: Any) -> Pair:
    """Subject on the left, object on the right, `gap` units between them, on one ground line."""
    half = (reach(subject) + reach(other) + gap) / 2
    first = put(stage, spot, subject, -half + (reach(subject) - reach(other)) / 2, pose=pose, **options)
    second = put(
        stage,
        spot,
        other,
        half + (reach(subject) - reach(other)) / 2,
        pose=idle(stage, other),
        back=stage.rng.random() < 0.4,
    )
    return first, second


def next_to(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """Side by side, almost touching."""
    return _apart(stage, spot, subject, other, 0.04, idle(stage, subject), back=stage.rng.random() < 0.6)


def near(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """On one ground line with clear room between; what flies does so beside the other's top."""
    if subject in SKYWARD:
        second = put(stage, spot, other, -0.35)
        return put(stage, spot, subject, reach(other) + 0.1, KINDS[other].height * 0.95), second
    return _apart(
        stage, spot, subject, other, stage.rng.uniform(0.40, 0.55), idle(stage, subject), back=stage.rng.random() < 0.7
    )


def looking_at(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """The subject stands and faces the object; a person points at it."""
    pose = "pointing" if subject in PEOPLE else ("sitting" if subject in ("dog", "cat") else None)
    if other not in ALOFT:
        return _apart(stage, spot, subject, other, stage.rng.uniform(0.18, 0.32), pose, gaze=0.3)
    half = (reach(subject) + reach(other) + 0.1) / 2
    first = put(stage, spot, subject, -half, pose=pose, gaze=0.9)
    return first, put(stage, spot, other, half, ALOFT[other], pose="flying" if other == "bird" else None)


def watching(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """The subject sits on the ground and follows something that moves."""
    pose = "on_ground" if subject in PEOPLE else "sitting"
    aloft = ALOFT.get(other, 0.35 if other == "ball" else 0.0)
    gap = 0.12 if aloft > 0.4 else 0.35
    half = (reach(subject) + 0.2 + reach(other) + gap) / 2
    shift = (reach(subject) - reach(other)) / 2
    first = put(stage, spot, subject, -half + shift, pose=pose, gaze=0.9 if aloft else 0.2)
    moving = {"bird": "flying", "plane": None, "kite": None}.get(
        other, "walking" if other in (*ANIMALS, *PEOPLE) else None
    )
    second = put(stage, spot, other, half + shift, aloft, pose=moving)
    speed_lines(
        stage, spot, half + shift - reach(other), aloft + KINDS[other].height * (0.0 if aloft > 0.4 else 0.5), second
    )
    return first, second


def speed_lines(stage: Stage, spot: Spot, dx: float, dy: float, thing: Thing) -> None:
    """Three short strokes behind something fast."""
    for offset in (-0.10, 0.0, 0.10):
        start, end = spot.at(dx - 0.06, dy + offset), spot.at(dx - 0.24, dy + offset)
        stage.line([start, end], 1.3, (255, 255, 255), thing.place + 0.2)


def in_front_of(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """The subject stands nearer and hides a part of the object."""
    shift = stage.rng.uniform(-0.35, 0.35) * reach(other)
    far = replace(spot, y=spot.y - 0.16 * spot.scale, scale=spot.scale * 0.95)
    second = put(stage, far, other, 0.0, pose=idle(stage, other))
    first = put(stage, spot, subject, shift, pose=idle(stage, subject), back=stage.rng.random() < 0.5)
    return first, second


def behind(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """The subject stands farther away, or comes up behind the object, and is partly hidden by it."""
    if subject in SKYWARD:
        second = put(stage, spot, other, 0.0)
        lift = KINDS[other].height * KINDS[other].size * 0.9
        return put(stage, spot, subject, 0.5 * reach(other), lift, place=-0.8), second
    shift = stage.rng.uniform(-0.45, 0.45) * reach(other)
    far = replace(spot, y=spot.y - 0.20 * spot.scale, scale=spot.scale * 0.95)
    first = put(stage, far, subject, shift, pose=idle(stage, subject), back=stage.rng.random() < 0.5)
    second = put(stage, spot, other, 0.0, pose=idle(stage, other))
    return first, second


def under(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """The subject has the object over it: beneath a table, a tree, an umbrella."""
    if other == "umbrella":  # stuck in the ground like a parasol
        first = put(stage, spot, subject, 0.05, pose="sitting" if subject in ("dog", "cat") else "on_ground")
        x, y = spot.at(-0.12, 0.14)
        return first, stage.place(other, x, y, spot.scale * 1.9, flip=spot.mirrored, place=first.place - 0.5)
    second = put(stage, spot, other, 0.0, size=1.25 if other == "tree" else 1.1)
    pose = "on_ground" if subject in PEOPLE else "lying" if subject in FOUR_LEGGED else None
    tight = other != "tree" and KINDS[subject].height * KINDS[subject].size > 0.2
    shift = 0.18 if other == "tree" else 0.0
    return put(stage, spot, subject, shift, -0.03, pose=pose, size=0.62 if tight else 1.0), second


def above(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """The subject floats clear over the object."""
    second = put(stage, spot, other, 0.0, pose=idle(stage, other))
    pose = "flying" if subject in ("bird", "duck") else None
    lift = KINDS[other].height * KINDS[other].size + 0.24 + 0.5 * KINDS[subject].height
    if subject == "lamp":
        pose, lift = "hanging", KINDS[other].height + 0.62
    first = put(stage, spot, subject, stage.rng.uniform(-0.2, 0.2), lift, pose=pose)
    return first, second


def flying_in(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """High in the open sky, and fast."""
    first, second = in_sky(stage, spot, subject, other)
    x, y = first.point("middle")
    speed_lines(stage, replace(spot, x=x, y=y, scale=60.0), -reach(subject), 0.0, first)
    return first, second


def in_sky(stage: Stage, spot: Spot, subject: str, _other: str) -> Pair:
    """High in the open sky."""
    y = stage.horizon * stage.rng.uniform(0.25, 0.5)
    pose = "flying" if subject == "bird" else None
    scale = min(max(spot.scale, 56.0), 84.0)
    first = stage.place(subject, spot.x, y, scale, pose=pose, flip=spot.mirrored, place=-1.0)
    first.points["middle"] = (spot.x, y)
    sky = next((thing for thing in stage.things if thing.name == "sky"), None)
    if sky is None:
        sky = sky_of(stage)
        stage.things.append(sky)
    return first, sky


def sky_of(stage: Stage) -> Thing:
    """The sky as a thing: everything above the horizon."""
    return Thing("sky", ["blue" if stage.light == "day" else "orange"], box=(0, 0, WIDTH, int(stage.horizon)))


def riding(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """Astride a mount, or on a board."""
    second = put(stage, spot, other, 0.0, pose="walking")
    if other == "skateboard":
        first = anchored(stage, spot, subject, second, "seat", pose="walking", degrees=-8.0)
        speed_lines(stage, spot, -0.28, 0.35, second)
    elif subject in PEOPLE:
        first = anchored(stage, spot, subject, second, "seat", pose="riding")
    else:
        first = anchored(stage, spot, subject, second, "seat", pose="sitting", size=0.8)
    return first, second


def sitting_on(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """Seated on top."""
    second = put(stage, spot, other, 0.0, pose=idle(stage, other))
    pose = "sitting" if subject not in ("bird", "duck") else "swimming" if subject == "duck" else "perched"
    order = ("seat", "top") if subject in PEOPLE else ("top", "roof", "back", "bed", "seat")
    point = next(name for name in (*order, "roof") if name in second.points)
    drop = -0.29 * KINDS[subject].size if subject in PEOPLE else 0.0
    first = anchored(stage, spot, subject, second, point, 0.0, drop, pose=pose)
    return first, second


def standing_on(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """Upright on top."""
    if other == "street":
        return on_ground(stage, spot, subject, other, _standing(subject))
    second = put(stage, spot, other, 0.0, pose=idle(stage, other))
    point = next(name for name in ("top", "bed", "roof", "back", "seat") if name in second.points)
    first = anchored(stage, spot, subject, second, point, pose=_standing(subject))
    return first, second


def _standing(name: str) -> str | None:
    if name == "bird":
        return "perched"
    return "standing" if name in (*PEOPLE, *ANIMALS) else None


def lying_on(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """Stretched out on top."""
    if other == "street":
        return on_ground(stage, spot, subject, other, "lying")
    second = put(stage, spot, other, 0.0)
    point = "top" if "top" in second.points else "roof"
    if subject in PEOPLE:
        length = KINDS[subject].size
        first = anchored(stage, spot, subject, second, point, 0.45 * length, 0.09, pose="lying", degrees=90.0)
    else:
        first = anchored(stage, spot, subject, second, point, pose="lying")
    return first, second


def on_ground(stage: Stage, spot: Spot, subject: str, other: str, pose: str | None) -> Pair:
    """On the street or in the water, which lies across the whole picture."""
    second = ground(stage, spot, other)
    first = put(stage, spot, subject, 0.0, pose=pose)
    return first, second


def ground(stage: Stage, spot: Spot, name: str) -> Thing:
    """The street or the water at a spot; there is at most one in a picture."""
    for thing in stage.things:
        if thing.name == name:
            return thing
    if any(thing.name in GROUNDS for thing in stage.things):
        raise NoRoomError(f"the picture has its ground already: no {name}")
    return stage.place(name, spot.x, spot.y - 2, 34.0, place=-0.5)
