"""Writes annotations of Visual Genome's size and shape: 108,077 images, 3.8 M objects, 2.3 M relations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

N_IMAGES = 108_077
OBJECTS_PER_IMAGE, RELATIONS_PER_IMAGE, ATTRIBUTES_PER_OBJECT = 35.2, 21.3, 0.72
OBJECT_NAMES, PREDICATES, ATTRIBUTES = 75_000, 36_000, 68_000  # distinct strings in the real files, roughly
CHUNK = 4_000


def write_visual_genome(folder: Path, n_images: int = N_IMAGES, seed: int = 0) -> Path:
    """Write `scene_graphs.json`, `image_data.json` and the two alias files; the same seed writes the same bytes."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    words = _Words(rng)
    width, height = rng.integers(300, 1025, (2, n_images))
    url = "https://cs.stanford.edu/people/rak248/VG_100K_2/{}.jpg"
    image_data = [
        {"width": w, "url": url.format(i + 1), "height": h, "image_id": i + 1, "coco_id": None, "flickr_id": None}
        for i, (w, h) in enumerate(zip(width.tolist(), height.tolist(), strict=True))
    ]
    (folder / "image_data.json").write_text(json.dumps(image_data))
    with (folder / "scene_graphs.json").open("w") as file:
        file.write("[")
        for start in range(0, n_images, CHUNK):
            stop = min(start + CHUNK, n_images)
            file.write(", " if start else "")
            file.write(", ".join(_graphs(rng, words, start, width[start:stop], height[start:stop])))
        file.write("]")
    for name, canonical in (("object_alias.txt", words.names), ("relationship_alias.txt", words.predicates)):
        (folder / name).write_text(
            "".join(f"{a},{b}\n" for a, b in zip(canonical[:3000], canonical[3000:6000], strict=True))
        )
    return folder


class _Words:
    """Made-up words drawn with a long tail; a part of the predicates in capitals, as in the real files."""

    def __init__(self, rng: np.random.Generator) -> None:
        letters = np.array(list("etaoinshrdlucmfwypvbgk"))
        pool = ["".join(word) for word in letters[rng.integers(0, 22, (60_000, 5))]]
        self.names = [
            f"{pool[a]} {pool[b]}" if b % 2 else pool[a] for a, b in rng.integers(0, 60_000, (OBJECT_NAMES, 2))
        ]
        self.predicates = [f"{pool[a]}ing {pool[b][:2]}" for a, b in rng.integers(0, 60_000, (PREDICATES, 2))]
        self.predicates[:8] = ["on", "has", "ON", "in", "of", "WEARING", "next to", "near"]
        self.attributes = [pool[i] for i in rng.integers(0, 60_000, ATTRIBUTES)]


def _long_tail(rng: np.random.Generator, n_classes: int, size: int) -> list[int]:
    return np.minimum(rng.zipf(1.4, size) - 1, rng.integers(0, n_classes, size)).tolist()


def _graphs(rng: np.random.Generator, words: _Words, start: int, width: np.ndarray, height: np.ndarray) -> list[str]:
    """Records of a run of images, in the real files' field order and spacing."""
    n_objects = rng.poisson(OBJECTS_PER_IMAGE - 2, len(width)) + 2
    n_relations = rng.poisson(RELATIONS_PER_IMAGE, len(width))
    total, total_relations = int(n_objects.sum()), int(n_relations.sum())
    image = np.repeat(np.arange(len(width)), n_objects)
    x, y = rng.integers(0, width[image] - 20), rng.integers(0, height[image] - 20)
    w, h = rng.integers(5, width[image] - x + 3), rng.integers(5, height[image] - y + 3)
    names, n_attributes = _long_tail(rng, OBJECT_NAMES, total), rng.poisson(ATTRIBUTES_PER_OBJECT, total).tolist()
    attributes = iter(_long_tail(rng, ATTRIBUTES, sum(n_attributes)))
    objects = []
    for i, (xi, yi, wi, hi) in enumerate(zip(x.tolist(), y.tolist(), w.tolist(), h.tolist(), strict=True)):
        name = words.names[names[i]]
        more = ", ".join(f'"{words.attributes[next(attributes)]}"' for _ in range(n_attributes[i]))
        objects.append(
            f'{{"synsets": ["{name.split()[0]}.n.01"], "h": {hi}, "object_id": {start * 40 + i + 1000000}, '
            f'"names": ["{name}"], "w": {wi}, '
            + (f'"attributes": [{more}], ' if more else "")
            + f'"y": {yi}, "x": {xi}}}'
        )
    predicates = _long_tail(rng, PREDICATES, total_relations)
    first = np.concatenate([[0], np.cumsum(n_objects)])
    owner = np.repeat(np.arange(len(width)), n_relations)
    ends = (first[owner] + rng.integers(0, n_objects[owner], (2, total_relations))).tolist()
    relations = [
        f'{{"synsets": ["along.r.01"], "predicate": "{words.predicates[p]}", "relationship_id": '
        f"{start * 30 + i + 15000}, "
        f'"object_id": {start * 40 + o + 1000000}, "subject_id": {start * 40 + s + 1000000}}}'
        for i, (p, s, o) in enumerate(zip(predicates, *ends, strict=True))
    ]
    first_relation = np.concatenate([[0], np.cumsum(n_relations)])
    return [
        f'{{"relationships": [{", ".join(relations[first_relation[i] : first_relation[i + 1]])}], '
        f'"objects": [{", ".join(objects[first[i] : first[i + 1]])}], "image_id": {start + i + 1}}}'
        for i in range(len(width))
    ]
