"""Mappers: from one image vector to the prefix of a language model.

Shapes: N images, D image vector width, E language model width, k prefix length, c clip length, S = c + k, H heads.
Source: ClipCap (arXiv 2111.09734, section 3.2) and its code, rmokady/CLIP_prefix_caption.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from visual_relations.captioning.params import MapperParams


class LinearMapper(nn.Module):
    """One linear layer; the original's inference script uses it for prefixes longer than 10."""

    def __init__(self, feature_dim: int, width: int, params: MapperParams) -> None:
        super().__init__()
        self.prefix_length = params.prefix_length
        self.project = nn.Linear(feature_dim, width * params.prefix_length)

    def forward(self, features_ND: Tensor) -> Tensor:
        """Prefix (N, k, E)."""
        return self.project(features_ND).unflatten(1, (self.prefix_length, -1))


class MLPMapper(nn.Module):
    """Two layers with tanh between them; enough when the language model is tuned."""

    def __init__(self, feature_dim: int, width: int, params: MapperParams) -> None:
        super().__init__()
        self.prefix_length = params.prefix_length
        size = width * params.prefix_length
        self.inner = nn.Linear(feature_dim, size // 2)
        self.outer = nn.Linear(size // 2, size)

    def forward(self, features_ND: Tensor) -> Tensor:
        """Prefix (N, k, E)."""
        return self.outer(torch.tanh(self.inner(features_ND))).unflatten(1, (self.prefix_length, -1))


class TransformerMapper(nn.Module):
    """Learned constants that look at the expanded image vector; needed when the language model is frozen."""

    def __init__(self, feature_dim: int, width: int, params: MapperParams) -> None:
        super().__init__()
        if width % params.heads:
            raise ValueError(f"a mapper with {params.heads} heads does not fit a language model of width {width}")
        self.clip_length = params.clip_length
        self.expand = nn.Linear(feature_dim, params.clip_length * width)
        self.constants = nn.Parameter(torch.randn(params.prefix_length, width))
        hidden = int(width * params.feedforward_ratio)
        self.layers = nn.ModuleList(_Layer(width, params.heads, hidden) for _ in range(params.layers))

    def forward(self, features_ND: Tensor) -> Tensor:
        """Prefix (N, k, E)."""
        image_NcE = self.expand(features_ND).unflatten(1, (self.clip_length, -1))
        constants_NkE = self.constants.expand(len(features_ND), -1, -1)
        x_NSE = torch.cat([image_NcE, constants_NkE], 1)
        for layer in self.layers:
            x_NSE = layer(x_NSE)
        return x_NSE[:, self.clip_length :]


class _Layer(nn.Module):
    """Pre-norm encoder layer with full attention; no positions, no dropout."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries = nn.Linear(width, width, bias=False)
        self.keys_values = nn.Linear(width, 2 * width, bias=False)
        self.project = nn.Linear(width, width)
        self.feedforward = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))

    def forward(self, x_NSE: Tensor) -> Tensor:
        x_NSE = x_NSE + self._attention(self.norm1(x_NSE))
        return x_NSE + self.feedforward(self.norm2(x_NSE))

    def _attention(self, x_NSE: Tensor) -> Tensor:
        keys_values = self.keys_values(x_NSE).chunk(2, -1)
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (self.queries(x_NSE), *keys_values))
        return self.project(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


MAPPERS = {"linear": LinearMapper, "mlp": MLPMapper, "transformer": TransformerMapper}


def build_mapper(params: MapperParams, feature_dim: int, width: int) -> nn.Module:
    """Build a mapper from image vectors (N, D) to prefixes (N, k, E).

    Args:
        params: Kind and sizes.
        feature_dim: D.
        width: E.

    Raises:
        ValueError: If the heads of a transformer mapper do not divide the width.
    """
    return MAPPERS[params.kind](feature_dim, width, params)
