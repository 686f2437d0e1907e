"""What the tiny CLIP is trained on: crops of freshly drawn pictures with texts that are true of them.

Legend: B batch, S side of the square crop in pixels, L longest text of the batch in tokens.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import open_clip
import torch
from PIL import Image
from torch import Tensor

from visual_relations.pipelines.sample_world.canvas import Box
from visual_relations.pipelines.sample_world.captions import article, caption_texts
from visual_relations.pipelines.sample_world.scenes import Scene, draw_scene
from visual_relations.pipelines.sample_world.stage import Relation

SIZE = 96  # squashed to a square: crops of pairs are wide or high, and a centre crop would lose an end
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
HARD = 6  # examples of one pair of names in a batch


@dataclass(frozen=True)
class Example:
    """A picture, the box to cut out of it, texts that are true of the cutting, and the two names if it is of a pair."""

    picture: int
    box: Box | None
    texts: tuple[str, ...]
    pair: tuple[str, str] | None = None


def examples_of(scene: Scene, number: int, rng: random.Random) -> list[Example]:
    """The whole picture with captions, the union of every related pair with its triplet, every thing with its name."""
    texts = caption_texts(scene, scene.ground, rng)
    found = [Example(number, None, tuple(texts))] * 2
    for relation in scene.relations:
        a, b = relation.subject, relation.object
        if union := union_box(relation):
            triplet = f"{a.name} {relation.predicate} {b.name}"
            phrase = f"{article(a.name)} {relation.predicate} {article(b.name)}"
            example = Example(number, union, (triplet, triplet, phrase, f"a photo of {phrase}"), (a.name, b.name))
            found += [example] * (3 if relation in scene.main else 1)
    for thing in scene.things:
        if thing.box and rng.random() < 0.5:
            colour = f"{thing.attributes[0]} {thing.name}" if thing.attributes else thing.name
            found.append(Example(number, thing.box, (thing.name, f"a photo of {article(thing.name)}", colour)))
    return found


class Examples:
    """Batches of crops and texts as a pure function of (seed, step): half at random, half of pairs that share names."""

    def __init__(self, seed: str, n_scenes: int, batch_size: int) -> None:
        self._seed, self._batch_size = seed, batch_size
        self.tokenizer = open_clip.SimpleTokenizer()
        self._pictures: list[Image.Image] = []
        self.examples: list[Example] = []
        for number in range(n_scenes):
            picture, scene = draw_scene(f"{seed}:{number}")
            self.examples += examples_of(scene, len(self._pictures), random.Random(f"{seed}:{number}:texts"))  # noqa: S311
            self._pictures.append(picture)
        pairs = defaultdict(list)
        for example in self.examples:
            if example.pair is not None:
                pairs[example.pair].append(example)
        self._pairs = [group for group in pairs.values() if len({example.texts for example in group}) > 1]

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        """Pixels (B, 3, S, S) in 0–1 after normalisation, and token ids (B, L)."""
        rng = random.Random(f"{self._seed}:{step}")  # noqa: S311
        chosen = rng.sample(self.examples, self._batch_size // 2)
        while len(chosen) < self._batch_size:  # the same two names, so that only the relation tells them apart
            group = self._pairs[rng.randrange(len(self._pairs))]
            chosen += rng.sample(group, min(len(group), HARD, self._batch_size - len(chosen)))
        pixels = np.stack([self._crop(example, rng) for example in chosen])
        tokens = self.tokenizer([rng.choice(example.texts) for example in chosen])
        longest = int((tokens != 0).sum(dim=1).max())
        return normalise(torch.from_numpy(pixels)), tokens[:, :longest]

    def _crop(self, example: Example, rng: random.Random) -> np.ndarray:
        box = example.box
        if box is not None:  # people do not draw boxes to the pixel
            slack = [rng.uniform(-0.03, 0.03) * (box[2] - box[0]) for _ in range(4)]
            box = tuple(value + shift for value, shift in zip(box, slack, strict=True))  # type: ignore[assignment]
        return crop(self._pictures[example.picture], box)


def union_box(relation: Relation) -> Box | None:
    """The smallest box around both ends of a relation."""
    a, b = relation.subject.box, relation.object.box
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])) if a and b else None


def crop(picture: Image.Image, box: Box | None) -> np.ndarray:
    """Bytes (S, S, 3) of a box of the picture, or of all of it."""
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=_inside(box, picture.size)))


def _inside(box: Box | None, size: tuple[int, int]) -> Box | None:
    if box is None:
        return None
    return max(box[0], 0.0), max(box[1], 0.0), min(box[2], size[0]), min(box[3], size[1])


def normalise(pixels_BSS3: Tensor) -> Tensor:
    """Bytes to the model's input (B, 3, S, S)."""
    return ((pixels_BSS3.float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)).permute(0, 3, 1, 2).contiguous()
