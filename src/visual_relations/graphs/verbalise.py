"""Verbalised scene graphs (VSG): a graph as one sentence, `man riding horse [SEP] horse on beach [SEP] …`.

Source: "Weakly-Supervised Learning of Visual Relations in Multimodal Pretraining" (arXiv 2305.14281), section 2.1 and
appendix A: draw K triplets of the image, order them by the centre of the subject's box, write them with a separator
between them. What the paper leaves open is a parameter. Everything is done for many images at once, and an image's
sentence depends on nothing but its own graph, the seed and the epoch.

    sentences = GraphSentences(images, objects, relations, VerbalisationParams(), count_tokens)
    table = sentences.draw(epoch=3)                                  # all images
    batch = sentences.draw(epoch=3, image_ids=ids, flipped=flags)    # in a training step
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from visual_relations.graphs.names import clean_lists, clean_sentences, mirror_left_right
from visual_relations.graphs.tables import ObjectRows, empty, grouped_by_image

SEPARATOR = "[SEP]"
LEFT, RIGHT = "to the left of", "to the right of"
ENDS = ("subject", "object")

CountTokens = Callable[[Sequence[str]], Sequence[int]]
"""Number of tokens of each text, without special tokens."""

VERBALISED = pl.Schema({"image_id": pl.String(), "epoch": pl.Int32(), "text": pl.String(), "n_triplets": pl.Int32()})


class VerbalisationParams(BaseModel):
    """How a graph becomes a sentence.

    Attributes:
        triplets: K, triplets drawn per image; an image with fewer gives all it has.
        order: Sort by the centre of the subject's box: `xy` left to right (ties top to bottom), `yx` top to bottom
            (ties left to right), or `none`, in the order of the draw.
        max_tokens: Budget, counting one [CLS] and a [SEP] after each triplet.
        truncate: `triplets` leaves out what does not fit whole; `reference` leaves cutting to the tokenizer.
        left_right: GQA's "to the left of" and "to the right of", nine of ten relations, always in mirrored pairs:
            `keep`; `drop`; `one_direction`, without "to the right of"; `cap`, at most `left_right_cap` per image.
        left_right_cap: How many `cap` leaves.
        names: Objects with several names: the `first`, or a `random` one in each draw.
        seed: Of the draws.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    triplets: int = Field(8, ge=1)
    order: Literal["xy", "yx", "none"] = "xy"
    max_tokens: int = Field(112, ge=3)
    truncate: Literal["triplets", "reference"] = "triplets"
    left_right: Literal["keep", "drop", "one_direction", "cap"] = "keep"
    left_right_cap: int = Field(1, ge=0)
    names: Literal["first", "random"] = "first"
    seed: int = 0


def count_words(texts: Sequence[str]) -> list[int]:
    """Tokens when there is no tokenizer: words."""
    return [len(text.split()) for text in texts]


class GraphSentences:
    """Graphs of a collection, ready to be drawn from again and again.

    Args:
        objects: Clean objects, grouped by image in the order of `object_index`.
        relations: Clean relations; of the same subject, predicate and object only the first counts.
        params: How to draw and write.
        count_tokens: Token counts of texts; sums over words, as WordPiece's do.
    """

    def __init__(
        self,
        objects: pl.DataFrame,
        relations: pl.DataFrame,
        params: VerbalisationParams,
        count_tokens: CountTokens = count_words,
    ) -> None:
        self._params = params
        self._count_tokens = count_tokens
        self._triplets = _triplets(objects, relations, params)
        first = self._triplets["image_id"].rle_id() if self._triplets.height else pl.Series([], dtype=pl.UInt32)
        starts = np.flatnonzero(np.diff(first.to_numpy().astype(np.int64), prepend=-1))
        self._starts = np.append(starts, self._triplets.height)
        self.image_ids: list[str] = self._triplets["image_id"].gather(starts).to_list()
        self._row_of = {image_id: row for row, image_id in enumerate(self.image_ids)}

    def draw(
        self, epoch: int, image_ids: Sequence[str] | None = None, flipped: Sequence[bool] | None = None
    ) -> pl.DataFrame:
        """Draw one sentence per image.

        Args:
            epoch: Another epoch draws other triplets.
            image_ids: Which images; all that have a usable relation when absent.
            flipped: Whether each of `image_ids` is shown mirrored: left and right change places, and so does the order.

        Returns:
            `VERBALISED`, in the order of `image_ids`, without images that have nothing to say.
        """
        wanted = self.image_ids if image_ids is None else [name for name in image_ids if name in self._row_of]
        mirrored = dict(zip(image_ids or (), flipped or (), strict=flipped is not None))
        rows = np.array([self._row_of[name] for name in wanted], dtype=np.int64)
        counts = self._starts[rows + 1] - self._starts[rows]
        place = np.repeat(np.arange(len(rows)), counts)
        ordinal = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        keys = _random_keys(wanted, f"{self._params.seed}:{epoch}", counts, ordinal)
        flags = np.array([mirrored.get(name, False) for name in wanted], dtype=bool)
        drawn = self._triplets[np.repeat(self._starts[rows], counts) + ordinal].with_columns(
            place=place, key=keys, ordinal=ordinal, flipped=np.repeat(flags, counts)
        )
        return _write(drawn, self._params, self._count_tokens, epoch)


def _triplets(objects: pl.DataFrame, relations: pl.DataFrame, params: VerbalisationParams) -> pl.DataFrame:
    """Distinct triplets grouped by image, with the names of both ends and the centre of the subject's box."""
    distinct = relations.select("image_id", "subject_index", "object_index", "predicate").unique(maintain_order=True)
    distinct = distinct.with_columns(clean_sentences(distinct["predicate"])).filter(pl.col("predicate") != "")
    if params.left_right in {"drop", "one_direction"}:
        unwanted = [LEFT, RIGHT] if params.left_right == "drop" else [RIGHT]
        distinct = distinct.filter(~pl.col("predicate").is_in(unwanted))
    ends = objects.with_columns(clean_sentences(objects["name"]), clean_lists(objects["other_names"], clean_sentences))
    rows = ObjectRows(objects)
    subject = ends[rows.find(distinct["image_id"], distinct["subject_index"])]
    target = ends[rows.find(distinct["image_id"], distinct["object_index"])]
    named = distinct.select(
        "image_id",
        "predicate",
        subject=subject["name"],
        object=target["name"],
        subject_others=subject["other_names"],
        object_others=target["other_names"],
        x=(subject["x1"] + subject["x2"]) / 2,
        y=(subject["y1"] + subject["y2"]) / 2,
    )
    if params.names == "first":
        named = named.drop("subject_others", "object_others")
    said = (pl.col("subject") != "") & (pl.col("object") != "")
    return grouped_by_image(named.filter(said))


def _write(drawn: pl.DataFrame, params: VerbalisationParams, count_tokens: CountTokens, epoch: int) -> pl.DataFrame:
    if drawn.is_empty():
        return empty(VERBALISED)
    if params.left_right == "cap":
        sideways = drawn["predicate"].is_in([LEFT, RIGHT])
        drawn = pl.concat([drawn.filter(~sideways), _first_of_image(drawn.filter(sideways), params.left_right_cap)])
    drawn = _mirrored(_named(_first_of_image(drawn, params.triplets)))
    if params.order != "none":
        drawn = drawn.sort("place", *params.order, "ordinal")
    if params.truncate == "triplets":
        drawn = _within_budget(drawn, params.max_tokens, count_tokens)
    triplet = pl.concat_str("subject", "predicate", "object", separator=" ")
    sentences = drawn.group_by("place", maintain_order=True).agg(
        pl.col("image_id").first(), text=triplet.str.join(f" {SEPARATOR} "), n_triplets=pl.len()
    )
    return sentences.select("image_id", pl.lit(epoch).alias("epoch"), "text", "n_triplets").cast(VERBALISED)


def _first_of_image(drawn: pl.DataFrame, limit: int) -> pl.DataFrame:
    """The triplets with the smallest random keys, in that order."""
    place = drawn["place"].to_numpy()
    order = np.lexsort((drawn["key"].to_numpy(), place))
    place = place[order]
    rank = np.arange(len(place)) - np.searchsorted(place, place)
    return drawn[order[rank < limit]]


def _named(drawn: pl.DataFrame) -> pl.DataFrame:
    """Choose one of the names of an object, when names are to be random."""
    for number, end in enumerate(ENDS, 1):
        others = f"{end}_others"
        if others in drawn.columns and drawn[others].list.len().sum():
            names = pl.concat_list(pl.col(end), pl.col(others))
            bits = pl.lit(pl.Series(_mix(drawn["key"].to_numpy() + np.uint64(number))))
            drawn = drawn.with_columns(names.list.get(bits % names.list.len()).alias(end))
    return drawn


def _mirrored(drawn: pl.DataFrame) -> pl.DataFrame:
    """Say what a mirrored image shows."""
    if not drawn["flipped"].any():
        return drawn
    texts = ("subject", "predicate", "object")
    return drawn.with_columns(
        pl.when("flipped").then(-pl.col("x")).otherwise("x").alias("x"),
        *(pl.when("flipped").then(mirror_left_right(drawn[name])).otherwise(name).alias(name) for name in texts),
    )


def _within_budget(drawn: pl.DataFrame, max_tokens: int, count_tokens: CountTokens) -> pl.DataFrame:
    """Leave out triplets that do not fit whole: those longer than the budget, then the last ones."""
    length = pl.sum_horizontal(_token_counts(drawn[name], count_tokens) for name in ("subject", "predicate", "object"))
    spent = drawn.with_columns(length=length + 1).filter(pl.col("length") < max_tokens)  # one more for [CLS]
    return spent.filter(pl.col("length").cum_sum().over("place") < max_tokens)


def _token_counts(texts: pl.Series, count_tokens: CountTokens) -> pl.Series:
    distinct = texts.unique()
    counts = pl.Series(count_tokens(distinct.to_list()), dtype=pl.Int64)
    return texts.replace_strict(distinct, counts, return_dtype=pl.Int64)


def _random_keys(
    image_ids: Sequence[str], salt: str, counts: NDArray[np.int64], ordinal: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """A random number per triplet that depends on the salt, its image and its place in it, and on no other image."""
    digests = b"".join(blake2b(f"{salt}:{image_id}".encode(), digest_size=8).digest() for image_id in image_ids)
    return _mix(np.repeat(np.frombuffer(digests, dtype="<u8"), counts) + ordinal.astype(np.uint64) * _GOLDEN)


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): well mixed bits of a counter."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
