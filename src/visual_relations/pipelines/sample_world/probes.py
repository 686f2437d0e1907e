"""Probe items in the formats of VSR, VALSE and SugarCrepe, and the sample world's own foils."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

from visual_relations.pipelines.sample_world.captions import SINGULAR, article
from visual_relations.pipelines.sample_world.catalogue import ANIMALS, PEOPLE, ROAD_VEHICLES
from visual_relations.pipelines.sample_world.colours import BRIGHT
from visual_relations.pipelines.sample_world.foils import Foil, phrase
from visual_relations.pipelines.sample_world.scenes import Scene
from visual_relations.pipelines.sample_world.stage import Relation

Json = dict[str, Any]

LARGEST_PIECE = 180  # items in one file
SYMMETRIC = ("next to", "near")  # true of the two ends in either order
ADDABLE = {*ANIMALS, *ROAD_VEHICLES, "umbrella", "bench", "boat", "kite", "train", "hat", "ball", "bag", "box", "cake"}
BACKDROPS = {"tree", "house", "mountain"}
PLURALS = {"man": "men", "woman": "women", "sheep": "sheep", "bus": "buses", "bench": "benches", "box": "boxes"}


def foils_jsonl(foils: list[Foil]) -> list[Json]:
    """The sample world's own probe: one line per foil."""
    return [
        {
            "id": f"{foil.kind}_{number}",
            "image_id": str(foil.image_id),
            "caption": capital(foil.caption),
            "foil": capital(foil.foil),
            "kind": foil.kind,
        }
        for number, foil in enumerate(foils)
    ]


def vsr(foils: list[Foil], rng: random.Random) -> list[Json]:
    """VSR: one statement per item, true or false."""
    items = []
    for foil in foils:
        if foil.kind != "relation" or foil.relation is None:
            continue
        true = rng.random() < 0.5
        predicate = foil.right if true else foil.wrong
        voters = str(sorted(rng.sample(range(1, 60), rng.choice((2, 3)))))
        items.append(
            {
                "image": f"{foil.image_id}.jpg",
                "image_link": f"https://sample.world/images/{foil.image_id}.jpg",
                "caption": f"The {foil.relation.subject.name} is {predicate} the {foil.relation.object.name}.",
                "label": int(true),
                "relation": predicate,
                "annotator_id": rng.randrange(1, 40),
                "vote_true_validator_id": voters if true else "[]",
                "vote_false_validator_id": "[]" if true else voters,
                "reference_frame": None,
            }
        )
    return items


def _valse_item(
    image_id: int, piece: str, caption: str, foil: str, right: Any, wrong: Any, rng: random.Random, **more: Any
) -> Json:
    agreed = rng.choice((3, 3, 3, 2, 2, 1))  # items with fewer than two votes are not valid
    return {
        "dataset": "sample_world",
        "original_split": "test",
        "dataset_idx": str(image_id),
        "linguistic_phenomena": piece,
        "image_file": f"{image_id}.jpg",
        "caption": caption,
        "classes": right,
        "classes_foil": wrong,
        "mturk": {"foil": (3 - agreed) // 2, "caption": agreed, "other": 3 - agreed - (3 - agreed) // 2},
        "foil": foil,
        **more,
    }


def valse(foils: list[Foil], scenes: dict[int, Scene], rng: random.Random) -> dict[str, dict[str, Json]]:
    """VALSE: seven of its pieces by file name, each a dict of items."""
    pieces: dict[str, dict[str, Json]] = defaultdict(dict)
    spatial = {"next to", "behind", "in front of", "under", "above", "on", "in", "near"}
    for number, foil in enumerate(foils):
        caption, wrong = capital(foil.caption) + ".", capital(foil.foil) + "."
        if foil.kind == "relation":
            piece, topic = ("relations", "relations") if foil.right in spatial else ("action-replacement", "actions")
        elif foil.kind == "object":
            piece, topic = "foil-it", "noun phrases"
        else:
            continue
        pieces[piece][f"{piece}_{number}"] = _valse_item(
            foil.image_id, topic, caption, wrong, foil.right, foil.wrong, rng
        )
    for image_id, scene in scenes.items():
        actions = [relation for relation in _swappable(scene) if relation.predicate not in spatial]
        for number, relation in enumerate(actions):
            caption, wrong = (f"{capital(text)}." for text in (phrase(relation), _swapped(relation)))
            ends = relation.subject.name, relation.object.name
            pieces["actant-swap"][f"actions_{image_id}_{number}"] = _valse_item(
                image_id, "actions", caption, wrong, ends[0], ends[1], rng
            )
        _counting(pieces, image_id, scene, rng)
    return dict(pieces)


def _counting(pieces: dict[str, dict[str, Json]], image_id: int, scene: Scene, rng: random.Random) -> None:
    """Existence, plurals and counts of one kind of animal, person or vehicle of a picture."""
    countable = (*PEOPLE, *ANIMALS, *ROAD_VEHICLES, "tree", "house", "cloud")
    names = [thing.name for thing in scene.things if thing.name in countable and thing.owner is None]
    if not names:
        return
    name = rng.choice(sorted(set(names)))
    count, plural = names.count(name), PLURALS.get(name, f"{name}s")
    absent = rng.choice(sorted(set(countable) - set(names)))
    missing = PLURALS.get(absent, f"{absent}s")
    truly = rng.random() < 0.5
    some, none = (f"There are {word}{plural if truly else missing} in the picture." for word in ("", "no "))
    right, wrong = ((some, [1, 2, 3]), (none, 0))[:: 1 if truly else -1]
    pieces["existence"][f"existence_{image_id}"] = _valse_item(
        image_id, "existence", right[0], wrong[0], right[1], wrong[1], rng
    )
    words = (f"exactly one {name}", f"a number of {plural}")
    one, other = words if count == 1 else words[::-1]
    pieces["plurals"][f"plurals:{image_id}"] = _valse_item(
        image_id, "plurals", f"A picture with {one}", f"A picture with {other}", one, other, rng
    )
    false_count = rng.choice([n for n in (1, 2, 3, 4) if n != count])
    caption, foil = (
        f"There {'is' if n == 1 else 'are'} exactly {n} {name if n == 1 else plural} in the picture."
        for n in (count, false_count)
    )
    pieces["counting-small-quant"][f"counting_{image_id}"] = _valse_item(
        image_id, "counting", caption, foil, count, false_count, rng
    )


def sugarcrepe(foils: list[Foil], scenes: dict[int, Scene], rng: random.Random) -> dict[str, dict[str, Json]]:
    """SugarCrepe: seven files by name."""
    files: dict[str, list[Json]] = defaultdict(list)
    kinds = {"relation": "replace_rel", "object": "replace_obj", "attribute": "replace_att"}
    for foil in foils:
        files[kinds[foil.kind]].append(_sugar(foil.image_id, foil.caption, foil.foil))
    for image_id, scene in scenes.items():
        for relation in _swappable(scene):
            files["swap_obj"].append(_sugar(image_id, phrase(relation), _swapped(relation)))
        relation = rng.choice(scene.main)
        for name, negative in _additions(relation, scene, rng):
            files[name].append(_sugar(image_id, phrase(relation), negative))
        if texts := _swapped_colours(relation):
            files["swap_att"].append(_sugar(image_id, *texts))
    return {name: {str(number): item for number, item in enumerate(items)} for name, items in files.items()}


def _additions(relation: Relation, scene: Scene, rng: random.Random) -> list[tuple[str, str]]:
    """A relation's phrase with something that is not there, and with a colour that a thing does not have."""
    a, b = relation.subject, relation.object
    here = {thing.name for thing in scene.things}
    absent = rng.choice(sorted((ADDABLE | BACKDROPS) - here))
    added = f"with {article(absent)} in the background" if absent in BACKDROPS else f"and {article(absent)}"
    found = [("add_obj", f"{phrase(relation)} {added}")]
    if a.attributes and a.name not in (*PEOPLE, *SINGULAR):
        colour = rng.choice([colour for colour in BRIGHT if colour != a.attributes[0]])
        found.append(("add_att", f"{article(f'{colour} {a.name}')} {relation.predicate} {article(b.name)}"))
    return found


def _swappable(scene: Scene) -> list[Relation]:
    """Relations that do not hold the other way round."""
    held = {(r.subject.name, r.predicate, r.object.name) for r in scene.relations}
    return [
        r
        for r in scene.relations
        if r.subject.name != r.object.name
        and r.predicate not in SYMMETRIC
        and (r.object.name, r.predicate, r.subject.name) not in held
    ]


def _swapped(relation: Relation) -> str:
    return f"{article(relation.object.name)} {relation.predicate} {article(relation.subject.name)}"


def _swapped_colours(relation: Relation) -> tuple[str, str] | None:
    """The relation with the right and with exchanged colours, if both ends have one."""
    ends = (relation.subject, relation.object)
    if any(not end.attributes or end.name in (*PEOPLE, *SINGULAR) for end in ends):
        return None
    (a, x), (b, y) = ((end.name, end.attributes[0]) for end in ends)
    if x == y or a == b:
        return None
    right, wrong = (
        f"{article(f'{first} {a}')} {relation.predicate} {article(f'{second} {b}')}"
        for first, second in ((x, y), (y, x))
    )
    return right, wrong


def _sugar(image_id: int, caption: str, negative: str) -> Json:
    return {
        "filename": f"{image_id}.jpg",
        "caption": capital(caption) + ".",
        "negative_caption": capital(negative) + ".",
    }


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[0].upper() + text[1:]
