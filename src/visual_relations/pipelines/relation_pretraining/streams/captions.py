"""Streams of whole images with a text each: captions, and scene graphs as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from visual_relations.graphs.verbalise import GraphSentences
from visual_relations.pipelines.relation_pretraining.streams.common import Common
from visual_relations.pipelines.relation_pretraining.streams.order import Order
from visual_relations.pipelines.relation_pretraining.streams.pictures import Pictures
from visual_relations.pipelines.relation_pretraining.streams.texts import says_side
from visual_relations.pipelines.relation_pretraining.streams.views import draw_view, render
from visual_relations.vision_language.batches import CaptionBatch
from visual_relations.vision_language.pixels import normalise


@dataclass(frozen=True)
class CaptionCollection:
    """Captions of one source.

    Attributes:
        captions: `image` (name of the picture), `captions` (list of texts) and `block` (images that lie next to each
            other on disk have the same, null: opening any is as quick), one row per image.
        pictures: Opens them.
    """

    captions: pl.DataFrame
    pictures: Pictures


class CaptionStream:
    """Captions of several collections; a batch is of one of them, in turn (arXiv 2305.14281, appendix B: uniform)."""

    def __init__(self, collections: Sequence[CaptionCollection], common: Common, batch: int) -> None:
        self._collections = collections
        self._orders = [Order(len(each.captions), common.seed, _blocks(each.captions)) for each in collections]
        self._common, self._batch = common, batch

    def batch(self, number: int, step: int, rng: np.random.Generator) -> CaptionBatch:
        """The stream's batch `number`."""
        number, turn = divmod(number, len(self._collections))
        collection = self._collections[turn]
        names, texts = collection.captions["image"], collection.captions["captions"]
        views, written = [], []
        for row, picture in self._orders[turn].take(
            number, self._batch, lambda row: collection.pictures.get(names[row])
        ):
            choices = texts[row]
            caption = str(choices[int(rng.integers(len(choices)))])
            views.append(_view(rng, picture, self._common, may_flip=not says_side(caption))[0])
            written.append(caption)
        encoded = self._common.texts.make(rng, written, self._common.params.most_tokens)
        return CaptionBatch("captions", step, normalise(np.stack(views), self._common.model), encoded)


class GraphStream:
    """Scene graphs as sentences (VSG), other triplets in every epoch.

    Args:
        sentences: Graphs that say something.
        names: Name of the picture by image id.
        pictures: Opens them.
        common: Settings of all streams.
        batch: Images.
    """

    def __init__(
        self, sentences: GraphSentences, names: dict[str, str], pictures: Pictures, common: Common, batch: int
    ) -> None:
        self._sentences, self._pictures, self._common, self._batch = sentences, pictures, common, batch
        self._ids = [image_id for image_id in sentences.image_ids if image_id in names]
        self._names = names
        self._order = Order(len(self._ids), common.seed)

    def batch(self, number: int, step: int, rng: np.random.Generator) -> CaptionBatch:
        """The stream's batch `number`."""
        samples = self._order.take(number, self._batch, lambda row: self._pictures.get(self._names[self._ids[row]]))
        # Two rows of a batch may be the same image when pictures are missing; a sentence is drawn once per image.
        shown = {self._ids[row]: _view(rng, picture, self._common, may_flip=True) for row, picture in samples}
        epoch = number * self._batch // len(self._ids)
        written = self._sentences.draw(epoch, list(shown), [flipped for _, flipped in shown.values()])
        views = np.stack([shown[image_id][0] for image_id in written["image_id"]])
        encoded = self._common.texts.make(
            rng, written["text"].to_list(), self._common.params.most_graph_tokens, clean=False
        )
        return CaptionBatch("graphs", step, normalise(views, self._common.model), encoded)


def _view(
    rng: np.random.Generator, picture: Image.Image, common: Common, *, may_flip: bool
) -> tuple[NDArray[np.uint8], bool]:
    view = draw_view(rng, picture.size, common.augmentation, may_flip=may_flip)
    return render(rng, picture, view, common.model.vision.image_size, common.augmentation), view.flip


def _blocks(captions: pl.DataFrame) -> NDArray[np.int64] | None:
    return None if captions["block"].null_count() else captions["block"].rle_id().to_numpy().astype(np.int64)
