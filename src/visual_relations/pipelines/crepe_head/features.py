"""What the heads of the grid see: from tables and feature banks to `Pairs`.

Legend: N pairs, D feature width, L object labels, G geometry numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from visual_relations.pipelines.crepe_head.params import PROMPT, Recipe, Row, UVTransERecipe, Widths
from visual_relations.relation_heads.geometry import box_geometry
from visual_relations.relation_heads.pairs import Pairs
from visual_relations.relation_heads.scaling import scale_features


class Bank(Protocol):
    """A feature bank on disk or in memory."""

    dim: int
    ids: pl.Series

    def select(self, ids: pl.Series | list[str]) -> npt.NDArray[np.float16]:
        """Features (N, D) by id."""
        ...


@dataclass(frozen=True)
class HeadFeatures:
    """All features of a world; None where it has none."""

    vocabulary: dict[str, Any]
    object_text: Bank | None
    object_image: Bank | None
    union_image: Bank | None
    triplet_text: Bank | None
    pseudo_labels: pl.DataFrame | None
    product_text: Bank | None
    product_labels: pl.DataFrame | None
    handcrafted_prompt: Bank | None
    learned_prompt: Bank | None
    grid_prompts: Bank | None
    handcrafted: str

    def has(self, row: Row) -> bool:
        """Whether the world has every feature that a row looks at."""
        ends = self.object_image is not None if row.ends == "image" else True
        return ends and all(union == "none" or self._bank(union) is not None for union in (row.union, row.text))

    def widths(self, row: Row, *, background: bool) -> Widths:
        """What the world fixes about a row's head."""
        ends = self.object_image if row.ends == "image" else self.object_text
        union, text = (0 if name == "none" else self._need(name).dim for name in (row.union, row.text))
        return Widths(
            n_labels=len(self.vocabulary["objects"]),
            n_predicates=len(self.vocabulary["predicates"]),
            background=background,
            label_dim=1 if ends is None else ends.dim,
            union=union,
            text=text,
            geometry=box_geometry(_one_pair()).shape[1] if row.geometry else 0,
        )

    def of(self, pairs: pl.DataFrame, row: Row, recipe: Recipe, training: pl.DataFrame) -> Pairs:
        """Features of pairs under a row of the grid; their scale is that of the training pairs."""
        union_ND, text_ND = (self._scaled(pairs, name, recipe, training) for name in (row.union, row.text))
        if isinstance(recipe, UVTransERecipe) and text_ND is not None:
            union_ND, text_ND = text_ND if union_ND is None else torch.cat([union_ND, text_ND], dim=1), None
        crops = [f"{end}_index" if row.ends == "image" else "none" for end in ("subject", "object")]
        subject_ND, object_ND = (self._scaled(pairs, crop, recipe, training) for crop in crops)
        return Pairs(
            labels_LD=self._labels(recipe),
            subject_N=torch.from_numpy(pairs["subject_class"].cast(pl.Int64).to_numpy(writable=True)),
            object_N=torch.from_numpy(pairs["object_class"].cast(pl.Int64).to_numpy(writable=True)),
            union_ND=union_ND,
            text_ND=text_ND,
            subject_image_ND=subject_ND,
            object_image_ND=object_ND,
            geometry_NG=torch.from_numpy(box_geometry(pairs)) if row.geometry else None,
        )

    def _labels(self, recipe: Recipe) -> Tensor:
        if self.object_text is None:  # a world without a text encoder: heads learn an embedding per label
            return torch.zeros(len(self.vocabulary["objects"]), 1)
        labels_LD = torch.from_numpy(self.object_text.select(self.vocabulary["objects"]).astype(np.float32))
        return scale_features(labels_LD, labels_LD, recipe.scaling)

    def _scaled(self, pairs: pl.DataFrame, name: str, recipe: Recipe, training: pl.DataFrame) -> Tensor | None:
        if name == "none":
            return None
        features_ND = torch.from_numpy(self._rows(pairs, name).astype(np.float32))
        if recipe.scaling == "raw":
            return features_ND
        training_ND = torch.from_numpy(self._rows(training, name).astype(np.float32))
        return scale_features(features_ND, training_ND, recipe.scaling)

    def _bank(self, union: str) -> Bank | None:
        if union.startswith(PROMPT):
            return self.grid_prompts
        return {
            "image": self.union_image,
            "pseudo_text": self.triplet_text if self.pseudo_labels is not None else None,
            "product_text": self.product_text if self.product_labels is not None else None,
            "handcrafted_prompt": self.handcrafted_prompt,
            "learned_prompt": self.learned_prompt,
        }[union]

    def _need(self, union: str) -> Bank:
        if (bank := self._bank(union)) is None:
            raise ValueError(f"this world has no features for the union {union!r}; leave rows that need them out")
        return bank

    def _rows(self, pairs: pl.DataFrame, name: str) -> npt.NDArray[np.float16]:
        """Features of pairs as they are in the bank: of a union, or of the crops of one end."""
        if name.endswith("_index"):
            return self._crops(pairs, name)
        bank = self._need(name)
        if name in ("pseudo_text", "product_text"):
            labels = self.pseudo_labels if name == "pseudo_text" else self.product_labels
            assert labels is not None  # noqa: S101  for the type checker; `_need` has looked
            return bank.select(pairs.join(labels, on="pair_id", how="left", maintain_order="left")["text"])
        if name == "handcrafted_prompt":
            return bank.select(self._handcrafted_texts(pairs))
        prefix = f"{name.removeprefix(PROMPT)}/" if name.startswith(PROMPT) else ""
        return bank.select(prefix + pairs["pair_id"])

    def _handcrafted_texts(self, pairs: pl.DataFrame) -> pl.Series:
        names = self.vocabulary["objects"]
        classes = zip(pairs["subject_class"], pairs["object_class"], strict=True)
        texts = [self.handcrafted.format(subject=names[subject], object=names[other]) for subject, other in classes]
        return pl.Series("text", texts, dtype=pl.String)

    def _crops(self, pairs: pl.DataFrame, index: str) -> npt.NDArray[np.float16]:
        if self.object_image is None:
            raise ValueError("this world has no image crops of objects; set clip_features.object_images")
        return self.object_image.select(pairs.select(pl.concat_str("image_id", index, separator=":")).to_series())


def _one_pair() -> pl.DataFrame:
    corners = [end + side for end in "so" for side in ("x1", "y1", "x2", "y2")]
    return pl.DataFrame({name: [1.0] for name in corners} | {"width": [1], "height": [1]})
