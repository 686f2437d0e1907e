"""Train a head on pairs and read it out: `train_head`, `predict`.

Legend: N pairs, B pairs of a batch, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor, nn
from torch.nn import functional

from visual_relations.metrics.calibration import TrainEst, dlfe_start, dlfe_update, train_est
from visual_relations.relation_heads.head import RelationHead, as_head
from visual_relations.relation_heads.pairs import Pairs
from visual_relations.relation_heads.params import HeadTrainingParams
from visual_relations.training.device import resolve_device
from visual_relations.training.loop import fit
from visual_relations.training.schedules import constant, warmup_cosine

Ints = npt.NDArray[np.int64]
PREDICT_ROWS = 8192


@dataclass(frozen=True)
class TrainedHead:
    """A trained head, its label frequencies from training pairs (Train-Est, DLFE if asked for), its training curve."""

    model: nn.Module
    calibration: TrainEst
    history: pl.DataFrame
    dlfe_C: npt.NDArray[np.float32] | None = None


class PairBatches:
    """Batch of a step, a pure function of (seed, step): shuffled pairs, or one image after the other."""

    def __init__(
        self,
        classes_N: Ints,
        params: HeadTrainingParams,
        images_N: Ints,
        *,
        background: bool,
    ) -> None:
        self._params = params
        self._groups: list[Ints] = []
        if params.batches == "images":
            order = np.argsort(images_N, kind="stable")
            self._groups = np.split(order, np.flatnonzero(np.diff(images_N[order])) + 1)
        foreground = np.flatnonzero(classes_N > 0) if background else np.arange(len(classes_N))
        self._foreground, self._background = (
            foreground,
            np.flatnonzero(classes_N == 0) if background else foreground[:0],
        )
        share = max(params.foreground_share, len(foreground) / max(len(classes_N), 1)) if len(self._background) else 1.0
        self._n_foreground = min(max(1, round(params.batch_size * share)), len(foreground))
        self._epoch = (-1, foreground)

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every annotated pair is seen once."""
        return len(self._groups) or -(-len(self._foreground) // self._n_foreground)

    def __getitem__(self, step: int) -> Tensor:
        """Rows of the pairs in this step's batch."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if self._groups:
            return torch.from_numpy(self._groups[place])
        chosen = self._order(epoch)[place * self._n_foreground : (place + 1) * self._n_foreground]
        if len(self._background):
            rng = np.random.default_rng([self._params.loop.seed, 1, step])
            n_background = max(1, self._params.batch_size - self._n_foreground)
            chosen = np.concatenate([chosen, rng.choice(self._background, n_background)])
        return torch.from_numpy(chosen)

    def _order(self, epoch: int) -> Ints:
        if self._epoch[0] != epoch:
            rng = np.random.default_rng([self._params.loop.seed, 0, epoch])
            self._epoch = (epoch, rng.permutation(self._foreground))
        return self._epoch[1]


def train_head(
    head: nn.Module,
    pairs: Pairs,
    classes_N: Ints,
    params: HeadTrainingParams,
    images_N: Ints | None = None,
    workspace_folder: Path | None = None,
    description: str = "relation head",
) -> TrainedHead:
    """Train a head with cross-entropy.

    Args:
        head: An untrained head (e.g. `UVTransE.from_config`, built after `torch.manual_seed`), trained in place.
        pairs: Training pairs.
        classes_N: Column of each pair's label; with a background class, 0 is the background.
        params: Recipe; `params.loop.steps` is replaced by epochs times the steps of an epoch.
        images_N: Image number of each pair; needed for `batches="images"` only.
        workspace_folder: Where an interrupted training continues from; None: from the start.
        description: Title of the progress bar.

    Raises:
        ValueError: If a feature is NaN or infinite, or a class is not a column of the head.
    """
    pairs.check_finite()
    scorer = as_head(head)
    scorer.prepare(pairs)
    background = scorer.background
    if len(classes_N) and not 0 <= classes_N.min() <= classes_N.max() < scorer.n_classes:
        raise ValueError(
            f"classes {classes_N.min()}..{classes_N.max()} do not fit the head's {scorer.n_classes} columns"
        )
    batches = PairBatches(
        classes_N, params, np.arange(len(pairs)) if images_N is None else images_N, background=background
    )
    device = resolve_device(params.loop.device)
    on_device, target_N = pairs.to(device), torch.tensor(classes_N, device=device)
    trained = _Trained(scorer, params.logit_adjustment * _log_share(classes_N, scorer)).to(device)

    def loss(module: _Trained, rows_B: Tensor) -> dict[str, Tensor]:
        rows_B = rows_B.to(device)
        logits_EBC = module(on_device[rows_B]).float()
        if params.dlfe:
            module.follow_frequencies(logits_EBC, target_N[rows_B])
        target_EB = target_N[rows_B].repeat(len(logits_EBC))
        return {
            "loss": functional.cross_entropy(
                logits_EBC.flatten(0, 1), target_EB, label_smoothing=params.label_smoothing
            )
        }

    steps = params.epochs * batches.steps_per_epoch
    optimizer = _optimizer(head, params)
    schedule = (
        warmup_cosine(optimizer, round(params.warmup * steps), steps)
        if params.schedule == "cosine"
        else constant(optimizer)
    )
    loop = params.loop.model_copy(update={"steps": steps})
    history = fit(trained, batches, loss, optimizer, schedule, loop, workspace_folder, description=description)
    annotated = np.flatnonzero(classes_N >= background)
    probabilities_NC = predict(head, pairs[torch.from_numpy(annotated)], params.loop.device)
    calibration = train_est(probabilities_NC, classes_N[annotated], background=background)
    dlfe_C = trained.dlfe_C.cpu().numpy() if params.dlfe else None
    return TrainedHead(head, calibration, history, dlfe_C)


def predict(head: nn.Module, pairs: Pairs, device: str = "auto") -> npt.NDArray[np.float32]:
    """Softmax of a head in evaluation mode, (N, C), in batches; the head is left on the CPU."""
    target = resolve_device(device)
    scorer = as_head(head).to(target).eval()
    with torch.inference_mode():
        parts = [
            scorer.score(pairs[start : start + PREDICT_ROWS].to(target)).float().softmax(-1).cpu()
            for start in range(0, len(pairs), PREDICT_ROWS)
        ]
    scorer.cpu()
    return torch.cat(parts).numpy() if parts else np.zeros((0, scorer.n_classes), np.float32)


class _Trained(nn.Module):
    """What is trained as a forward pass, so that autocast, compilation and checkpoints cover all of it."""

    def __init__(self, head: RelationHead, prior_R: Tensor) -> None:
        super().__init__()
        self.head = head
        self.prior_R = nn.Buffer(prior_R)
        self.dlfe_C = nn.Buffer(torch.from_numpy(dlfe_start(head.n_classes, background=head.background)))

    def forward(self, pairs: Pairs) -> Tensor:
        return self.head.training_logits(pairs, self.prior_R)

    def follow_frequencies(self, logits_EBC: Tensor, target_B: Tensor) -> None:
        """DLFE's update; a buffer, so that a resumed training continues it."""
        probabilities_BC = logits_EBC.detach().softmax(-1).mean(0).cpu().numpy()
        moved_C = dlfe_update(
            self.dlfe_C.cpu().numpy(), probabilities_BC, target_B.cpu().numpy(), background=self.head.background
        )
        self.dlfe_C.copy_(torch.from_numpy(moved_C))


def _log_share(classes_N: Ints, head: RelationHead) -> Tensor:
    """Logarithm of each predicate's share of the annotated pairs, (R,)."""
    count_C = np.bincount(classes_N, minlength=head.n_classes)[int(head.background) :]
    count_R = np.maximum(count_C, 1)
    return torch.from_numpy(np.log(count_R / count_R.sum())).float()


def _optimizer(head: nn.Module, params: HeadTrainingParams) -> torch.optim.Optimizer:
    biases = [parameter for name, parameter in head.named_parameters() if name.endswith("bias")]
    others = [parameter for name, parameter in head.named_parameters() if not name.endswith("bias")]
    groups = [{"params": others, "weight_decay": params.weight_decay}, {"params": biases, "weight_decay": 0.0}]
    if params.optimizer == "sgd":
        return torch.optim.SGD(groups, params.learning_rate, momentum=params.momentum)
    return torch.optim.AdamW(groups, params.learning_rate)
