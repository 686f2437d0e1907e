"""Bring CLIP features to a scale that a small head learns from.

CLIP features of one kind point in nearly one direction: what tells them apart is a small part of their length. Taking
the mean of the training features away leaves that part.

Legend: N rows, M training rows, D feature width.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn.functional import normalize

Scaling = Literal["raw", "unit", "centred"]


def scale_features(features_ND: Tensor, training_MD: Tensor, how: Scaling) -> Tensor:
    """Scale features.

    Args:
        features_ND: As CLIP gives them.
        training_MD: Features of the same kind of training pairs; the only source of the mean.
        how: "raw": as they are (published); "unit": length sqrt(D), so that one component is about 1; "centred": the
            same, minus the mean of the training features, then divided by what is left of their size.
    """
    if how == "raw":
        return features_ND
    size = features_ND.shape[1] ** 0.5
    unit_ND = normalize(features_ND, dim=1) * size
    if how == "unit":
        return unit_ND
    training_MD = normalize(training_MD, dim=1) * size
    mean_D = training_MD.mean(0)
    return (unit_ND - mean_D) / (training_MD - mean_D).square().mean().sqrt().clamp_min(1e-6)
