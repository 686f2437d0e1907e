"""Training a head: batches, calibration, balance, precision, resume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from visual_relations.metrics.calibration import train_est
from visual_relations.relation_heads.fit import PairBatches, TrainedHead, predict, train_head
from visual_relations.relation_heads.fusion import FusionHead
from visual_relations.relation_heads.pairs import Pairs
from visual_relations.relation_heads.params import FusionParams, HeadTrainingParams, UVTransEParams
from visual_relations.relation_heads.uvtranse import UVTransE
from visual_relations.training.params import TrainingParams

N, LABELS, DIM, PREDICATES = 240, 6, 8, 3
LOOP = TrainingParams(device="cpu", log_every=1000, threads=1)
RECIPE = HeadTrainingParams(optimizer="adamw", learning_rate=5e-3, epochs=20, batch_size=32, loop=LOOP)
HEAD = UVTransEParams(dim=DIM, hidden=16, embedding=8, n_predicates=PREDICATES, union=False)
RNG = np.random.default_rng(0)
SUBJECT, OBJECT = RNG.integers(0, LABELS, N), RNG.integers(0, LABELS, N)
PAIRS = Pairs(
    torch.from_numpy(RNG.standard_normal((LABELS, DIM), dtype=np.float32)),
    torch.from_numpy(SUBJECT),
    torch.from_numpy(OBJECT),
)
# The predicate depends on the labels; predicate 2 is rare and hides behind predicate 1.
CLASSES = np.where(SUBJECT < OBJECT, 0, np.where(RNG.random(N) < 0.8, 1, 2))


def train(
    recipe: HeadTrainingParams = RECIPE, config: UVTransEParams = HEAD, folder: Path | None = None
) -> TrainedHead:
    torch.manual_seed(0)
    classes = CLASSES + 1 if config.background else CLASSES
    classes = np.where(SUBJECT == OBJECT, 0, classes) if config.background else classes
    return train_head(UVTransE.from_config(config), PAIRS, classes, recipe, workspace_folder=folder)


def test_a_head_learns_what_labels_determine() -> None:
    trained = train()
    probabilities = predict(trained.model, PAIRS, "cpu")
    assert ((probabilities.argmax(1) == 0) == (CLASSES == 0)).mean() > 0.97
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def test_train_est_is_the_mean_probability_of_the_annotated_class_on_training_pairs() -> None:
    trained = train()
    expected = train_est(predict(trained.model, PAIRS, "cpu"), CLASSES, background=False)
    np.testing.assert_array_equal(trained.calibration.frequency, expected.frequency)


def test_logit_adjusted_training_finds_the_rare_predicate() -> None:
    rare = CLASSES == 2
    plain, adjusted = (
        predict(train(RECIPE.model_copy(update={"logit_adjustment": tau})).model, PAIRS, "cpu").argmax(1)
        for tau in (0.0, 1.0)
    )
    assert (adjusted[rare] == 2).mean() > (plain[rare] == 2).mean() + 0.2


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    first, second = train(), train()
    other = train(RECIPE.model_copy(update={"loop": LOOP.model_copy(update={"seed": 1})}))
    weights = [tuple(t.model.state_dict().values()) for t in (first, second, other)]
    assert all(torch.equal(a, b) for a, b in zip(weights[0], weights[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights[0], weights[2], strict=True))


def test_a_resumed_training_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"loop": LOOP.model_copy(update={"checkpoint_every_steps": 7}), "dlfe": True})
    whole = train(recipe)
    half = recipe.model_copy(update={"epochs": 10, "schedule": "constant"})
    full = recipe.model_copy(update={"schedule": "constant"})
    whole = train(full)
    train(half, folder=tmp_path / "work")
    resumed = train(full, folder=tmp_path / "work")
    for a, b in zip(whole.model.state_dict().values(), resumed.model.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert whole.dlfe_C is not None
    np.testing.assert_array_equal(whole.dlfe_C, resumed.dlfe_C)


def test_bf16_differs_in_precision_only() -> None:
    half = RECIPE.model_copy(update={"loop": LOOP.model_copy(update={"precision": "bf16"})})
    full, low = (predict(train(recipe).model, PAIRS, "cpu") for recipe in (RECIPE, half))
    assert np.abs(full - low).mean() < 0.05


@pytest.mark.slow
def test_a_compiled_training_in_bf16_finds_the_same_predicates() -> None:
    """What `compile: true, precision: bf16` switches on under a GPU runs on the CPU too."""
    config = FusionParams(n_labels=LABELS, n_predicates=PREDICATES, members=2, hidden=16, label_dim=DIM)
    found = []
    for options in ({}, {"compile": True, "precision": "bf16"}):
        torch.manual_seed(0)
        recipe = RECIPE.model_copy(update={"epochs": 5, "loop": LOOP.model_copy(update=options)})
        found.append(predict(train_head(FusionHead.from_config(config), PAIRS, CLASSES, recipe).model, PAIRS, "cpu"))
    assert np.abs(found[0] - found[1]).mean() < 0.1


def test_dlfe_frequencies_move_from_their_start_towards_the_probabilities() -> None:
    dlfe = train(RECIPE.model_copy(update={"dlfe": True})).dlfe_C
    assert dlfe is not None
    assert dlfe[0] > 0.5 > dlfe[2]


def test_a_batch_is_a_function_of_its_number_and_an_epoch_sees_every_pair_once() -> None:
    batches = PairBatches(CLASSES, RECIPE, np.arange(N), background=False)
    assert torch.equal(batches[5], PairBatches(CLASSES, RECIPE, np.arange(N), background=False)[5])
    seen = torch.cat([batches[step] for step in range(batches.steps_per_epoch)])
    assert sorted(seen.tolist()) == list(range(N))
    assert not torch.equal(batches[0], batches[batches.steps_per_epoch])


def test_image_batches_are_the_pairs_of_one_image_in_order() -> None:
    images = np.repeat(np.arange(N // 4), 4)
    batches = PairBatches(CLASSES, RECIPE.model_copy(update={"batches": "images"}), images, background=False)
    assert batches.steps_per_epoch == N // 4
    assert batches[2].tolist() == [8, 9, 10, 11]


def test_with_a_background_a_batch_keeps_its_share_of_annotated_pairs() -> None:
    classes = np.where(np.arange(N) % 10 == 0, 1, 0)
    batches = PairBatches(classes, RECIPE, np.arange(N), background=True)
    annotated = [int((classes[batches[step].numpy()] > 0).sum()) for step in range(batches.steps_per_epoch)]
    assert annotated[0] == RECIPE.batch_size // 4
    assert sum(annotated) == 24


@pytest.mark.parametrize("background", [False, True])
def test_the_fusion_head_trains_too(background: bool) -> None:  # noqa: FBT001
    config = FusionParams(
        n_labels=LABELS,
        n_predicates=PREDICATES,
        background=background,
        members=2,
        hidden=32,
        label_dim=DIM,
        dropout=0.1,
    )
    classes = np.where(SUBJECT == OBJECT, 0, CLASSES + 1) if background else CLASSES
    torch.manual_seed(0)
    trained = train_head(FusionHead.from_config(config), PAIRS, classes, RECIPE)
    assert (predict(trained.model, PAIRS, "cpu").argmax(1) == classes).mean() > 0.8


def test_a_class_that_is_no_column_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.\.3 do not fit the head's 3 columns"):
        train_head(UVTransE.from_config(HEAD), PAIRS, np.where(CLASSES == 2, 3, CLASSES), RECIPE)
