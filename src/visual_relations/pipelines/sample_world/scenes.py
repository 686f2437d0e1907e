"""Scenes: one or two pairs of things in relation, a backdrop, and the small relations that come with them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from PIL import Image

from visual_relations.pipelines.sample_world import actions, arrangements
from visual_relations.pipelines.sample_world.arrangements import Arrange, NoRoomError, Spot, reach
from visual_relations.pipelines.sample_world.canvas import HEIGHT, WIDTH
from visual_relations.pipelines.sample_world.catalogue import KINDS, PEOPLE
from visual_relations.pipelines.sample_world.families import FAMILIES, Family
from visual_relations.pipelines.sample_world.plausibility import fits
from visual_relations.pipelines.sample_world.stage import GROUNDS, Relation, Stage, Thing

ARRANGEMENTS: dict[str, Arrange] = {
    "above": arrangements.above,
    "behind": arrangements.behind,
    "carrying": actions.carrying,
    "driving on": actions.driving_on,
    "eating": actions.eating,
    "flying": actions.flying,
    "flying in": arrangements.flying_in,
    "hanging from": actions.hanging_from,
    "holding": actions.holding,
    "in": actions.in_,
    "in front of": arrangements.in_front_of,
    "looking at": arrangements.looking_at,
    "lying on": arrangements.lying_on,
    "near": arrangements.near,
    "next to": arrangements.next_to,
    "on": actions.on,
    "parked on": actions.parked_on,
    "pulling": actions.pulling,
    "riding": arrangements.riding,
    "sitting on": arrangements.sitting_on,
    "standing on": arrangements.standing_on,
    "under": arrangements.under,
    "using": actions.using,
    "walking on": actions.walking_on,
    "watching": arrangements.watching,
    "wearing": actions.wearing,
}
STACKED = ("above", "riding", "sitting on", "standing on", "on", "in", "lying on")  # one over the other
AIR = {"above": 0.3, "watching": 0.7, "flying": 0.55, "holding": 0.3, "under": 0.3}  # room over the heads
OUTDOOR_THINGS = {"car", "bus", "truck", "horse", "cow", "elephant", "sheep"}
MINIMUM_SEEN = 0.35  # a thing of which less can be seen makes the scene be drawn again
BACKDROP = -3.0  # depth of houses and trees at the horizon
FLYING = ("plane", "kite", "cloud", "sun")
SMALLEST = 34.0  # pixels per adult's height
CENTRES = ((0.5,), (0.26, 0.74), (0.18, 0.5, 0.82))  # of the pairs, in widths of the picture
ATTEMPTS = 60


@dataclass(frozen=True)
class Scene:
    """What is in a finished picture.

    Attributes:
        things: Everything that can be seen, parts included.
        relations: Everything that is known to hold.
        main: The relations the scene is about.
        ground: meadow, sand or snow; empty in a room.
    """

    things: list[Thing]
    relations: list[Relation]
    main: list[Relation]
    ground: str

    def to_json(self) -> dict[str, Any]:
        """Plain values, with things by number."""
        number = {thing: place for place, thing in enumerate(self.things)}
        return {
            "ground": self.ground,
            "things": [
                {
                    "name": t.name,
                    "attributes": t.attributes,
                    "box": t.box,
                    "owner": number[t.owner] if t.owner else None,
                }
                for t in self.things
            ],
            "relations": [[number[r.subject], r.predicate, number[r.object]] for r in self.relations],
            "main": [self.relations.index(relation) for relation in self.main],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Scene:
        """The inverse of `to_json`."""
        things = [Thing(t["name"], t["attributes"], box=t["box"] and tuple(t["box"])) for t in record["things"]]
        for thing, entry in zip(things, record["things"], strict=True):
            thing.owner = None if entry["owner"] is None else things[entry["owner"]]
        relations = [Relation(things[s], predicate, things[o]) for s, predicate, o in record["relations"]]
        return cls(things, relations, [relations[place] for place in record["main"]], record["ground"])


def draw_scene(seed: str) -> tuple[Image.Image, Scene]:
    """Draw the scene of a seed. The same seed gives the same scene on every machine.

    Raises:
        RuntimeError: When no arrangement of this seed can be seen.
    """
    rng = random.Random(seed)  # noqa: S311 - reproducible pictures, not secrets
    for _ in range(ATTEMPTS):
        stage, main = _set_stage(rng)
        picture, seen = stage.finish()
        if (
            main
            and seen >= MINIMUM_SEEN
            and all(end.box for relation in main for end in (relation.subject, relation.object))
        ):
            _small_relations(stage, main)
            return picture, Scene(stage.things, stage.relations, main, "" if stage.indoors else stage.ground)
    raise RuntimeError(f"no scene of seed '{seed}' could be drawn in {ATTEMPTS} attempts; use another seed")


def _set_stage(rng: random.Random) -> tuple[Stage, list[Relation]]:
    indoors = rng.random() < 0.22
    stage = Stage(rng, indoors=indoors, horizon=HEIGHT * rng.uniform(0.50, 0.60))
    stage.ground = rng.choices(("meadow", "sand", "snow"), (8, 1.5, 0.8))[0]
    families = [family for family in FAMILIES if (family.indoors if indoors else family.outdoors)]
    centres = rng.choices(CENTRES, (2, 5.5, 2.5))[0]
    for centre in centres:
        _add_pair(stage, families, WIDTH * (centre + rng.uniform(-0.03, 0.03)), WIDTH / len(centres))
    main = list(stage.relations)
    _dress(stage)
    _backdrop(stage)
    return stage, main


def _add_pair(stage: Stage, families: list[Family], x: float, width: float) -> None:
    """Put a pair that is not too small on the stage, if one is found that fits what is there."""
    for _ in range(ATTEMPTS):
        subject, predicate, other = _choose(stage.rng, families)
        if stage.indoors and {subject, other} & OUTDOOR_THINGS:
            continue
        spot = _spot(stage.rng, x, width, subject, predicate, other)
        if spot.scale < SMALLEST:
            continue
        try:
            first, second = ARRANGEMENTS[predicate](stage, spot, subject, other)
        except NoRoomError:
            continue
        stage.relate(first, predicate, second)
        return


def _spot(rng: random.Random, x: float, width: float, subject: str, predicate: str, other: str) -> Spot:
    """A spot in which the pair is as large as `width` pixels and the height of the picture allow."""
    wide = predicate in ("next to", "near", "looking at", "watching", "pulling", "using", "lying on", "flying")
    solid = [name for name in (subject, other) if name in KINDS and name not in GROUNDS]
    reaches, heights = [reach(name) for name in solid], sorted(KINDS[name].height * KINDS[name].size for name in solid)
    units = 2 * sum(reaches) + 0.35 if wide else 2 * max(reaches) + 0.3
    stacked = 0.7 * heights[0] if predicate in STACKED and len(heights) > 1 else 0.0
    tall = heights[-1] + stacked + AIR.get(predicate, 0.12)
    scale = min(0.92 * width / units, 116 / tall, 100 if width > 100 else 82) * rng.uniform(0.85, 1.0)
    return Spot(x, rng.uniform(122, 136) if scale > 52 else rng.uniform(110, 134), scale, rng.random() < 0.5)


def _choose(rng: random.Random, families: list[Family]) -> tuple[str, str, str]:
    while True:
        family = rng.choices(families, [family.weight for family in families])[0]
        predicate = rng.choices(list(family.predicates), list(family.predicates.values()))[0]
        subject, other = rng.choice(family.subjects), rng.choice(family.objects)
        if fits(subject, predicate, other):
            return subject, predicate, other


def _dress(stage: Stage) -> None:
    """Some people wear a hat."""
    for thing in list(stage.things):
        if thing.name in PEOPLE and thing.pose != "lying" and stage.rng.random() < 0.12 and "crown" in thing.points:
            if any(relation.object.name == "hat" for relation in stage.relations):
                continue
            x, y = thing.point("crown")
            scale = thing.sketch.frame.scale if thing.sketch else 1.0
            hat = stage.place("hat", x, y + 0.045 * scale, scale * 0.95, place=thing.place + 0.4)
            stage.relate(thing, "wearing", hat)


def _backdrop(stage: Stage) -> None:
    """Clouds, the sun, a far mountain, house or trees."""
    if stage.indoors:
        return
    rng, horizon = stage.rng, stage.horizon
    for _ in range(rng.choice((0, 1, 1, 2))):
        stage.place("cloud", rng.uniform(15, 177), rng.uniform(10, horizon * 0.4), rng.uniform(28, 44), place=-4.0)
    if rng.random() < 0.18 and not any(thing.name == "sun" for thing in stage.things):
        stage.place("sun", rng.choice((22.0, 170.0)), 18.0, 46.0, place=-5.0)
    if rng.random() < 0.12:
        stage.place("mountain", rng.uniform(20, 172), horizon + 1, rng.uniform(34, 50), place=-6.0)
    for _ in range(rng.choices((0, 1, 2), (3, 4, 1.5))[0]):
        name = rng.choices(("tree", "house", "fence"), (5, 2, 1.5))[0]
        stage.place(name, rng.uniform(12, 180), horizon + rng.uniform(3, 8), rng.uniform(30, 38), place=BACKDROP)


def _small_relations(stage: Stage, main: list[Relation]) -> None:
    """What an annotator adds: clothes and parts, things in the sky, what is before and behind what."""
    rng = stage.rng
    for thing in stage.things:
        if thing.owner is not None:
            _relate_part(stage, thing, thing.owner)
    ends = [end for relation in main for end in (relation.subject, relation.object) if end.name != "sky"]
    standing = [end for end in ends if end.name not in (*GROUNDS, *FLYING) and end.pose != "flying"]
    for distant in [thing for thing in stage.things if thing.place == BACKDROP]:
        for end in standing:
            if _overlap(distant, end) > 0.35 and rng.random() < 0.6:
                stage.relate(*((distant, "behind", end) if rng.random() < 0.6 else (end, "in front of", distant)))
                break
    for flyer in [end for end in ends if end.name in FLYING or end.pose == "flying"]:
        for end in standing:
            if (
                _overlap(flyer, end) > 0.6
                and flyer.box
                and end.box
                and flyer.box[3] < end.box[1]
                and rng.random() < 0.6
            ):
                stage.relate(flyer, "above", end)
    for one, two in pairwise(main):
        if {one.subject, two.subject} <= set(standing) and rng.random() < 0.45:
            stage.relate(one.subject, "near", two.subject)


def _relate_part(stage: Stage, part: Thing, owner: Thing) -> None:
    rng = stage.rng
    if part.name in ("shirt", "dress", "pants"):
        if rng.random() < (0.4 if part.name != "pants" else 0.15):
            stage.relate(owner, rng.choices(("wearing", "in", "has", "with"), (7, 1.5, 1.5, 1))[0], part)
    elif rng.random() < 0.24:
        choice = rng.choices(("has", "with", "of", "on"), (4, 2, 3, 2))[0]
        stage.relate(*((owner, choice, part) if choice in ("has", "with") else (part, choice, owner)))


def _clear_over(a: Thing, b: Thing) -> bool:
    """Whether a thing ends above where another begins."""
    return a.box is not None and b.box is not None and a.box[3] < b.box[1]


def _overlap(a: Thing, b: Thing) -> float:
    """Share of the narrower of two things' widths that they have in common."""
    if a.box is None or b.box is None:
        return 0.0
    shared = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    return max(shared, 0.0) / max(min(a.box[2] - a.box[0], b.box[2] - b.box[0]), 1)
