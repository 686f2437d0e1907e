"""The one training loop.

A batch is a pure function of its number, and so is torch's random state while it is computed. So a training that was
killed and started again continues to the same weights, on the CPU bit for bit, and any number of processes that share
the batches of a step compute the same step.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import DistributedDataParallelKwargs, send_to_device
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from visual_relations.artefacts.progress import Progress
from visual_relations.training.checkpoint import Checkpoints, Stateful
from visual_relations.training.device import reproducible, resolve_device, set_threads
from visual_relations.training.history import History
from visual_relations.training.params import TrainingParams

Loss = Callable[[Any, Any], Mapping[str, Tensor]]
Validate = Callable[[Any, int], Mapping[str, float]]


class Batches(Protocol):
    """All batches of a training, by number."""

    def __getitem__(self, number: int) -> Any:
        """Batch `number` (0, 1, …, steps * accumulate - 1): the same one whenever it is asked for."""
        ...


def fit(
    module: nn.Module,
    batches: Batches,
    loss: Loss,
    optimizer: Optimizer,
    schedule: LRScheduler | None,
    params: TrainingParams,
    workspace_folder: Path | None,
    validate: Validate | None = None,
    keep_best: str | None = None,
    description: str = "training",
) -> pl.DataFrame:
    """Train a module in place.

    Calls of `fit` cannot be nested.

    Args:
        module: What is trained. Everything its training changes must be a parameter or a buffer of it.
        batches: Tensors in a batch (also in containers, also behind a `.to`) reach `loss` on the training device.
        loss: From module and batch to scalars; "loss" is minimised, the others are reported.
        optimizer: Over the module's parameters.
        schedule: Stepped once per optimiser step; None: a constant rate.
        params: Steps, device, precision, …
        workspace_folder: Where checkpoints go; a training that is found there is continued. Its name has to depend on
            everything that shapes the training (`Workspace.folder`). None: no checkpoints.
        validate: From module (in evaluation mode, no gradients) and step to values worth reporting.
        keep_best: Name of the validation value whose best weights the module has at the end; with a leading "-" the
            smallest is best. None: the last weights.
        description: For the progress bar.

    Returns:
        Rows step, split ("train": means over the last `log_every` steps; "val"), name, value. The module stays on the
        training device, in evaluation mode.

    Raises:
        FloatingPointError: If a reported value becomes NaN or infinite.
        ValueError: If the device or the number of processes does not fit the parameters.
    """
    accelerator = _accelerator(params)
    objective, stepper = accelerator.prepare(_Objective(module, loss), optimizer)
    named = {"optimizer": optimizer, "schedule": schedule, "scaler": accelerator.scaler}
    parts: dict[str, Stateful] = {name: part for name, part in named.items() if part is not None}
    history = History(keep_best)
    checkpoints = Checkpoints(workspace_folder, module, parts, history, writes=accelerator.is_main_process)
    start = checkpoints.restore()
    with reproducible(accelerator.device), Progress(params.steps, description, initial=start) as progress:
        for done in range(start + 1, params.steps + 1):
            history.add(_step(accelerator, objective.train(), stepper, batches, done - 1, params))
            if schedule and not accelerator.optimizer_step_was_skipped:
                schedule.step()
            means: dict[str, float] = {}
            if _due(done, params.log_every, params):
                means = history.flush(done, learning_rate=optimizer.param_groups[0]["lr"])
            if validate and _due(done, params.validate_every, params):
                values = _validate(accelerator, module, validate, done)
                if history.add_validation(done, values):
                    checkpoints.save_best()
            checkpoints.save_if_due(done, params)
            progress.advance(1, **{name: value for name, value in means.items() if name == "loss"})
    accelerator.wait_for_everyone()
    if keep_best:
        checkpoints.load_best()
    module.eval()
    return history.frame()


class _Objective(nn.Module):
    """The loss as a forward pass, so that autocast, compilation and data parallelism wrap all of it."""

    def __init__(self, module: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.module = module
        self._loss = loss

    def forward(self, batch: Any) -> Mapping[str, Tensor]:
        return self._loss(self.module, batch)


def _accelerator(params: TrainingParams) -> Accelerator:
    # accelerate keeps its set-up for the life of the process; another training may want another one.
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    device = resolve_device(params.device)
    if params.precision == "fp16" and device.type == "cpu":
        raise ValueError("precision fp16 needs a GPU: use bf16 or fp32 on the CPU")
    set_threads(params.threads)
    accelerator = Accelerator(
        cpu=device.type == "cpu",
        mixed_precision="no" if params.precision == "fp32" else params.precision,
        dynamo_backend="inductor" if params.compile else "no",
        step_scheduler_with_optimizer=False,
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
    if params.accumulate % accelerator.num_processes:
        raise ValueError(
            f"accumulate={params.accumulate} batches per step cannot be shared by {accelerator.num_processes} "
            "processes: make it a multiple of their number"
        )
    accelerator.gradient_accumulation_steps = params.accumulate // accelerator.num_processes
    return accelerator


def _step(
    accelerator: Accelerator, objective: nn.Module, optimizer: Any, batches: Batches, step: int, params: TrainingParams
) -> dict[str, Tensor]:
    """One optimiser step: this process's share of its batches; returns the means of the reported values."""
    values: dict[str, Tensor] = {}
    for place in range(accelerator.process_index, params.accumulate, accelerator.num_processes):
        number = step * params.accumulate + place
        _seed(accelerator.device, params.seed, number)
        batch = batches[number]
        if accelerator.device.type != "cpu":
            batch = send_to_device(batch, accelerator.device)
        with accelerator.accumulate(objective):
            reported = objective(batch)
            accelerator.backward(reported["loss"])
            if accelerator.sync_gradients and params.clip_norm is not None:
                norm = accelerator.clip_grad_norm_(objective.parameters(), params.clip_norm)
                reported = {**reported, "gradient_norm": norm * accelerator.gradient_accumulation_steps}
            optimizer.step()
            optimizer.zero_grad()
        for name, value in reported.items():
            share = value.detach() / accelerator.gradient_accumulation_steps
            values[name] = values[name] + share if name in values else share
    if accelerator.num_processes > 1:
        return dict(accelerator.reduce(values, reduction="mean"))
    return values


def _seed(device: torch.device, *parts: int) -> None:
    """Fix all random states. `torch.manual_seed` takes milliseconds where devices are built in but absent."""
    seed = int(np.random.SeedSequence(parts).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  libraries that a batch goes through may use it
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)


def _validate(accelerator: Accelerator, module: nn.Module, validate: Validate, step: int) -> dict[str, float]:
    module.eval()
    with torch.no_grad(), accelerator.autocast():
        return dict(validate(module, step))


def _due(done: int, every: int | None, params: TrainingParams) -> bool:
    return done == params.steps or (every is not None and done % every == 0)
