"""Layers that hold several members of an ensemble side by side, so that a small ensemble costs one pass.

Legend: E members, B pairs, D input width, H output width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MemberLinear(nn.Module):
    """A linear layer for every member: (E, B, D) or (B, D), shared by all, to (E, B, H)."""

    def __init__(self, members: int, n_in: int, n_out: int, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, n_in, n_out).uniform_(-1, 1) * n_in**-0.5)
        self.bias = nn.Parameter(torch.zeros(members, 1, n_out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Apply each member's weights."""
        x_EBD = x if x.ndim == 3 else x.expand(len(self.weight), -1, -1)
        out_EBH = torch.bmm(x_EBD, self.weight)
        return out_EBH if self.bias is None else out_EBH + self.bias
