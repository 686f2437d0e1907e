"""A stage: things placed in a picture, and the relations between them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from visual_relations.pipelines.sample_world.backdrop import paint_backdrop
from visual_relations.pipelines.sample_world.canvas import HEIGHT, WIDTH, Box, Colour, Frame, Point, Sketch
from visual_relations.pipelines.sample_world.catalogue import KINDS, PARTS
from visual_relations.pipelines.sample_world.colours import BRIGHT, HAIR, PAINT, SKIN
from visual_relations.pipelines.sample_world.things.people import Look, person

GROUNDS = ("street", "water")  # lie across the whole picture
OPAQUE = 128  # alpha from which a pixel counts as the thing's


@dataclass(eq=False)
class Thing:
    """Something in the picture: a drawn thing, a part of one, or the sky.

    Attributes:
        box: x1, y1, x2, y2 of its visible pixels, set when the picture is finished; None while unknown or hidden.
        owner: The thing that it is a part of.
        place: Position in depth; larger is nearer.
    """

    name: str
    attributes: list[str] = field(default_factory=list)
    pose: str = ""
    sketch: Sketch | None = None
    place: float = 0.0
    box: Box | None = None
    owner: Thing | None = None

    @property
    def points(self) -> dict[str, Point]:
        """The named points of the drawing in the picture."""
        return self.sketch.points if self.sketch else {}

    def point(self, name: str) -> Point:
        """A named point of the drawing in the picture."""
        return self.points[name]


@dataclass(eq=False)
class Relation:
    """What the subject does to, or where it is from, the object."""

    subject: Thing
    predicate: str
    object: Thing


class Stage:
    """Place things, state relations, then `finish` the picture."""

    def __init__(self, rng: random.Random, *, indoors: bool, horizon: float) -> None:
        self.rng = rng
        self.indoors = indoors
        self.horizon = horizon
        self.ground = "meadow"
        self.things: list[Thing] = []
        self.relations: list[Relation] = []
        self.light = "evening" if rng.random() < 0.12 else "day"

    def place(
        self,
        name: str,
        x: float,
        y: float,
        scale: float,
        *,
        pose: str | None = None,
        flip: bool = False,
        degrees: float = 0.0,
        place: float | None = None,
        gaze: float = 0.0,
    ) -> Thing:
        """Draw a thing with its origin at pixel (x, y), `scale` pixels per adult's height."""
        kind = KINDS[name]
        pose = pose or kind.pose
        sketch = Sketch(Frame(x, y, scale * kind.size, flip, degrees))
        thing = Thing(name, [], pose, sketch, y if place is None else place)
        if kind.draw is None:
            shirt = self.rng.choice(BRIGHT)
            look = Look(self.rng.choice(SKIN), self.rng.choice(HAIR), PAINT[shirt], self._trousers(shirt))
            person(sketch, name, pose, look, gaze)
            thing.attributes = [shirt]
        else:
            colour = self.rng.choice(kind.colours) if kind.colours else "gray"
            kind.draw(sketch, pose, self._vary(PAINT[colour]))
            thing.attributes = [colour] if kind.colours else []
        self.things.append(thing)
        return thing

    def relate(self, subject: Thing, predicate: str, other: Thing) -> None:
        """State a relation."""
        self.relations.append(Relation(subject, predicate, other))

    def line(self, points: list[Point], width: float, colour: Colour, place: float) -> None:
        """A rope, a string or a line of speed between points of the picture; no thing of its own."""
        sketch = Sketch(Frame(0.0, 0.0, 1.0))
        sketch.limb([(x, -y) for x, y in points], width, colour)
        self.things.append(Thing("", sketch=sketch, place=place))

    def patch(self, corners: list[Point], colour: Colour, place: float) -> None:
        """A plain patch of the picture, such as water over legs; no thing of its own."""
        sketch = Sketch(Frame(0.0, 0.0, 1.0))
        sketch.polygon([(x, -y) for x, y in corners], colour)
        self.things.append(Thing("", sketch=sketch, place=place))

    def _trousers(self, shirt: str) -> Colour:
        return PAINT[self.rng.choice([name for name in ("blue", "brown", "black", "gray", "green") if name != shirt])]

    def _vary(self, colour: Colour) -> Colour:
        red, green, blue = (min(255, max(0, int(value + self.rng.uniform(-14, 14)))) for value in colour[:3])
        return red, green, blue

    def finish(self) -> tuple[Image.Image, float]:
        """Paint everything from far to near, set the boxes and find the parts.

        Returns:
            The picture, and the smallest share that can be seen of any thing that takes part in a relation.
        """
        picture = paint_backdrop(self.rng, self.horizon, indoors=self.indoors, ground=self.ground, light=self.light)
        solid: dict[Thing, np.ndarray] = {}
        visible: dict[Thing, np.ndarray] = {}
        for thing in sorted(self.things, key=lambda thing: thing.place):
            if thing.sketch is None:
                continue
            layer = thing.sketch.layer()
            picture.alpha_composite(layer)
            mask = np.asarray(layer.getchannel("A")) >= OPAQUE
            for other in visible:
                visible[other] = visible[other] & ~mask
            solid[thing] = visible[thing] = mask
        for thing, mask in visible.items():
            thing.box = _box_of(mask)
        related = {end for relation in self.relations for end in (relation.subject, relation.object)}
        shares = [_share_seen(thing, solid[thing], visible[thing]) for thing in solid if thing in related]
        for thing in list(solid):
            self._add_parts(thing, solid[thing], visible[thing])
        self.things = [thing for thing in self.things if thing.name and thing.box is not None]
        return picture.convert("RGB"), min(shares, default=0.0)

    def _add_parts(self, thing: Thing, solid: np.ndarray, visible: np.ndarray) -> None:
        """Parts (a wheel, a shirt) become things of their own when most of them can be seen."""
        for name, bounds in (thing.sketch.parts if thing.sketch else {}).items():
            x1, y1 = max(int(bounds[0]), 0), max(int(bounds[1]), 0)
            x2, y2 = min(int(bounds[2]) + 1, WIDTH), min(int(bounds[3]) + 1, HEIGHT)
            if name not in PARTS or x2 - x1 < 4 or y2 - y1 < 4:
                continue
            whole, seen = solid[y1:y2, x1:x2].sum(), visible[y1:y2, x1:x2].sum()
            if whole and seen / whole > 0.75:
                worn = thing.attributes if name in ("shirt", "dress") else []
                self.things.append(Thing(name, list(worn), box=(x1, y1, x2, y2), owner=thing))


def _box_of(mask: np.ndarray) -> Box | None:
    """x1, y1, x2, y2 of the true pixels; None when there are hardly any."""
    if mask.sum() < 6:
        return None
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _share_seen(thing: Thing, solid: np.ndarray, visible: np.ndarray) -> float:
    """Share of a thing that is neither hidden nor outside the picture; grounds reach out on purpose."""
    if thing.name in GROUNDS:
        return 1.0
    x1, y1, x2, y2 = thing.sketch.bounds if thing.sketch else (0.0, 0.0, 1.0, 1.0)
    inside = max(0.0, min(x2, WIDTH) - max(x1, 0.0)) * max(0.0, min(y2, HEIGHT) - max(y1, 0.0))
    return float(visible.sum() / max(solid.sum(), 1)) * inside / ((x2 - x1) * (y2 - y1))
