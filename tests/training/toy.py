"""A small training, also run as a script: `python toy.py FOLDER STEPS [SLEEP]` trains and prints the weights' hash."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from visual_relations.training.loop import fit
from visual_relations.training.params import TrainingParams
from visual_relations.training.schedules import warmup_cosine


class Toy(nn.Module):
    """Dropout and batch statistics: both have to survive a resume."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))

    def forward(self, x_BD: torch.Tensor) -> torch.Tensor:
        return self.layers(x_BD)


class ToyBatches:
    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        if self._seconds:
            time.sleep(self._seconds)
        generator = torch.Generator().manual_seed(number)
        x_BD = torch.randn(12, 8, generator=generator)
        return x_BD, (x_BD[:, 0] > 0).long() + (x_BD[:, 1] > 0).long()


def loss(module, batch):
    x_BD, y_B = batch
    logits_BC = module(x_BD)
    return {
        "loss": functional.cross_entropy(logits_BC, y_B),
        "accuracy": (logits_BC.argmax(1) == y_B).float().mean(),
    }


def train(folder: Path | None, seconds: float = 0.0, validate=None, keep_best=None, batches=None, **params):
    torch.manual_seed(7)
    module = Toy()
    optimizer = torch.optim.AdamW(module.parameters(), 1e-2)
    chosen = TrainingParams(**({"steps": 40, "device": "cpu", "log_every": 7, "clip_norm": 1.0} | params))
    schedule = warmup_cosine(optimizer, 5, chosen.steps)
    history = fit(
        module, batches or ToyBatches(seconds), loss, optimizer, schedule, chosen, folder, validate, keep_best
    )
    return module, history


def digest(module: nn.Module) -> str:
    state = module.state_dict()
    return hashlib.sha256(b"".join(state[name].float().numpy().tobytes() for name in sorted(state))).hexdigest()


if __name__ == "__main__":
    trained, rows = train(
        Path(sys.argv[1]),
        float(sys.argv[3]),
        steps=int(sys.argv[2]),
        checkpoint_every_steps=3,
        **json.loads(sys.argv[4]),
    )
    sys.stdout.write(json.dumps({"weights": digest(trained), "history": rows.rows()}))
