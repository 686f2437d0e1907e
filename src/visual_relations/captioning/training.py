"""Train a captioner: loss, optimiser, schedule, and validation by the captions it writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import torch
from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers import PreTrainedTokenizerBase

from visual_relations.artefacts.feature_bank import FeatureBank
from visual_relations.captioning.captioner import Captioner
from visual_relations.captioning.decoding import generate
from visual_relations.captioning.examples import CaptionBatches
from visual_relations.captioning.loss import CaptionBatch, caption_loss, token_losses
from visual_relations.captioning.params import IGNORED, CaptionTrainingParams
from visual_relations.metrics.captions.report import caption_metrics
from visual_relations.training import schedules
from visual_relations.training.legacy_adamw import LegacyAdamW
from visual_relations.training.loop import fit

BEST = "CIDEr"


@dataclass(frozen=True)
class CaptionData:
    """What a captioner learns from.

    Attributes:
        features: Image vectors by image id.
        train: Training captions, `image_id` and `tokens` (`examples.tokenize_captions`).
        val: Validation captions, the same; may be empty.
        references: Validation image id to its caption texts, for CIDEr; empty: no captions are written.
    """

    features: FeatureBank
    train: pl.DataFrame
    val: pl.DataFrame
    references: Mapping[str, Sequence[str]]


def train_captioner(
    captioner: Captioner,
    tokenizer: PreTrainedTokenizerBase,
    data: CaptionData,
    params: CaptionTrainingParams,
    workspace_folder: Path | None = None,
    description: str = "captioner",
    report: Callable[[int, float], None] | None = None,
) -> pl.DataFrame:
    """Train in place; afterwards the captioner has the weights with the best validation CIDEr.

    Args:
        captioner: A new or an imported one.
        tokenizer: Of its language model.
        data: Captions and image vectors.
        params: How to train.
        workspace_folder: Where an interrupted training is kept; the same call continues it.
        description: For the progress bar.
        report: Told step and CIDEr at every validation; what it raises ends the training, as a study wants it.

    Returns:
        History: step, split, name, value.

    Raises:
        ValueError: If the image vectors have another width than the captioner expects.
        KeyError: If an image has no vector.
    """
    batches = CaptionBatches(
        data.features,
        data.train,
        params.batch_size,
        params.buckets,
        params.loop.seed,
        reference=params.reference,
    )
    optimizer = make_optimizer(captioner, params)
    return fit(
        captioner,
        batches,
        caption_loss,
        optimizer,
        make_schedule(optimizer, params),
        params.loop,
        workspace_folder,
        validate=_validation(tokenizer, data, params, report),
        keep_best=BEST if data.references else None,
        description=description,
    )


def make_optimizer(captioner: Captioner, params: CaptionTrainingParams) -> Optimizer:
    """AdamW over what is trained; a tuned language model may have a rate of its own, vectors do not decay."""
    mapper = _groups(captioner.mapper.parameters(), params.learning_rate, params.weight_decay)
    rate = params.language_model_learning_rate or params.learning_rate
    language_model = _groups(captioner.language_model.parameters(), rate, params.weight_decay)
    make: Callable[..., Optimizer] = LegacyAdamW if params.original_adamw else AdamW
    return make(mapper + language_model, lr=params.learning_rate, eps=params.epsilon, weight_decay=0.0)


def make_schedule(optimizer: Optimizer, params: CaptionTrainingParams) -> LRScheduler:
    """Warm-up and decay."""
    if params.schedule == "constant":
        return schedules.constant(optimizer)
    make = schedules.warmup_linear if params.schedule == "linear" else schedules.warmup_cosine
    return make(optimizer, params.warmup_steps, params.loop.steps)


def _groups(parameters: Iterable[nn.Parameter], rate: float, decay: float) -> list[dict[str, object]]:
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "lr": rate, "weight_decay": decay},
        {"params": [p for p in trained if p.ndim < 2], "lr": rate, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _validation(
    tokenizer: PreTrainedTokenizerBase,
    data: CaptionData,
    params: CaptionTrainingParams,
    tell: Callable[[int, float], None] | None,
) -> Callable[[Captioner, int], dict[str, float]] | None:
    if not data.val.height and not data.references:
        return None
    image_ids = list(data.references)[: params.validation_images]
    references = {image_id: data.references[image_id] for image_id in image_ids}
    features_ND = torch.from_numpy(data.features.select(image_ids)).float()

    def validate(captioner: Captioner, step: int) -> dict[str, float]:
        values = {"loss": mean_loss(captioner, data, params)} if data.val.height else {}
        if references:
            captions = generate(captioner, tokenizer, features_ND, params.validation_decoding)
            texts = {image_id: caption.text for image_id, caption in zip(image_ids, captions, strict=True)}
            corpus = caption_metrics(texts, references).corpus
            values |= {name: corpus[name] for name in (BEST, "BLEU-4")}
            if tell:
                tell(step, corpus[BEST])
        return values

    return validate


@torch.no_grad()
def mean_loss(captioner: Captioner, data: CaptionData, params: CaptionTrainingParams) -> float:
    """Mean negative log-likelihood in nats over all tokens of the validation captions."""
    batches = CaptionBatches(data.features, data.val, params.batch_size, reference=params.reference)
    device = next(captioner.mapper.parameters()).device
    total, n_targets = 0.0, 0
    for batch in batches.in_order():
        moved = CaptionBatch(*(tensor.to(device) for tensor in batch))
        total += float(token_losses(captioner, moved).sum())
        n_targets += int((moved.targets_NL != IGNORED).sum())
    return total / n_targets
