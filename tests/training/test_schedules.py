"""Learning rate schedules at their corners."""

from __future__ import annotations

import pytest
import torch

from visual_relations.training.device import resolve_device
from visual_relations.training.schedules import constant, warmup_cosine, warmup_linear


def rates(make, steps=12):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 2.0)
    schedule = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_warm_up_rises_then_the_rate_falls_to_the_final_share_and_stays():
    linear = rates(lambda optimizer: warmup_linear(optimizer, 4, 10, final=0.1))
    assert linear[:5] == pytest.approx([0, 0.5, 1, 1.5, 2])
    assert linear[7] == pytest.approx(2 * 0.55)
    assert linear[10:] == pytest.approx([0.2, 0.2])
    cosine = rates(lambda optimizer: warmup_cosine(optimizer, 0, 10))
    assert cosine[0] == 2
    assert cosine[5] == pytest.approx(1)
    assert cosine[10:] == pytest.approx([0, 0])
    assert rates(constant) == [2.0] * 12


def test_devices_that_are_not_there_are_named():
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type in {"cpu", "cuda", "mps"}
    with pytest.raises(ValueError, match=r"'tpu' is not available.*cpu"):
        resolve_device("tpu")
