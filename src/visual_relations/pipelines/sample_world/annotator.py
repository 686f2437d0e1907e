"""Scenes as Visual Genome 1.2 would hold them, with the blemishes that real annotations have."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from visual_relations.pipelines.sample_world.canvas import HEIGHT, WIDTH
from visual_relations.pipelines.sample_world.scenes import Scene
from visual_relations.pipelines.sample_world.stage import Relation, Thing

Json = dict[str, Any]

# First name of a line is the canonical one; annotators use the others now and then. As in Visual Genome's own files,
# a name may stand in two groups ("by", "over") and lines may end in blanks.
OBJECT_ALIASES = (
    "man,guy",
    "woman,lady ",
    "bike,bicycle",
    "plane,airplane,aeroplane",
    "motorcycle,motorbike",
    "street,road",
    "cup,mug",
    "bag,handbag",
    "house,building ",
    "cloud,clouds",
    "tree,trees",
    "laptop,computer",
    "pants,trousers",
)
RELATIONSHIP_ALIASES = (
    "next to,beside,by,standing next to",
    "near,close to,by",
    "in front of,standing in front of",
    "on,on top of,is on ",
    "under,beneath,below,underneath",
    "above,over",
    "wearing,wears",
    "riding,rides,is riding",
    "holding,holds ",
    "looking at,looks at,is looking at",
    "carrying,carries",
    "sitting on,sits on,is sitting on",
    "has,have",
    "behind,standing behind",
    "in,inside",
    "walking on,walking over,over",
)
SYNONYM, CAPITALS, REPEATED, UNNOTED, UNNOTED_PARTS = 0.08, 0.10, 0.05, 0.2, 0.6  # how often an annotator does so
VERBS = {
    "riding": "ride.v.01",
    "wearing": "wear.v.01",
    "holding": "hold.v.02",
    "carrying": "carry.v.01",
    "eating": "eat.v.01",
}


def annotate(image_id: int, scene: Scene, seed: int) -> tuple[Json, Json, Json]:
    """Annotate a scene.

    Args:
        image_id: Number of the image; numbers of objects and relations are derived from it.
        scene: The drawn scene.
        seed: Seed of the annotator's habits.

    Returns:
        The image's entries in `image_data.json`, `scene_graphs.json` and `relationships.json`.
    """
    rng = random.Random(f"{seed}:annotator:{image_id}")  # noqa: S311
    related = {end for relation in scene.relations for end in (relation.subject, relation.object)}
    noted = [
        thing
        for thing in scene.things
        if thing in related or rng.random() > (UNNOTED_PARTS if thing.owner else UNNOTED)
    ]
    rng.shuffle(noted)
    objects = {thing: _object(image_id * 100 + number, thing, rng) for number, thing in enumerate(noted)}
    relations = [_relation(relation, objects, rng) for relation in scene.relations]
    relations += [dict(relation) for relation in relations if rng.random() < REPEATED]
    if objects and image_id % 97 == 0:  # a slip that happens in Visual Genome too
        something = next(iter(objects.values()))["object_id"]
        relations.append({"predicate": "near", "synsets": [], "subject_id": something, "object_id": something})
    rng.shuffle(relations)
    for number, relation in enumerate(relations):
        relation["relationship_id"] = image_id * 100 + number
    graph = {"image_id": image_id, "objects": list(objects.values()), "relationships": relations}
    return _image(image_id), graph, _joined(graph)


def _image(image_id: int) -> Json:
    url = f"https://sample.world/images/{image_id}.jpg"
    coco, flickr = (None, None) if image_id % 3 == 0 else (500_000 + image_id, 70_000_000 + image_id)
    return {"image_id": image_id, "url": url, "width": WIDTH, "height": HEIGHT, "coco_id": coco, "flickr_id": flickr}


def _object(object_id: int, thing: Thing, rng: random.Random) -> Json:
    x1, y1, x2, y2 = (int(value) for value in thing.box or (0, 0, 1, 1))
    over = 1 if x2 == WIDTH and rng.random() < 0.1 else 0  # a box one pixel past the edge
    record: Json = {
        "object_id": object_id,
        "names": [_synonym(thing.name, OBJECT_ALIASES, rng)],
        "synsets": [f"{thing.name}.n.01"] if rng.random() > 0.1 else [],
        "x": x1,
        "y": y1,
        "w": x2 - x1 + over,
        "h": y2 - y1,
    }
    if thing.attributes and rng.random() < 0.7:  # the key is missing where there is nothing to say
        record["attributes"] = list(thing.attributes)
    return record


def _relation(relation: Relation, objects: dict[Thing, Json], rng: random.Random) -> Json:
    predicate = _synonym(relation.predicate, RELATIONSHIP_ALIASES, rng)
    return {
        "predicate": predicate.upper() if rng.random() < CAPITALS else predicate,
        "synsets": [VERBS[relation.predicate]] if relation.predicate in VERBS else [],
        "subject_id": objects[relation.subject]["object_id"],
        "object_id": objects[relation.object]["object_id"],
    }


def _synonym(name: str, groups: tuple[str, ...], rng: random.Random) -> str:
    others = next((group.strip().split(",")[1:] for group in groups if group.split(",")[0] == name), [])
    # A name of two groups would be read as the other group's: leave it to the alias files.
    others = [other for other in others if sum(other in group.strip().split(",") for group in groups) == 1]
    return rng.choice(others) if others and rng.random() < SYNONYM else name


def _joined(graph: Json) -> Json:
    """The same relations in the shape of `relationships.json` 1.2, where each end is written out with its `name`."""
    ends = {}
    for entry in graph["objects"]:
        fields = {key: entry[key] for key in ("object_id", "synsets", "x", "y", "w", "h")}
        ends[entry["object_id"]] = {**fields, "name": entry["names"][0]}
    relations = [
        {
            "relationship_id": relation["relationship_id"],
            "predicate": relation["predicate"],
            "synsets": relation["synsets"],
            "subject": ends[relation["subject_id"]],
            "object": ends[relation["object_id"]],
        }
        for relation in graph["relationships"]
    ]
    return {"image_id": graph["image_id"], "relationships": relations}


def make_splits(image_ids: list[int], shares: Mapping[Any, float], seed: int) -> dict[str, list[int]]:
    """Deal image ids to the splits in the given shares; what is left over goes to the first."""
    ids = sorted(image_ids)
    random.Random(f"{seed}:splits").shuffle(ids)  # noqa: S311
    names, splits, start = list(shares), {}, 0
    for name in names[1:]:
        stop = start + round(shares[name] * len(ids))
        splits[name], start = sorted(ids[start:stop]), stop
    return {names[0]: sorted(ids[start:]), **splits}
