"""Learning rates over the steps of a training, as factors on the optimiser's own rate."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def constant(optimizer: Optimizer) -> LambdaLR:
    """The same rate throughout."""
    return LambdaLR(optimizer, lambda step: 1.0)  # noqa: ARG005


def warmup_linear(optimizer: Optimizer, warmup_steps: int, steps: int, final: float = 0.0) -> LambdaLR:
    """Linear rise over `warmup_steps`, then linear fall to `final` times the rate at `steps`."""
    return _warmup(optimizer, warmup_steps, steps, lambda share: 1 - (1 - final) * share)


def warmup_cosine(optimizer: Optimizer, warmup_steps: int, steps: int, final: float = 0.0) -> LambdaLR:
    """Linear rise over `warmup_steps`, then half a cosine down to `final` times the rate at `steps`."""
    return _warmup(
        optimizer, warmup_steps, steps, lambda share: final + (1 - final) * (1 + math.cos(math.pi * share)) / 2
    )


def _warmup(optimizer: Optimizer, warmup_steps: int, steps: int, fall: Callable[[float], float]) -> LambdaLR:
    def factor(step: int) -> float:
        if step < warmup_steps:
            return step / warmup_steps
        return fall(min((step - warmup_steps) / max(steps - warmup_steps, 1), 1.0))

    return LambdaLR(optimizer, factor)
