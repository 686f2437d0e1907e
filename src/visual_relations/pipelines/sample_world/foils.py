"""Wrong texts about a picture that differ from a true one in a single respect."""

from __future__ import annotations

import random
from dataclasses import dataclass

from visual_relations.pipelines.sample_world.captions import SINGULAR, article
from visual_relations.pipelines.sample_world.catalogue import ANIMALS, PEOPLE, ROAD_VEHICLES
from visual_relations.pipelines.sample_world.colours import BRIGHT
from visual_relations.pipelines.sample_world.families import FAMILIES
from visual_relations.pipelines.sample_world.plausibility import fits
from visual_relations.pipelines.sample_world.scenes import Scene
from visual_relations.pipelines.sample_world.stage import Relation, Thing

GROUPS = (
    PEOPLE,
    ANIMALS,
    (*ROAD_VEHICLES, "boat", "train"),
    ("plane", "kite", "cloud", "sun", "bird"),
    ("table", "chair", "bench", "bed"),
    ("house", "tree", "fence", "mountain"),
    ("flower", "grass"),
    ("umbrella", "hat", "ball", "book", "laptop", "cup", "plate", "pizza", "cake", "lamp", "bag", "box"),
)
# Both may be true of one picture, so neither can be the other's foil.
COMPATIBLE = {
    frozenset(pair.split(", "))
    for pair in (
        "near, next to",
        "looking at, near",
        "looking at, next to",
        "near, watching",
        "looking at, watching",
        "behind, near",
        "in front of, near",
        "near, pulling",
        "holding, near",
        "carrying, near",
        "carrying, holding",
        "holding, looking at",
        "eating, holding",
        "carrying, eating",
        "eating, near",
        "eating, looking at",
        "eating, next to",
        "flying, holding",
        "flying, looking at",
        "flying, watching",
        "flying, near",
        "on, sitting on",
        "on, standing on",
        "lying on, on",
        "on, riding",
        "on, parked on",
        "driving on, on",
        "on, walking on",
        "standing on, walking on",
        "in, on",
        "riding, sitting on",
        "looking at, using",
        "near, using",
        "holding, using",
        "near, under",
        "above, near",
        "flying in, in",
        "hanging from, near",
        "next to, under",
        "hanging from, under",
        "in front of, pulling",
        "carrying, looking at",
        "hanging from, on",
        "carrying, next to",
        "holding, next to",
        "pulling, walking on",
        "behind, next to",
        "in front of, next to",
        "in front of, looking at",
        "behind, looking at",
        "on, in front of",
        "behind, watching",
        "next to, watching",
        "flying, next to",
        "above, looking at",
        "near, wearing",
        "looking at, under",
        "in, near",
        "hanging from, next to",
    )
}


@dataclass(frozen=True)
class Foil:
    """A true text, a text that is wrong in one respect, and what was exchanged."""

    image_id: int
    kind: str  # object, attribute or relation
    caption: str
    foil: str
    right: str
    wrong: str
    relation: Relation | None = None


def phrase(relation: Relation) -> str:
    """`a horse next to a man`."""
    return " ".join(_ends(relation))


def wrong_predicate(relation: Relation, scene: Scene, rng: random.Random) -> str | None:
    """A predicate these two could have, but do not have here. Never `near`: that is a matter of opinion."""
    a, b = relation.subject.name, relation.object.name
    true = {r.predicate for r in scene.relations if r.subject.name == a and r.object.name == b}
    possible = sorted(
        {
            predicate
            for family in FAMILIES
            if a in family.subjects and b in family.objects
            for predicate in family.predicates.keys() - {"near"}
            if fits(a, predicate, b)
            and all(predicate != t and frozenset((predicate, t)) not in COMPATIBLE for t in true)
        }
    )
    return rng.choice(possible) if possible else None


def wrong_name(thing: Thing, scene: Scene, rng: random.Random) -> str | None:
    """A name of the same sort that nothing in the picture has."""
    here = {other.name for other in scene.things}
    group = next((group for group in GROUPS if thing.name in group), ())
    absent = sorted(set(group) - here)
    return rng.choice(absent) if absent else None


def foils_of(image_id: int, scene: Scene, rng: random.Random) -> list[Foil]:
    """A foil of every kind for every main relation, where one can be made."""
    makers = (_relation_foil, _object_foil, _attribute_foil)
    made = [maker(image_id, relation, scene, rng) for relation in scene.main for maker in makers]
    return [foil for foil in made if foil is not None]


def _relation_foil(image_id: int, relation: Relation, scene: Scene, rng: random.Random) -> Foil | None:
    predicate = wrong_predicate(relation, scene, rng)
    if predicate is None:
        return None
    subject, _, other = _ends(relation)
    texts = phrase(relation), f"{subject} {predicate} {other}"
    return Foil(image_id, "relation", *texts, relation.predicate, predicate, relation)


def _object_foil(image_id: int, relation: Relation, scene: Scene, rng: random.Random) -> Foil | None:
    end = rng.choice((relation.subject, relation.object))
    name = wrong_name(end, scene, rng)
    if name is None or relation.subject.name == relation.object.name:
        return None
    foil = _exchange(relation, end, name)
    return Foil(image_id, "object", phrase(relation), foil, end.name, name, relation)


def _attribute_foil(image_id: int, relation: Relation, scene: Scene, rng: random.Random) -> Foil | None:
    """Another colour for a thing of which there is one only."""
    names = [thing.name for thing in scene.things]
    uncoloured = (*PEOPLE, *SINGULAR)
    ends = [end for end in (relation.subject, relation.object) if end.attributes and end.name not in uncoloured]
    ends = [end for end in ends if names.count(end.name) == 1]
    if not ends:
        return None
    end = rng.choice(ends)
    right, wrong = end.attributes[0], rng.choice([colour for colour in BRIGHT if colour != end.attributes[0]])
    caption, foil = (_exchange(relation, end, f"{colour} {end.name}") for colour in (right, wrong))
    return Foil(image_id, "attribute", caption, foil, right, wrong, relation)


def _exchange(relation: Relation, end: Thing, noun: str) -> str:
    """The relation in words, with another noun for one of its ends."""
    return " ".join(article(noun) if part == article(end.name) else part for part in _ends(relation))


def _ends(relation: Relation) -> list[str]:
    return [article(relation.subject.name), relation.predicate, article(relation.object.name)]
