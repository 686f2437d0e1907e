"""Which relations of a family make sense, and can be drawn, for two given names."""

from __future__ import annotations

from collections.abc import Callable

from visual_relations.pipelines.sample_world.catalogue import PEOPLE

FURNITURE = ("table", "chair", "bench", "bed")
PETS = ("cat", "dog")
LARGE = ("horse", "cow", "elephant", "sheep", "bus", "truck")


def fits(subject: str, predicate: str, other: str) -> bool:
    """Whether `subject predicate other` is plausible; predicates without a rule always are."""
    rule = RULES.get(predicate)
    return (subject != other or subject in PEOPLE) and (rule is None or rule(subject, other))


def _in(subject: str, other: str) -> bool:
    if other in ("car", "bus", "truck", "boat"):
        return subject in (*PEOPLE, *PETS)
    if other == "box":
        return subject in PETS
    return subject in ("bird", "kite") if other == "tree" else other in ("water", "pond", "sky")


def _under(subject: str, other: str) -> bool:
    return other in (*FURNITURE, "umbrella", "tree") and subject not in ("chair", "car", "bus", "house")


def _sitting_on(subject: str, other: str) -> bool:
    if subject in PEOPLE:
        return other in ("chair", "bench", "bed", "fence")
    if subject in PETS:
        return other in (*FURNITURE, "box", "car")
    return other != "tree" if subject == "bird" else subject == "duck" and other in ("bench", "boat", "cow", "elephant")


def _standing_on(subject: str, other: str) -> bool:
    if other == "street":
        return True
    if subject in PEOPLE:
        return other in ("chair", "bench", "bed", "house")
    if subject in (*PETS, "bird", "duck"):
        return other not in ("tree", "fence")
    return other == "truck" and subject in LARGE


def _on(subject: str, other: str) -> bool:
    if other == "water":
        return subject == "boat"
    return other != "pond" and not (subject == "box" and other in ("chair", "box"))


def _behind(subject: str, other: str) -> bool:
    """Not where what is behind would look as if it were on top."""
    if other in ("chair", "box", "grass", "flower") or (subject == "cat" and other == "bed"):
        return False
    return subject not in ("bird", "duck") or other in ("fence", "bench", "boat")


def _carrying(subject: str, other: str) -> bool:
    return other not in PEOPLE or (subject in ("man", "woman") and other in ("boy", "girl"))


def _pulling(subject: str, other: str) -> bool:
    return subject not in ("boy", "girl", "motorcycle") or other in ("bike", "horse", "box")


RULES: dict[str, Callable[[str, str], bool]] = {
    "above": lambda subject, other: not (subject == "duck" and other in ("house", "tree")),
    "behind": _behind,
    "carrying": _carrying,
    "flying in": lambda subject, _: subject in ("bird", "plane", "kite"),
    "in": _in,
    "in front of": lambda subject, _: subject != "mountain",
    "lying on": lambda subject, other: other != "chair" or subject == "cat",
    "near": lambda _, other: other not in ("water", "plane", "sky"),
    "next to": lambda _, other: other not in ("water", "plane", "bird"),
    "on": _on,
    "pulling": _pulling,
    "sitting on": _sitting_on,
    "standing on": _standing_on,
    "under": _under,
    "watching": lambda _, other: other != "house",
}
