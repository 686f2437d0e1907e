"""Probe items with two pictures, in the formats of SVO-Probes and Winoground."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from visual_relations.pipelines.sample_world.captions import article
from visual_relations.pipelines.sample_world.foils import COMPATIBLE
from visual_relations.pipelines.sample_world.probes import SYMMETRIC, capital
from visual_relations.pipelines.sample_world.scenes import Scene
from visual_relations.pipelines.sample_world.stage import Relation

Json = dict[str, Any]
Triplet = tuple[str, str, str]

SVO_COLUMNS = (
    "sentence",
    "pos_triplet",
    "neg_triplet",
    "pos_url",
    "neg_url",
    "pos_image_id",
    "neg_image_id",
    "subj_neg",
    "verb_neg",
    "obj_neg",
)


def svo_probes(scenes: dict[int, Scene]) -> list[Json]:
    """SVO-Probes: a sentence, a picture it is true of, and one that differs in subject, verb or object."""
    main = [(image_id, relation) for image_id, scene in scenes.items() for relation in scene.main]
    triplets = {
        image_id: {(r.subject.name, r.predicate, r.object.name) for r in scene.relations}
        for image_id, scene in scenes.items()
    }
    rows = []
    for image_id, relation in main:
        mine = (relation.subject.name, relation.predicate, relation.object.name)
        for position, flag in enumerate(("subj_neg", "verb_neg", "obj_neg")):
            other = next(
                (
                    (i, t)
                    for i, r in main
                    if (t := (r.subject.name, r.predicate, r.object.name))
                    and _differs(mine, t, position)
                    and not _may_hold(mine, triplets[i])
                ),
                None,
            )
            if other is not None:
                rows.append(
                    {
                        "sentence": f"{capital(article(mine[0]))} is {mine[1]} {article(mine[2])}.",
                        "pos_triplet": ",".join(mine),
                        "neg_triplet": ",".join(other[1]),
                        "pos_url": f"https://sample.world/images/{image_id}.jpg",
                        "neg_url": f"https://sample.world/images/{other[0]}.jpg",
                        "pos_image_id": image_id,
                        "neg_image_id": other[0],
                        **{name: name == flag for name in ("subj_neg", "verb_neg", "obj_neg")},
                    }
                )
    return rows


def _differs(a: tuple[str, ...], b: tuple[str, ...], position: int) -> bool:
    return all((a[i] == b[i]) != (i == position) for i in range(3))


def _may_hold(triplet: Triplet, others: set[Triplet]) -> bool:
    """Whether a triplet is or may be true of a picture with these relations."""
    a, predicate, b = triplet
    return any(x == a and y == b and (p == predicate or frozenset((p, predicate)) in COMPATIBLE) for x, p, y in others)


def winoground(scenes: dict[int, Scene]) -> list[Json]:
    """Winoground: two pictures whose captions have the same words in another order, each picture in one item only."""
    shown: dict[Triplet, list[int]] = defaultdict(list)
    for image_id, scene in scenes.items():
        for triplet in sorted({_directed(relation) for relation in scene.relations}):
            shown[triplet].append(image_id)
    items: list[Json] = []
    used: set[int] = set()
    for (a, predicate, b), images in sorted(shown.items()):
        crossed = shown.get((b, predicate, a), [])
        if a >= b or predicate in SYMMETRIC:
            continue
        firsts, seconds = (
            [image_id for image_id in ids if image_id not in used | set(others)]
            for ids, others in ((images, crossed), (crossed, images))
        )
        for pair in zip(firsts, seconds, strict=False):
            used |= set(pair)
            items.append(_winoground_item(len(items), (a, predicate, b), pair))
    return items


def _directed(relation: Relation) -> Triplet:
    """The triplet of a relation; what is in front of something is written as that being behind it."""
    a, b = relation.subject.name, relation.object.name
    return (b, "behind", a) if relation.predicate == "in front of" else (a, relation.predicate, b)


def _winoground_item(number: int, triplet: Triplet, images: tuple[int, int]) -> Json:
    a, predicate, b = triplet
    return {
        "id": number,
        "image_0": str(images[0]),
        "image_1": str(images[1]),
        "caption_0": f"{article(a)} {predicate} {article(b)}",
        "caption_1": f"{article(b)} {predicate} {article(a)}",
        "tag": "Noun",
        "secondary_tag": "",
        "num_main_preds": 1,
        "collapsed_tag": "Object",
    }
