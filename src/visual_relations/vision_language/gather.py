"""Features of all processes of a data-parallel training."""

from __future__ import annotations

import torch
from torch import Tensor, distributed
from torch.distributed.nn.functional import all_gather


def gather_with_gradient(features_BE: Tensor) -> Tensor:
    """Rows of all processes in order of rank; gradients flow back to each.

    X-VLM's own version drops the gradient through other processes' rows, which weakens its contrastive loss by their
    number; here the gradient is that of the whole batch on one process.
    """
    if not _several():
        return features_BE
    return torch.cat(all_gather(features_BE.contiguous()))


@torch.no_grad()
def gather(values_B: Tensor) -> Tensor:
    """Rows of all processes in order of rank, without gradients."""
    if not _several():
        return values_B
    rows = [torch.empty_like(values_B) for _ in range(distributed.get_world_size())]
    distributed.all_gather(rows, values_B.contiguous())
    return torch.cat(rows)


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
