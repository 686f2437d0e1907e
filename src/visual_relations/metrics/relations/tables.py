"""From the project's tables of pairs to the flat arrays that are evaluated.

Legend: P candidate pairs, C score columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from visual_relations.metrics.relations.flat import Candidates, Floats, SceneGraphs

IMAGE, SUBJECT, OBJECT = "image_id", "subject_index", "object_index"
BOX = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True)
class PairLayout:
    """Annotated images and candidate pairs in the order they are evaluated in; scores are laid over it."""

    graphs: SceneGraphs
    pair_ids: pl.Series
    pair_offsets: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]

    @classmethod
    def from_tables(cls, annotated: pl.DataFrame, candidates: pl.DataFrame) -> PairLayout:
        """Lay out annotations and candidates; images without annotation are left out.

        Args:
            annotated: Rows of `relation_pairs`, duplicates kept.
            candidates: Pairs with the same columns but the predicate; each once.
        """
        images = annotated.select(IMAGE).unique().sort(IMAGE).with_row_index("image")
        candidates = candidates.join(images, on=IMAGE, how="inner")
        annotated = annotated.join(images, on=IMAGE, how="inner").sort("image", maintain_order=True)
        objects = _objects(pl.concat([annotated, candidates], how="diagonal"))
        truth = _with_places(annotated, objects)
        scored = _with_places(candidates, objects).sort("image", "subject_place", "object_place")
        graphs = SceneGraphs(
            box_offsets=_offsets(objects, images.height),
            boxes=objects.select(BOX).to_numpy(),
            classes=objects["class_id"].to_numpy(),
            relation_offsets=_offsets(truth, images.height),
            relations=truth.select("subject_place", "object_place", "predicate_class").to_numpy().astype(np.int64),
        )
        pairs = scored.select("subject_place", "object_place").to_numpy().astype(np.int64)
        return cls(graphs, scored["pair_id"], _offsets(scored, images.height), pairs)

    def candidates(self, pair_ids: pl.Series, scores_PC: Floats, *, background: bool) -> Candidates:
        """Lay scores over the pairs.

        Args:
            pair_ids: Pairs that were scored, in any order; those of other images are ignored.
            scores_PC: Their scores.
            background: Whether column 0 is the background.

        Raises:
            ValueError: If a pair of the layout was not scored.
        """
        rows = pl.DataFrame({"pair_id": pair_ids}).with_row_index("row")
        found = self.pair_ids.to_frame("pair_id").join(rows, on="pair_id", how="left", maintain_order="left")
        if missing := found["row"].null_count():
            example = found.filter(pl.col("row").is_null())["pair_id"][0]
            raise ValueError(f"{missing} pairs have no scores, e.g. {example}; predict all pairs of the protocol again")
        return Candidates(self.pair_offsets, self.pairs, scores_PC[found["row"].to_numpy()], background)


def _objects(pairs: pl.DataFrame) -> pl.DataFrame:
    """Both ends of all pairs, each object once, by image and index."""
    ends = [
        pairs.select("image", pl.col(index).alias("index"), pl.col(class_id).alias("class_id"), *boxes)
        for index, class_id, boxes in (
            (SUBJECT, "subject_class", [pl.col("s" + side).alias(side) for side in BOX]),
            (OBJECT, "object_class", [pl.col("o" + side).alias(side) for side in BOX]),
        )
    ]
    objects = pl.concat(ends).unique(["image", "index"], keep="first").sort("image", "index")
    return objects.with_columns(place=pl.int_range(pl.len()).over("image"))


def _with_places(pairs: pl.DataFrame, objects: pl.DataFrame) -> pl.DataFrame:
    """Number the objects of an image without gaps."""
    for index, place in ((SUBJECT, "subject_place"), (OBJECT, "object_place")):
        numbered = objects.select("image", pl.col("index").alias(index), pl.col("place").alias(place))
        pairs = pairs.join(numbered, on=["image", index], how="left", maintain_order="left")
    return pairs


def _offsets(table: pl.DataFrame, n_images: int) -> npt.NDArray[np.int64]:
    counts = np.bincount(table["image"].to_numpy(), minlength=n_images)
    return np.concatenate([[0], np.cumsum(counts)])
