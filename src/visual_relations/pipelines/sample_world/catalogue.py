"""The things of the sample world: how each is drawn, how large it is and which colours it comes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from visual_relations.pipelines.sample_world.canvas import Colour, Sketch
from visual_relations.pipelines.sample_world.colours import BRIGHT
from visual_relations.pipelines.sample_world.things import animals, household, scenery, vehicles

Draw = Callable[[Sketch, str, Colour], None]


@dataclass(frozen=True)
class Kind:
    """A kind of thing. Lengths are in adults' heights.

    Attributes:
        draw: Draws it in a pose and a colour; None for people, who need more than a colour.
        size: Factor on the frame's scale.
        reach: Half its width.
        height: Its height.
        colours: Names of the colours it comes in; empty when its colour is no attribute.
        pose: How it is drawn when nothing else is asked for.
    """

    draw: Draw | None
    size: float
    reach: float
    height: float
    colours: tuple[str, ...] = BRIGHT
    pose: str = "standing"


PEOPLE = ("man", "woman", "boy", "girl")
CHILDREN = ("boy", "girl")
ANIMALS = ("dog", "cat", "horse", "cow", "sheep", "elephant", "bird", "duck")
ROAD_VEHICLES = ("car", "bus", "truck", "bike", "motorcycle")
PARTS = ("shirt", "dress", "pants", "wheel", "window", "door", "tail")

KINDS: dict[str, Kind] = {
    "man": Kind(None, 1.0, 0.20, 1.0),
    "woman": Kind(None, 0.95, 0.20, 0.95),
    "boy": Kind(None, 0.74, 0.16, 0.74),
    "girl": Kind(None, 0.72, 0.16, 0.72),
    "dog": Kind(animals.dog, 1.0, 0.38, 0.55, ("brown", "white", "black", "gray")),
    "cat": Kind(animals.cat, 0.85, 0.26, 0.42, ("orange", "gray", "white", "black")),
    "horse": Kind(animals.horse, 1.0, 0.62, 1.15, ("brown", "white", "black")),
    "cow": Kind(animals.cow, 1.0, 0.54, 0.85, ("white", "brown", "black")),
    "sheep": Kind(animals.sheep, 1.0, 0.34, 0.58, ("white",)),
    "elephant": Kind(animals.elephant, 1.05, 0.75, 1.1, ("gray",)),
    "bird": Kind(animals.bird, 0.80, 0.25, 0.32, ("red", "blue", "yellow", "black"), "perched"),
    "duck": Kind(animals.duck, 0.85, 0.28, 0.42, ("white", "yellow", "brown")),
    "car": Kind(vehicles.car, 1.0, 0.70, 0.57),
    "bus": Kind(vehicles.bus, 1.0, 0.95, 0.82, ("red", "yellow", "blue", "orange")),
    "truck": Kind(vehicles.truck, 1.0, 0.88, 0.82),
    "bike": Kind(vehicles.bike, 1.0, 0.52, 0.62),
    "motorcycle": Kind(vehicles.motorcycle, 1.0, 0.55, 0.62),
    "skateboard": Kind(vehicles.skateboard, 1.0, 0.30, 0.15),
    "boat": Kind(vehicles.boat, 1.0, 0.64, 1.0, (*BRIGHT, "brown")),
    "train": Kind(vehicles.train, 0.95, 1.03, 0.85),
    "plane": Kind(vehicles.plane, 0.95, 0.62, 0.45),
    "table": Kind(household.table, 1.0, 0.53, 0.45, ("brown", "white", "yellow")),
    "chair": Kind(household.chair, 1.0, 0.25, 0.70, ("brown", "white", "red", "blue")),
    "bench": Kind(household.bench, 1.0, 0.62, 0.66, ("brown", "green", "gray")),
    "bed": Kind(household.bed, 1.0, 0.72, 0.56),
    "umbrella": Kind(household.umbrella, 1.0, 0.40, 0.65, pose="open"),
    "hat": Kind(household.hat, 1.0, 0.22, 0.18, (*BRIGHT, "black")),
    "ball": Kind(household.ball, 1.0, 0.11, 0.22),
    "kite": Kind(household.kite, 1.0, 0.17, 0.45),
    "book": Kind(household.book, 1.0, 0.14, 0.12, pose="closed"),
    "laptop": Kind(household.laptop, 1.0, 0.20, 0.27, ()),
    "cup": Kind(household.cup, 1.0, 0.10, 0.16, (*BRIGHT, "white")),
    "plate": Kind(household.plate, 1.0, 0.21, 0.08, ("white", "blue", "yellow")),
    "pizza": Kind(household.pizza, 1.0, 0.22, 0.14, ()),
    "cake": Kind(household.cake, 1.0, 0.17, 0.32, ("pink", "white", "brown")),
    "lamp": Kind(household.lamp, 1.0, 0.15, 0.42, ("yellow", "red", "blue", "green")),
    "bag": Kind(household.bag, 1.0, 0.15, 0.36),
    "box": Kind(household.box, 1.0, 0.18, 0.27, ()),
    "house": Kind(scenery.house, 1.0, 0.70, 1.28, ("white", "yellow", "blue", "pink", "gray")),
    "tree": Kind(scenery.tree, 1.0, 0.48, 1.35, ("green",)),
    "flower": Kind(scenery.flower, 1.0, 0.13, 0.40, ("red", "yellow", "purple", "pink", "orange")),
    "fence": Kind(scenery.fence, 1.0, 0.80, 0.45, ("white", "brown")),
    "grass": Kind(scenery.grass, 1.0, 0.24, 0.25, ("green",)),
    "pond": Kind(scenery.pond, 0.75, 1.0, 0.1, ()),
    "cloud": Kind(scenery.cloud, 1.0, 0.40, 0.25, ("white",)),
    "sun": Kind(scenery.sun, 1.0, 0.24, 0.48, ("yellow",)),
    "mountain": Kind(scenery.mountain, 1.0, 0.90, 1.0, ("gray",)),
    "street": Kind(scenery.street, 1.0, 9.0, 1.0, ("gray",)),
    "water": Kind(scenery.water, 1.0, 9.0, 1.0, ("blue",)),
}
