"""Where torch computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def resolve_device(name: str = "auto") -> torch.device:
    """Turn a name into a device.

    Args:
        name: "cpu", "cuda", "mps", or "auto" for the best one that is there.

    Raises:
        ValueError: If the machine has no such device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    if not available.get(name):
        there = [kind for kind, ok in available.items() if ok]
        raise ValueError(f"device {name!r} is not available to torch here; choose one of {[*there, 'auto']}")
    return torch.device(name)


def set_threads(threads: int | None) -> None:
    """Limit torch's CPU threads; None leaves torch's own choice."""
    if threads is not None:
        torch.set_num_threads(threads)


@contextmanager
def reproducible(device: torch.device) -> Iterator[None]:
    """On the CPU the same sums in the same order, however many threads there are.

    Without it the gradient of an indexed tensor is added up by all threads at once, in whatever order they come. The
    GPU is left alone: there it would cost much speed, and needs CUBLAS_WORKSPACE_CONFIG before CUDA starts.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    if device.type == "cpu":
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
