"""How actions look: holding, carrying, eating, pulling and what else takes hands, mouths or engines."""

from __future__ import annotations

from visual_relations.pipelines.sample_world.arrangements import (
    ROPE,
    Pair,
    Spot,
    anchored,
    ground,
    idle,
    in_sky,
    on_ground,
    put,
    reach,
    speed_lines,
)
from visual_relations.pipelines.sample_world.catalogue import ANIMALS, KINDS, PEOPLE
from visual_relations.pipelines.sample_world.stage import Stage

WATER = (84, 158, 214)
BEHIND_HAND = ("umbrella", "kite", "box")  # the hand is seen in front of these


def holding(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """In an outstretched hand; an umbrella is open overhead, a book is open."""
    high = other in ("kite", "flower")
    first = put(stage, spot, subject, 0.0, pose="reaching" if high else "holding")
    if other in ANIMALS:
        second = anchored(stage, spot, other, first, "hand", 0.02, -0.10, pose="sitting", size=0.75, back=True)
    else:
        drop = {"book": -0.04, "bag": 0.0, "ball": -0.04, "laptop": -0.02, "pizza": -0.04, "plate": -0.02}.get(
            other, -0.05
        )
        pose = {"book": "open", "bag": "hanging", "pizza": "slice", "lamp": "hanging"}.get(other)
        second = anchored(
            stage, spot, other, first, "hand", 0.02, drop, pose=pose, over=other not in BEHIND_HAND, size=0.9
        )
    return first, second


def carrying(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """Held to the chest with both arms while walking."""
    first = put(stage, spot, subject, 0.0, pose="carrying")
    pose = {"umbrella": "closed"}.get(other)
    degrees = {"skateboard": 80.0, "umbrella": 35.0}.get(other, 0.0)
    if other in PEOPLE:
        second = anchored(stage, spot, other, first, "hand", 0.03, -0.18, pose="sitting", size=0.8, back=True)
    else:
        small = 0.62 if other in (*ANIMALS, "chair") else 0.95
        if other in ANIMALS:
            pose = "sitting" if other in ("dog", "cat") else idle(stage, other)
        second = anchored(stage, spot, other, first, "hand", 0.0, -0.05, pose=pose, size=small, degrees=degrees)
    return first, second


def wearing(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """A hat on the head."""
    first = put(stage, spot, subject, 0.0, pose=idle(stage, subject) if subject in (*PEOPLE, *ANIMALS) else None)
    point = "crown" if "crown" in first.points else "head"
    second = anchored(stage, spot, other, first, point, -0.01, -0.045 if point == "crown" else 0.06, size=0.95)
    return first, second


def eating(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """A person lifts a piece to the mouth; an animal lowers its head."""
    if subject in PEOPLE:
        first = put(stage, spot, subject, 0.0, pose="eating")
        second = anchored(stage, spot, other, first, "hand", 0.03, -0.02, pose="slice", size=0.9)
        return first, second
    first = put(stage, spot, subject, -0.15, pose="eating")
    x, _ = first.point("mouth")
    ahead = (-0.10 if spot.mirrored else 0.10) * spot.scale
    second = stage.place(other, x + ahead, spot.y + 1.0, spot.scale * 0.85, place=first.place + 0.5)
    return first, second


def pulling(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """A rope leads from the subject, in front, to the object behind it."""
    gap = 0.28
    half = (reach(subject) + reach(other) + gap) / 2
    shift = (reach(other) - reach(subject)) / 2
    first = put(
        stage,
        spot,
        subject,
        half + shift,
        pose="towing" if subject in PEOPLE else "walking" if subject in ANIMALS else None,
    )
    second = put(stage, spot, other, -half + shift, pose="walking" if other in ANIMALS else None)
    start = first.point("hand" if subject in PEOPLE else "rear")
    if {"front", "neck"} & second.points.keys():
        end = second.point("front" if "front" in second.points else "neck")
    else:
        end = spot.at(-half + shift + reach(other) * 0.9, KINDS[other].height * 0.4)
    stage.line([start, end], 1.3, ROPE, max(first.place, second.place) + 0.6)
    return first, second


def parked_on(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """Still, at the near kerb of the street."""
    second = ground(stage, spot, other)
    return put(stage, spot, subject, 0.0, -0.10), second


def driving_on(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """In the middle of the street, with strokes of speed and a puff of smoke behind."""
    second = ground(stage, spot, other)
    first = put(stage, spot, subject, 0.1, 0.08, pose="occupied")
    if subject in ("car", "bus", "truck"):
        driver = anchored(
            stage,
            spot,
            stage.rng.choice(("man", "woman")),
            first,
            "seat",
            0.0,
            -0.26,
            pose="bust",
            over=False,
            size=0.72,
        )
        if stage.rng.random() < 0.4:
            stage.relate(driver, "in", first)
    else:
        rider = anchored(stage, spot, stage.rng.choice(PEOPLE), first, "seat", pose="riding")
        if stage.rng.random() < 0.4:
            stage.relate(rider, "riding", first)
    speed_lines(stage, spot, 0.1 - reach(subject), 0.30, first)
    return first, second


def walking_on(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """Mid-stride on the street."""
    return on_ground(stage, spot, subject, other, "walking")


def hanging_from(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """From the branch of a tree, the back of a chair or a fence."""
    second = put(stage, spot, other, 0.0, size=1.25 if other == "tree" else 1.0)
    point = "branch" if other == "tree" else "hook"
    return anchored(stage, spot, subject, second, point, 0.0, 0.0, pose="hanging"), second


def flying(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """A kite on a string."""
    first = put(stage, spot, subject, -0.35, pose="reaching", gaze=0.9)
    second = put(stage, spot, other, 0.45, 1.15)
    stage.line([first.point("hand"), second.point("knot")], 0.8, (70, 70, 76), first.place + 0.6)
    return first, second


def in_(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """Inside a vehicle or a box, in the water up to the belly, among the leaves, in the sky."""
    if other == "sky":
        return in_sky(stage, spot, subject, other)
    if other in ("water", "pond"):
        return _in_water(stage, spot, subject, other)
    if other == "tree":
        second = put(stage, spot, other, 0.0, size=1.25)
        first = anchored(
            stage,
            spot,
            subject,
            second,
            "crown",
            stage.rng.uniform(-0.15, 0.15),
            -0.1,
            pose="perched" if subject == "bird" else "sitting",
        )
        return first, second
    second = put(
        stage, spot, other, 0.0, pose="rowing" if other == "boat" else "occupied", size=1.5 if other == "box" else 1.0
    )
    if other in ("box", "bag"):
        height = KINDS[other].height * (1.5 if other == "box" else 1.0)
        x, y = spot.at(0.0, height - 0.12)
        return stage.place(
            subject, x, y, spot.scale * 0.8, pose="sitting", flip=spot.mirrored, place=second.place - 0.5
        ), second
    small = 1.0 if other == "boat" else 0.72
    drop = -0.12 if other == "boat" else -0.26
    lift = drop if subject in PEOPLE else 0.08
    pose = "bust" if subject in PEOPLE else "sitting"
    first = anchored(stage, spot, subject, second, "seat", 0.0, lift, pose=pose, over=False, size=small)
    return first, second


def _in_water(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """Partly under the surface: a strip of water is drawn over the legs."""
    second = put(stage, spot, other, 0.0) if other == "pond" else ground(stage, spot, other)
    deep = 0.30 if other == "water" else 0.14
    sunk = 0.0 if subject in ("duck", "boat") else deep
    first = put(
        stage,
        spot,
        subject,
        0.0,
        -sunk,
        pose="swimming" if subject == "duck" else idle(stage, subject),
        place=second.place + 1,
    )
    if sunk:
        edge = reach(subject) * 0.9
        stage.patch(
            [spot.at(-edge), spot.at(edge), spot.at(edge, -sunk - 0.04), spot.at(-edge, -sunk - 0.04)],
            WATER,
            first.place + 0.1,
        )
        stage.line([spot.at(-edge), spot.at(edge)], 1.2, (180, 220, 245), first.place + 0.2)
    return first, second


def on(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """A thing that lies or stands on another."""
    if other in ("street", "water"):
        return on_ground(stage, spot, subject, other, None)
    second = put(stage, spot, other, 0.0, pose=idle(stage, other))
    point = next(name for name in ("top", "bed", "roof", "back", "seat") if name in second.points)
    room = max(reach(other) * 0.6 - reach(subject), 0.0)
    first = anchored(stage, spot, subject, second, point, stage.rng.uniform(-room, room), pose=idle(stage, subject))
    return first, second


def using(stage: Stage, spot: Spot, subject: str, other: str) -> Pair:
    """Seated on a chair at a table, hands at the thing."""
    chair = put(stage, spot, "chair", -0.55)
    first = put(stage, spot, subject, -0.53, 0.02, pose="sitting_holding", place=spot.y + 0.4)
    table = put(stage, spot, "table", 0.12, place=spot.y + 0.8, size=0.95)
    second = anchored(stage, spot, other, table, "top", -0.10)
    if stage.rng.random() < 0.5:
        stage.relate(second, "on", table)
    if stage.rng.random() < 0.5:
        stage.relate(first, "sitting on", chair)
    return first, second
