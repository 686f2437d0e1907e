"""Attention masks as transformers' layers want them."""

from __future__ import annotations

import torch
from torch import Tensor

# The originals' value. Not minus infinity: a row that may look nowhere must not become NaN.
HIDDEN = -10000.0


def additive_mask(mask_BT: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn "1 where a key may be looked at" (B, T) into what is added to the scores (B, 1, 1, T)."""
    return (1.0 - mask_BT[:, None, None, :].to(dtype)) * HIDDEN
