"""How well the tiny CLIP finds the right text, beside chance."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import open_clip
import torch
from PIL import Image
from torch import Tensor, nn

from visual_relations.pipelines.sample_world.canvas import Box
from visual_relations.pipelines.sample_world.captions import article
from visual_relations.pipelines.sample_world.crops import crop, normalise, union_box
from visual_relations.pipelines.sample_world.scenes import Scene

Score = dict[str, float]
CHUNK = 256


@torch.no_grad()
def measure_retrieval(
    model: open_clip.CLIP, pictures: dict[int, bytes], scenes: dict[int, Scene], captions: dict[int, list[str]]
) -> dict[str, Score]:
    """Accuracies of three choices among texts.

    Args:
        model: CLIP.
        pictures: Encoded pictures of one split by image id.
        scenes: What is in them.
        captions: Their captions.

    Returns:
        For each choice its accuracy, the accuracy of guessing, the number of texts to choose from and of items:
        the caption of a picture among those of all pictures; the name of a cut-out thing; the predicate of a
        cut-out pair whose two names are given.
    """
    opened = {image_id: Image.open(io.BytesIO(data)).convert("RGB") for image_id, data in pictures.items()}
    return {
        "caption_of_picture": _captions(model, opened, captions),
        "name_of_thing": _names(model, opened, scenes),
        "predicate_of_pair": _predicates(model, opened, scenes),
    }


def _captions(model: open_clip.CLIP, pictures: dict[int, Image.Image], captions: dict[int, list[str]]) -> Score:
    texts = [captions[image_id][0] for image_id in pictures]
    similarity = _images(model, [(picture, None) for picture in pictures.values()]) @ _texts(model, texts).T
    best = similarity.argmax(dim=1).tolist()
    return _score([texts[choice] == texts[place] for place, choice in enumerate(best)], len(texts))


def _names(model: open_clip.CLIP, pictures: dict[int, Image.Image], scenes: dict[int, Scene]) -> Score:
    things = [(pictures[image_id], thing) for image_id in pictures for thing in scenes[image_id].things]
    names = sorted({thing.name for _, thing in things})
    texts = _texts(model, [f"a photo of {article(name)}" for name in names])
    best = (_images(model, [(picture, thing.box) for picture, thing in things]) @ texts.T).argmax(dim=1).tolist()
    return _score([names[choice] == thing.name for choice, (_, thing) in zip(best, things, strict=True)], len(names))


def _predicates(model: open_clip.CLIP, pictures: dict[int, Image.Image], scenes: dict[int, Scene]) -> Score:
    relations = [(pictures[image_id], relation) for image_id in pictures for relation in scenes[image_id].main]
    predicates = sorted({relation.predicate for _, relation in relations})
    images = _images(model, [(picture, union_box(relation)) for picture, relation in relations])
    hits = []
    for image_D, (_, relation) in zip(images, relations, strict=True):
        texts = [f"{relation.subject.name} {predicate} {relation.object.name}" for predicate in predicates]
        hits.append(predicates[int((_texts(model, texts) @ image_D).argmax())] == relation.predicate)
    return _score(hits, len(predicates))


def _score(hits: list[bool], n_texts: int) -> Score:
    return {
        "accuracy": round(float(np.mean(hits)), 4),
        "chance": round(1 / n_texts, 4),
        "texts": n_texts,
        "items": len(hits),
    }


def _images(model: open_clip.CLIP, cuttings: Sequence[tuple[Image.Image, Box | None]]) -> Tensor:
    """Unit vectors (N, D) of boxes of pictures."""
    pixels = [crop(picture, box) for picture, box in cuttings]
    chunks = [pixels[start : start + CHUNK] for start in range(0, len(pixels), CHUNK)]
    return torch.cat([_unit(model.encode_image(normalise(torch.from_numpy(np.stack(chunk))))) for chunk in chunks])


def _texts(model: open_clip.CLIP, texts: list[str]) -> Tensor:
    """Unit vectors (N, D) of texts."""
    return _unit(model.encode_text(open_clip.SimpleTokenizer()(texts)))


def _unit(vectors_ND: Tensor) -> Tensor:
    return nn.functional.normalize(vectors_ND, dim=-1)
