"""Where torch computes."""

from __future__ import annotations

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
