"""What a head may look at: one row per ordered pair of objects.

Legend: N pairs, L object labels, D feature width, G geometry numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Pairs:
    """Features of pairs. Everything but the labels is optional; a head says which of it it needs."""

    labels_LD: Tensor  # text embedding of every object label
    subject_N: Tensor  # int64, row of the subject's label
    object_N: Tensor
    union_ND: Tensor | None = None  # image crop of the union box, or a text that stands for it
    text_ND: Tensor | None = None  # a second union representation (pseudo-label or prompt text) beside `union_ND`
    subject_image_ND: Tensor | None = None  # image crops of the two objects
    object_image_ND: Tensor | None = None
    geometry_NG: Tensor | None = None  # see features.box_geometry

    def __len__(self) -> int:
        return len(self.subject_N)

    def __getitem__(self, rows: Tensor | slice) -> Pairs:
        """The chosen rows; the label table is shared."""
        taken = {
            field.name: value[rows]
            for field in fields(self)
            if field.name != "labels_LD" and (value := getattr(self, field.name)) is not None
        }
        return replace(self, **taken)

    def to(self, device: torch.device | str) -> Pairs:
        """Move every tensor."""
        moved = {f.name: value.to(device) for f in fields(self) if (value := getattr(self, f.name)) is not None}
        return replace(self, **moved)

    def check_finite(self) -> None:
        """Raise if a feature is NaN or infinite.

        Raises:
            ValueError: Naming the feature and the first bad row.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None or not value.is_floating_point() or bool(torch.isfinite(value).all()):
                continue
            row = int((~torch.isfinite(value)).flatten(1).any(1).nonzero()[0])
            raise ValueError(
                f"{field.name} has NaN or infinite values, first in row {row}; extract these features again "
                "(pipeline clip_features) or drop the pair"
            )
