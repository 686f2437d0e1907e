"""Checkpoints of a running training: complete or absent, the newest one wins."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_model, save_model
from torch import nn

from visual_relations.artefacts.atomic import atomic_path, remove, remove_partials
from visual_relations.training.history import History
from visual_relations.training.params import TrainingParams


class Stateful(Protocol):
    """An optimiser, a schedule, a gradient scaler."""

    def state_dict(self) -> dict[str, Any]:
        """State as tensors and plain values."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take it up again."""
        ...


@dataclass
class Checkpoints:
    """Save and restore what a training consists of.

    Attributes:
        folder: Where checkpoints lie; None: nowhere, nothing can be resumed.
        module: All its parameters and buffers are saved.
        parts: Optimiser, schedule, gradient scaler, by name.
        history: Of the training.
        writes: Whether this process is the one that writes to the folder.
    """

    folder: Path | None
    module: nn.Module
    parts: dict[str, Stateful]
    history: History
    writes: bool = True

    def __post_init__(self) -> None:
        self._saved = time.monotonic()
        self._best: dict[str, torch.Tensor] = {}  # without a folder the best weights wait here

    def save_if_due(self, step: int, params: TrainingParams) -> None:
        """Save after this step if the parameters say so; always after the last step."""
        minutes = (time.monotonic() - self._saved) / 60
        by_steps = params.checkpoint_every_steps is not None and step % params.checkpoint_every_steps == 0
        by_time = params.checkpoint_every_minutes is not None and minutes >= params.checkpoint_every_minutes
        if by_steps or by_time or step >= params.steps:
            self.save(step)

    def save(self, step: int) -> None:
        """Write the checkpoint of a step, then drop the older ones."""
        if self.folder is None or not self.writes:
            return
        with atomic_path(self.folder / f"step-{step:09d}") as temporary:
            temporary.mkdir()
            save_model(self.module, str(temporary / "model.safetensors"))
            torch.save({name: part.state_dict() for name, part in self.parts.items()}, temporary / "optimizer.pt")
            (temporary / "state.json").write_text(json.dumps({"step": step, **self.history.state(step)}))
        for old in self._all()[:-1]:
            remove(old)
        self._saved = time.monotonic()

    def restore(self) -> int:
        """Take up the newest checkpoint.

        Returns:
            The number of steps done; 0 without a checkpoint.
        """
        if self.folder is None or not self.folder.exists():
            return 0
        if self.writes:
            remove_partials(self.folder)
        if not (found := self._all()):
            return 0
        newest = found[-1]
        load_model(self.module, str(newest / "model.safetensors"))
        states = torch.load(newest / "optimizer.pt", weights_only=True, map_location="cpu")
        for name, part in self.parts.items():
            part.load_state_dict(states[name])
        state = json.loads((newest / "state.json").read_text())
        self.history.restore(state)
        return int(state["step"])

    def save_best(self) -> None:
        """Keep the weights as they are now as the best ones."""
        if self.folder is None:
            self._best = {name: value.detach().clone() for name, value in self.module.state_dict().items()}
        elif self.writes:
            with atomic_path(self.folder / "best.safetensors") as temporary:
                save_model(self.module, str(temporary))

    def load_best(self) -> None:
        """Put the best weights, if any were kept, back into the module."""
        if self._best:
            self.module.load_state_dict(self._best)
        elif self.folder is not None and (best := self.folder / "best.safetensors").exists():
            load_model(self.module, str(best))

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("step-*")) if self.folder else []
