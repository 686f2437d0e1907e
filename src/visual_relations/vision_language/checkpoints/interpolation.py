"""Position tables for another image size, exactly as the originals fit theirs.

timm's helpers are no substitute: they antialias position embeddings and interpolate Swin's tables linearly.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from torch import Tensor
from torch.nn import functional


def resize_positions(table_1TD: Tensor, grid: int) -> Tensor:
    """Fit a ViT's position embedding to another grid.

    Args:
        table_1TD: One row for the first token and one per patch of a square grid.
        grid: Patches per side wanted.

    Returns:
        (1, 1 + grid * grid, D): bicubic over the patches, the first row unchanged.
    """
    first, patches = table_1TD[:, :1], table_1TD[:, 1:]
    side, width = _side(patches.shape[1]), patches.shape[2]
    if side == grid:
        return table_1TD
    square = patches.reshape(1, side, side, width).permute(0, 3, 1, 2)
    resized = functional.interpolate(square, size=(grid, grid), mode="bicubic", align_corners=False)
    return torch.cat([first, resized.permute(0, 2, 3, 1).reshape(1, grid * grid, width)], dim=1)


def resize_window_bias(table_KH: Tensor, window: int) -> Tensor:
    """Fit a Swin block's relative position bias to another window.

    Offsets far from the centre matter less, so the old rows are laid out at distances that grow geometrically until
    they reach as far as the new window; a cubic spline through them is read at whole offsets.

    Args:
        table_KH: Bias by offset, K = (2 w - 1) squared rows, one column per head.
        window: Patches per side wanted.

    Returns:
        ((2 window - 1) squared, H).
    """
    old, new = _side(table_KH.shape[0]), 2 * window - 1
    if old == new:
        return table_KH
    knots = _geometric_knots(old // 2, new // 2)
    # Beyond the outermost knot (a slightly larger window) its value is kept.
    wanted = np.clip(np.arange(new) - new // 2, knots[0], knots[-1])
    columns = table_KH.detach().double().numpy().reshape(old, old, -1)
    resized = np.stack(
        [RectBivariateSpline(knots, knots, columns[:, :, head])(wanted, wanted) for head in range(columns.shape[2])],
        axis=-1,
    )
    return torch.from_numpy(resized).to(table_KH.dtype).reshape(new * new, -1)


def _geometric_knots(n: int, reach: int) -> NDArray[np.float64]:
    """Positions of n offsets to each side and the centre; the ratio is bisected so that the last one is at `reach`."""
    low, high, ratio = 1.01, 1.5, 1.255
    # As coarse as the original bisects: a finer ratio would move the knots by more than the parity tolerance.
    while high - low > 1e-6:
        ratio = (low + high) / 2
        if (1 - ratio**n) / (1 - ratio) > reach:
            high = ratio
        else:
            low = ratio
    steps = np.cumsum(ratio ** np.arange(n))
    return np.concatenate([-steps[::-1], [0.0], steps])


def _side(count: int) -> int:
    side = round(count**0.5)
    if side * side != count:
        raise ValueError(f"{count} rows are no square grid")
    return side
