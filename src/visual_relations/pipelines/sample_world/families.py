"""Which things meet, and how: families of pairs that share their predicates, with weights.

Every family allows several predicates for the same two names, so that names alone never tell the relation. Weights
are small numbers chosen to give the long tail of real annotations: a few predicates everywhere, many seldom.
"""

from __future__ import annotations

from dataclasses import dataclass

from visual_relations.pipelines.sample_world.catalogue import PEOPLE


@dataclass(frozen=True)
class Family:
    """Subjects, objects and predicates that go together.

    Attributes:
        weight: How often the family is drawn, relative to the others.
        indoors: Whether the family also fits a room.
        outdoors: Whether the family also fits a landscape.
    """

    name: str
    weight: float
    subjects: tuple[str, ...]
    objects: tuple[str, ...]
    predicates: dict[str, float]
    indoors: bool = False
    outdoors: bool = True


ITEMS = ("book", "bag", "umbrella", "ball", "box", "flower", "hat", "lamp", "cup", "plate", "cake", "pizza")
MOUNTS = ("horse", "horse", "elephant", "bike", "bike", "motorcycle")
FAMILIES = (
    Family(
        "mount",
        9,
        PEOPLE,
        MOUNTS,
        {"riding": 9, "next to": 3, "in front of": 3, "behind": 2.5, "pulling": 1.6, "looking at": 2, "near": 1.5},
    ),
    Family(
        "board",
        2,
        PEOPLE,
        ("skateboard",),
        {"riding": 3, "holding": 1, "carrying": 2, "next to": 1, "near": 1, "looking at": 0.6},
    ),
    Family(
        "seat",
        6,
        PEOPLE,
        ("chair", "bench", "bench", "bed"),
        {
            "sitting on": 8,
            "standing on": 1.6,
            "behind": 2,
            "next to": 2,
            "in front of": 1.6,
            "near": 1,
            "lying on": 1.6,
            "looking at": 0.5,
        },
        indoors=True,
    ),
    Family(
        "item",
        9,
        PEOPLE,
        ITEMS,
        {"holding": 8, "carrying": 4, "looking at": 2, "next to": 1.5, "near": 1.5},
        indoors=True,
    ),
    Family(
        "shade", 1.5, (*PEOPLE, "dog", "cat"), ("umbrella",), {"under": 3, "next to": 1, "near": 1, "looking at": 0.5}
    ),
    Family("dress", 3, PEOPLE, ("hat",), {"wearing": 6, "holding": 1.2, "looking at": 0.8, "near": 0.7}, indoors=True),
    Family(
        "kite", 3.5, PEOPLE, ("kite",), {"flying": 5, "holding": 2, "watching": 1.2, "looking at": 1, "carrying": 0.7}
    ),
    Family(
        "meal",
        2.5,
        PEOPLE,
        ("pizza", "cake"),
        {"eating": 5, "holding": 2, "looking at": 1, "carrying": 1},
        indoors=True,
    ),
    Family(
        "desk", 2.2, PEOPLE, ("laptop",), {"using": 4, "holding": 1.5, "carrying": 1, "looking at": 0.7}, indoors=True
    ),
    Family(
        "pet",
        5,
        PEOPLE,
        ("dog", "cat"),
        {
            "next to": 3,
            "holding": 2,
            "carrying": 1.5,
            "looking at": 2,
            "in front of": 1.5,
            "behind": 1.2,
            "near": 2,
            "watching": 0.8,
        },
        indoors=True,
    ),
    Family(
        "perch",
        6,
        ("cat", "cat", "dog", "dog"),
        ("table", "chair", "bench", "bed", "box", "car"),
        {
            "sitting on": 4,
            "lying on": 3,
            "standing on": 2,
            "under": 2.5,
            "next to": 2,
            "behind": 1.2,
            "in front of": 1.6,
            "near": 1,
            "in": 1.2,
        },
        indoors=True,
    ),
    Family(
        "beasts",
        5,
        ("dog", "cat", "horse", "cow", "sheep", "elephant", "duck"),
        ("dog", "horse", "cow", "sheep", "elephant"),
        {"next to": 4, "near": 3, "behind": 3, "in front of": 3, "looking at": 1.5},
    ),
    Family(
        "grazing",
        4,
        ("horse", "cow", "sheep", "elephant", "duck"),
        ("grass", "flower"),
        {"eating": 5, "next to": 2, "near": 2, "behind": 1.5, "looking at": 0.8},
    ),
    Family(
        "theft",
        1,
        ("dog", "cat", "bird"),
        ("pizza", "cake"),
        {"eating": 3, "next to": 1, "near": 1, "looking at": 1.5},
        indoors=True,
    ),
    Family(
        "birds",
        4,
        ("bird", "bird", "duck"),
        ("fence", "house", "horse", "cow", "elephant", "boat", "bench", "tree"),
        {
            "above": 3,
            "sitting on": 4,
            "standing on": 1,
            "next to": 1.5,
            "near": 1.5,
            "in": 2,
            "in front of": 1,
            "behind": 0.6,
        },
    ),
    Family("sky", 6, ("bird", "plane", "kite"), ("sky",), {"in": 3, "flying in": 5}),
    Family(
        "aloft",
        4,
        ("plane", "kite", "cloud", "sun"),
        ("house", "tree", "boat", "mountain", "train"),
        {"above": 5, "behind": 1.5, "near": 1.5},
    ),
    Family(
        "traffic",
        7,
        ("car", "car", "bus", "truck", "motorcycle", "bike"),
        ("street",),
        {"parked on": 4, "driving on": 4, "on": 2.5},
    ),
    Family(
        "walkers",
        5,
        (*PEOPLE, "dog", "cat", "horse", "cow"),
        ("street",),
        {"walking on": 5, "standing on": 2, "lying on": 0.8, "on": 1},
    ),
    Family(
        "convoy",
        4,
        ("car", "bus", "truck", "motorcycle"),
        ("car", "bus", "truck"),
        {"behind": 3, "in front of": 3, "next to": 2, "near": 2, "pulling": 1},
    ),
    Family(
        "towing",
        3.5,
        ("truck", "car", "horse", "elephant", "cow", "man"),
        ("boat", "box", "car"),
        {"pulling": 3, "next to": 1, "near": 1, "in front of": 1, "behind": 0.8},
    ),
    Family(
        "load",
        1.8,
        ("box", "car", "horse", "cow", "sheep", "dog"),
        ("truck",),
        {"on": 3, "standing on": 1.2, "behind": 1, "next to": 1, "near": 0.7},
    ),
    Family(
        "passengers",
        5,
        PEOPLE,
        ("car", "bus", "truck", "boat"),
        {"in": 5, "next to": 2, "in front of": 2, "behind": 1, "looking at": 1, "near": 1.5},
    ),
    Family(
        "spectators",
        2.5,
        (*PEOPLE, "dog", "cat"),
        ("train", "plane", "bird", "ball"),
        {"watching": 4, "looking at": 2.5, "next to": 0.6, "near": 0.8},
    ),
    Family(
        "bathing",
        5,
        ("duck", "duck", "dog", "boy", "girl", "boat", "boat", "elephant"),
        ("water", "pond"),
        {"in": 4, "near": 1, "next to": 1, "on": 1},
    ),
    Family(
        "tableware",
        5,
        ("cup", "plate", "book", "lamp", "laptop", "pizza", "cake", "hat", "bag", "box", "ball", "flower"),
        ("table", "table", "bed", "chair", "box"),
        {"on": 7, "under": 2, "next to": 1.8, "near": 1.2, "behind": 0.8, "in front of": 1},
        indoors=True,
    ),
    Family(
        "hooks",
        3,
        ("bag", "lamp"),
        ("tree", "tree", "chair", "fence"),
        {"hanging from": 4, "next to": 1, "under": 1, "near": 0.8},
    ),
    Family(
        "people",
        5,
        PEOPLE,
        PEOPLE,
        {"next to": 4, "behind": 1.6, "in front of": 1.6, "looking at": 2, "near": 2, "carrying": 0.8},
        indoors=True,
    ),
    Family(
        "landmarks",
        6,
        (*PEOPLE, "dog", "horse", "car", "bus", "bench", "cow", "train"),
        ("house", "tree", "fence", "tree", "mountain"),
        {"in front of": 4, "behind": 2.5, "next to": 3, "near": 3, "under": 1.5, "looking at": 0.8, "sitting on": 0.8},
    ),
    Family(
        "garden",
        3,
        ("house", "tree", "fence", "flower", "mountain"),
        ("house", "tree", "fence", "bench"),
        {"behind": 4, "next to": 3, "near": 3, "in front of": 3},
    ),
)
