"""A model in pretraining: with its teacher, if it has one, and the loss of a batch from any stream.

| stream          | losses                                                   |
|-----------------|----------------------------------------------------------|
| captions        | ITC + ITM + MLM (ALBEF)                                  |
| graph sentences | the same: VSG (arXiv 2305.14281)                         |
| regions         | the same with all but the region hidden, and box losses (X-VLM) |
| relations       | MRC (arXiv 2305.14281)                                   |
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn

from visual_relations.vision_language.batches import Batch, CaptionBatch, RegionBatch, RelationBatch, Texts
from visual_relations.vision_language.gather import gather, gather_with_gradient
from visual_relations.vision_language.losses.boxes import box_losses
from visual_relations.vision_language.losses.contrastive import Contrast, in_batch_contrast, momentum_contrast
from visual_relations.vision_language.losses.masked_language import masked_language_loss
from visual_relations.vision_language.losses.matching import draw_negatives, matching_loss
from visual_relations.vision_language.losses.relations import relation_logits, relation_loss
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.momentum import Teacher, TeacherParams
from visual_relations.vision_language.params import PretrainerParams

Losses = dict[str, Tensor]


class Pretrainer(nn.Module):
    """Everything that pretraining changes."""

    def __init__(self, config: PretrainerParams) -> None:
        super().__init__()
        self.config = config
        self.model = VisionLanguageModel(config.model)
        self.teacher: Teacher | None = None
        if config.teacher is not None:
            self.teacher = Teacher(
                TeacherParams(
                    model=config.model,
                    queue=config.teacher.queue,
                    momentum=config.teacher.momentum,
                    identities=config.same_text_matches,
                )
            )
            self.teacher.copy_from(self.model)

    @classmethod
    def from_config(cls, config: PretrainerParams | dict[str, Any]) -> Self:
        """Build with fresh weights."""
        return cls(PretrainerParams.model_validate(config))

    def alpha(self, step: int) -> float:
        """Weight of the teacher's opinion; rises linearly at the start of training."""
        if self.config.teacher is None:
            return 0.0
        ramp = self.config.teacher.ramp_steps
        return self.config.teacher.alpha * (min(1.0, step / ramp) if ramp else 1.0)


def pretraining_loss(pretrainer: Pretrainer, batch: Batch) -> Losses:
    """Losses of a batch by name: "loss" is their sum; "<stream>/share" counts batches, so that means can be taken."""
    pretrainer.model.clamp_temperature()
    if isinstance(batch, RelationBatch):
        losses = _relation_losses(pretrainer, batch)
    elif isinstance(batch, RegionBatch):
        losses = _region_losses(pretrainer, batch)
    else:
        losses = _caption_losses(pretrainer, batch)
    total = torch.stack(list(losses.values())).sum()
    reported = {f"{batch.stream}/{name}": loss for name, loss in losses.items()}
    return {"loss": total, **reported, f"{batch.stream}/share": torch.ones_like(total)}


def _caption_losses(pretrainer: Pretrainer, batch: CaptionBatch) -> Losses:
    model, texts = pretrainer.model, batch.texts
    image = model.encode_images(batch.images)
    states = model.encode_texts(texts.ids, texts.mask)
    image_features, text_features = model.image_features(image), model.text_features(states)
    alpha, teacher_image, identity = pretrainer.alpha(batch.step), None, _identity(pretrainer, texts)
    if (teacher := pretrainer.teacher) is None:
        contrast = _contrast_across_processes(image_features, text_features, model.temperature, identity)
    else:
        teacher.follow(model, step=batch.step)
        with torch.no_grad():
            teacher_image = teacher.model.encode_images(batch.images)
        contrast = _contrast_with_teacher(pretrainer, batch, image_features, text_features, teacher_image, alpha)
    negatives = draw_negatives(contrast, _same(identity))
    return {
        "itc": contrast.loss,
        "itm": matching_loss(model, states, texts.mask, image, None, negatives).loss,
        "mlm": masked_language_loss(
            model,
            texts.hidden,
            texts.labels,
            texts.mask,
            image,
            teacher=None if teacher is None else teacher.model,
            teacher_image_BTD=teacher_image,
            alpha=alpha,
        ),
    }


def _region_losses(pretrainer: Pretrainer, batch: RegionBatch) -> Losses:
    model, texts = pretrainer.model, batch.texts
    with_images = model.box_head is not None
    image, mask, whole = model.encode_regions(
        batch.images, batch.image_of, batch.mask, pretrainer.config.region_scope, with_images=with_images
    )
    states = model.encode_texts(texts.ids, texts.mask)
    same = _same(_identity(pretrainer, texts))
    # How many regions a batch has differs between processes, so each contrasts its own.
    contrast = in_batch_contrast(model.image_features(image), model.text_features(states), model.temperature, same)
    losses = {
        "itc": contrast.loss,
        "itm": matching_loss(model, states, texts.mask, image, mask, draw_negatives(contrast, same)).loss,
        "mlm": masked_language_loss(model, texts.hidden, texts.labels, texts.mask, image, mask),
    }
    if whole is not None:
        found = model.boxes(model.fuse(states, texts.mask, whole[batch.image_of]))
        boxes = box_losses(found, batch.boxes, batch.is_image)
        losses |= {"box": boxes.distance, "giou": boxes.overlap}
    return losses


def _relation_losses(pretrainer: Pretrainer, batch: RelationBatch) -> Losses:
    logits = relation_logits(pretrainer.model, batch, pretrainer.config.relation_scope)
    return {"mrc": relation_loss(logits, batch.labels)}


def _contrast_across_processes(image: Tensor, text: Tensor, temperature: Tensor, identity: Tensor | None) -> Contrast:
    everywhere = None if identity is None else gather(identity)
    contrast = in_batch_contrast(
        gather_with_gradient(image), gather_with_gradient(text), temperature, _same(everywhere)
    )
    if len(contrast.image_to_text) == len(image):
        return contrast
    # Negatives are drawn among this process's own rows.
    own_image_to_text, own_text_to_image = image @ text.t() / temperature, text @ image.t() / temperature
    return Contrast(contrast.loss, own_image_to_text, own_text_to_image)


def _contrast_with_teacher(
    pretrainer: Pretrainer, batch: CaptionBatch, image: Tensor, text: Tensor, teacher_image: Tensor, alpha: float
) -> Contrast:
    teacher, texts = pretrainer.teacher, batch.texts
    if teacher is None:
        raise ValueError("there is no teacher")
    with torch.no_grad():
        image_m = teacher.model.image_features(teacher_image)
        text_m = teacher.model.text_features(teacher.model.encode_texts(texts.ids, texts.mask))
    queued = batch.stream == "captions" or pretrainer.config.graphs_share_queue
    identity = _identity(pretrainer, texts)
    keys = teacher.identity_keys(identity) if identity is not None and queued else identity
    contrast = momentum_contrast(
        image,
        text,
        image_m,
        text_m,
        teacher.keys(image_m, teacher.image_queue if queued else None),
        teacher.keys(text_m, teacher.text_queue if queued else None),
        pretrainer.model.temperature,
        alpha,
        None if identity is None or keys is None else identity[:, None] == keys[None, :],
    )
    if queued and pretrainer.training and teacher.config.queue:
        teacher.enqueue(gather(image_m), gather(text_m), None if identity is None else gather(identity))
    return contrast


def _identity(pretrainer: Pretrainer, texts: Texts) -> Tensor | None:
    return texts.identity if pretrainer.config.same_text_matches else None


def _same(identity: Tensor | None) -> Tensor | None:
    return None if identity is None else identity[:, None] == identity[None, :]
