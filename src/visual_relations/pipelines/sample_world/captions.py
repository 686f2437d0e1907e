"""Five true captions for a scene, in COCO's format."""

from __future__ import annotations

import random
from typing import Any

from visual_relations.pipelines.sample_world.catalogue import PEOPLE
from visual_relations.pipelines.sample_world.scenes import Scene
from visual_relations.pipelines.sample_world.stage import Relation, Thing

PER_IMAGE = 5
COLOURED = 0.5  # share of things whose colour is told
SINGULAR = ("street", "water", "sky", "sun", "grass")
PLACES = {
    "meadow": ("on the grass", "in a meadow", "on a green field"),
    "sand": ("on the sand", "at the beach"),
    "snow": ("in the snow",),
}
# Relations whose ends stand on the ground of the picture, so that a caption may name it.
ON_THE_GROUND = (
    "next to",
    "near",
    "riding",
    "looking at",
    "holding",
    "carrying",
    "pulling",
    "eating",
    "wearing",
    "watching",
)
OPENINGS = ("", "", "", "a picture of ", "there is ", "a drawing of ")


def article(words: str) -> str:
    """The words with `a`, `an` or `the` before them."""
    if words in SINGULAR:
        return f"the {words}"
    return words if words.endswith("pants") else f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def describe(thing: Thing, rng: random.Random) -> str:
    """A noun phrase: `a brown horse`, `a woman in a red dress`, `the street`."""
    if not thing.attributes or thing.name in SINGULAR or rng.random() > COLOURED:
        return article(thing.name)
    if thing.name in PEOPLE:
        garment = "dress" if thing.name in ("woman", "girl") else "shirt"
        return f"{article(thing.name)} in {article(f'{thing.attributes[0]} {garment}')}"
    return article(f"{thing.attributes[0]} {thing.name}")


def sentence(relation: Relation, rng: random.Random, finite: float = 0.3) -> str:
    """A relation in words: `a man riding a brown horse`, or with the share `finite` `a man is riding …`."""
    verb = f"is {relation.predicate}" if rng.random() < finite else relation.predicate
    return f"{describe(relation.subject, rng)} {verb} {describe(relation.object, rng)}"


def caption_texts(scene: Scene, ground: str, rng: random.Random) -> list[str]:
    """Five captions: of the main relations, of a relation and the place, of what else is there."""
    main, extra = scene.main, _worth_telling(scene)
    texts = []
    for number in range(PER_IMAGE):
        first = sentence(main[number % len(main)], rng)
        tail = ""
        if number in (0, 3) and len(main) > 1:
            link = rng.choice((" and ", " while ", ", and "))
            tail = f"{link}{sentence(main[(number + 1) % len(main)], rng, 1.0 if 'while' in link else 0.3)}"
        elif number == 1 and main[number % len(main)].predicate in ON_THE_GROUND and "grass" not in first:
            tail = f" {rng.choice(PLACES.get(ground, ('in a room',)))}"
        elif number >= 2 and extra and rng.random() < 0.7:
            tail = f" with {describe(rng.choice(extra), rng)} in the background"
        opening = rng.choice(OPENINGS) if " is " not in first and not first.startswith("the ") else ""
        text = f"{opening}{first}{tail}"
        texts.append(text[0].upper() + text[1:] + rng.choice((".", ".", ".", "")))
    return texts


def _worth_telling(scene: Scene) -> list[Thing]:
    """Things of the backdrop that no main relation names."""
    named = {end.name for relation in scene.main for end in (relation.subject, relation.object)}
    return [
        thing
        for thing in scene.things
        if thing.name in ("tree", "house", "mountain", "fence") and thing.name not in named
    ]


def coco_captions(texts: dict[int, list[str]], sizes: tuple[int, int]) -> dict[str, Any]:
    """Captions by image id as one COCO captions file."""
    images = [
        {
            "id": image_id,
            "file_name": f"{image_id}.jpg",
            "width": sizes[0],
            "height": sizes[1],
            "license": 1,
            "coco_url": "",
            "flickr_url": "",
            "date_captured": "2026-11-26 00:00:00",
        }
        for image_id in texts
    ]
    annotations = [
        {"id": image_id * 10 + number, "image_id": image_id, "caption": text}
        for image_id, lines in texts.items()
        for number, text in enumerate(lines)
    ]
    licence = {"id": 1, "name": "Apache License 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
    info = {
        "description": "Sample world of Visual Relations",
        "version": "1.0",
        "year": 2026,
        "contributor": "Visual Relations",
    }
    return {"info": info, "licenses": [licence], "images": images, "annotations": annotations}
