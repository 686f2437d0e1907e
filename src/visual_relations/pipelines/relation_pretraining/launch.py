"""Run a function in several processes that compute together: data-parallel training from inside a node."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from torch.multiprocessing.spawn import start_processes


def run_together(function: Callable[..., object], processes: int, *args: Any) -> None:
    """Call a function in every one of some new processes, set up so that accelerate finds the others.

    What it makes it has to leave on disk. Nothing wraps `kedro run`: only the training itself runs several times.

    Args:
        function: Importable; called with `args`.
        processes: How many; with GPUs one per GPU.
        args: Are copied to each process.
    """
    start_processes(_join, args=(function, processes, _free_port(), args), nprocs=processes, start_method="spawn")


def _join(rank: int, function: Callable[..., object], processes: int, port: int, args: tuple[Any, ...]) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(processes),
        LOCAL_WORLD_SIZE=str(processes),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    function(*args)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
