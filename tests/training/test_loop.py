"""The training loop: learns, reports, and continues after a kill to the same weights."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import torch
from tests.training.toy import ToyBatches, digest, loss, train
from torch import nn

from visual_relations.training.loop import fit
from visual_relations.training.params import TrainingParams

TOY = Path(__file__).parent / "toy.py"


def run_toy(folder: Path, steps: int = 40, seconds: float = 0.0, launcher: tuple[str, ...] = (), **params):
    command = [sys.executable, *launcher, str(TOY), str(folder), str(steps), str(seconds), json.dumps(params)]
    environment = {**os.environ, "PYTHONPATH": str(TOY.parents[2]), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_it_learns_and_reports_means_validation_and_rate():
    def validate(module, step):
        assert not module.training
        assert not torch.is_grad_enabled()
        with torch.no_grad():
            return {"accuracy": float(loss(module, ToyBatches()[10_000])["accuracy"])}

    module, history = train(None, validate=validate, steps=120, validate_every=50, log_every=20)
    assert history.columns == ["step", "split", "name", "value"]
    losses = history.filter(name="loss", split="train")
    assert losses["step"].to_list() == [20, 40, 60, 80, 100, 120]
    assert losses["value"][-1] < losses["value"][0]
    assert history.filter(split="val")["step"].to_list() == [50, 100, 120]
    assert history.filter(split="val")["value"][-1] > 0.6
    assert set(history["name"]) == {"loss", "accuracy", "learning_rate", "gradient_norm"}
    assert not module.training


class Repeated(nn.Module):
    """Rows of a table taken over and over: their gradients are added up by several threads."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Parameter(torch.randn(30, 128))

    def forward(self, rows):
        return (self.table[rows] + self.table[rows.flip(0)]).square().mean()


class Rows:
    def __getitem__(self, number):
        return torch.randint(0, 30, (60_000,))


def test_several_threads_give_the_same_weights_every_time():
    def trained():
        module = Repeated()
        params = TrainingParams(steps=2, device="cpu", threads=2)
        optimizer = torch.optim.AdamW(module.parameters())
        fit(module, Rows(), lambda m, rows: {"loss": m(rows)}, optimizer, None, params, None)
        return module.table.detach()

    threads = torch.get_num_threads()
    first = trained()
    assert all(torch.equal(trained(), first) for _ in range(4))
    torch.set_num_threads(threads)
    assert not torch.are_deterministic_algorithms_enabled()


def test_after_kill_9_the_same_command_gives_the_weights_of_an_unbroken_run(tmp_path):
    unbroken = run_toy(tmp_path / "unbroken")
    victim = run_toy(tmp_path / "killed", seconds=0.15)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "killed").glob("step-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    done = sorted((tmp_path / "killed").glob("step-*"))[-1]
    assert 0 < int(done.name.removeprefix("step-")) < 40
    resumed = run_toy(tmp_path / "killed")
    expected, found = unbroken.communicate(timeout=120)[0], resumed.communicate(timeout=120)[0]
    assert json.loads(found) == json.loads(expected)


class _FailingBatches(ToyBatches):
    def __init__(self, at: int) -> None:
        super().__init__()
        self._at = at

    def __getitem__(self, number):
        if number == self._at:
            raise KeyboardInterrupt
        return super().__getitem__(number)


@pytest.mark.parametrize("keep_best", [None, "accuracy", "-loss"])
@pytest.mark.parametrize("extra", [{}, {"accumulate": 3, "precision": "bf16"}])
def test_an_interrupted_training_equals_an_unbroken_one(tmp_path, keep_best, extra):
    def validate(module, step):
        return {name: float(value) for name, value in loss(module, ToyBatches()[10_000]).items()}

    options = {"validate": validate, "keep_best": keep_best, "validate_every": 6, "checkpoint_every_steps": 5} | extra
    expected_module, expected = train(tmp_path / "a", **options)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "b", batches=_FailingBatches(23 * extra.get("accumulate", 1)), **options)
    module, history = train(tmp_path / "b", **options)
    assert digest(module) == digest(expected_module)
    assert history.equals(expected)
    again_module, again = train(tmp_path / "b", batches=_FailingBatches(0), **options)  # complete: no batch is read
    assert digest(again_module) == digest(expected_module)
    assert again.equals(expected)
    in_memory, _ = train(None, **options)
    assert digest(in_memory) == digest(expected_module)


def test_keep_best_gives_the_weights_of_the_best_validation():
    seen: dict[int, str] = {}

    def validate(module, step):
        seen[step] = digest(module)
        return {"score": -abs(step - 20)}

    module, _ = train(None, validate=validate, keep_best="score", validate_every=10)
    assert digest(module) == seen[20]
    module, _ = train(None, validate=validate, keep_best="-score", validate_every=10)
    assert digest(module) == seen[40]
    with pytest.raises(KeyError, match="'scored' is not among"):
        train(None, validate=validate, keep_best="scored")


def test_accumulated_batches_equal_one_large_batch():
    """On a module without batch statistics or dropout."""

    class Joined:
        def __getitem__(self, step):
            x, y = zip(*(ToyBatches()[4 * step + k] for k in range(4)), strict=True)
            return torch.cat(x), torch.cat(y)

    def plain(batches, accumulate):
        torch.manual_seed(0)
        module = torch.nn.Linear(8, 3)
        optimizer = torch.optim.SGD(module.parameters(), 0.1)
        from visual_relations.training.loop import fit

        params = TrainingParams(steps=10, device="cpu", accumulate=accumulate)
        fit(module, batches, loss, optimizer, None, params, None)
        return module.weight

    torch.testing.assert_close(plain(ToyBatches(), 4), plain(Joined(), 1))


def test_a_loss_that_becomes_nan_stops_the_training_and_is_never_checkpointed(tmp_path):
    class Broken(ToyBatches):
        def __getitem__(self, number):
            x_BD, y_B = super().__getitem__(number)
            return (x_BD * math.nan if number >= 11 else x_BD), y_B

    with pytest.raises(FloatingPointError, match=r"'loss' became nan .* up to step 14: lower the learning rate"):
        train(tmp_path, batches=Broken(), checkpoint_every_steps=10)
    assert [path.name for path in tmp_path.glob("*")] == ["step-000000010"]


@pytest.mark.slow
def test_two_processes_compute_the_same_training_as_one(tmp_path):
    launcher = ("-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=29577")
    one = run_toy(tmp_path / "one", steps=10, accumulate=2).communicate(timeout=300)[0]
    two, errors = run_toy(tmp_path / "two", steps=10, launcher=launcher, accumulate=2).communicate(timeout=300)
    assert two, errors
    first = json.loads(two[: two.index("}") + 1])
    by_step = {tuple(row[:3]): row[3] for row in json.loads(one)["history"]}
    for step, split, name, value in first["history"]:
        # BatchNorm statistics are each process's own, so values agree only nearly.
        assert value == pytest.approx(by_step[step, split, name], rel=0.05), (step, name)


@pytest.mark.slow
def test_a_compiled_training_learns_the_same():
    _, plain = train(None, steps=8)
    _, compiled = train(None, steps=8, compile=True)
    assert compiled.filter(name="loss")["value"][-1] == pytest.approx(plain.filter(name="loss")["value"][-1], rel=0.2)


def test_impossible_parameters_are_refused_with_a_remedy():
    with pytest.raises(ValueError, match="fp16 needs a GPU"):
        train(None, precision="fp16")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="'cuda' is not available"):
            train(None, device="cuda")
    with pytest.raises(ValueError, match="stepz"):
        TrainingParams(stepz=3)


def test_a_training_of_no_steps_leaves_the_module_as_it_is(tmp_path):
    module, history = train(tmp_path, steps=0)
    assert history.schema == {"step": pl.Int64, "split": pl.String, "name": pl.String, "value": pl.Float64}
    assert history.height == 0
    torch.manual_seed(7)
    from tests.training.toy import Toy

    assert digest(module) == digest(Toy())
