"""Where there is no BERT to start from: read the training captions alone, once for all models and seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.pipelines.relation_pretraining.build import World, make_schedule
from visual_relations.pipelines.relation_pretraining.params import PretrainingParams
from visual_relations.pipelines.relation_pretraining.streams.order import Order
from visual_relations.pipelines.relation_pretraining.streams.texts import TextMaker
from visual_relations.training.loop import fit
from visual_relations.vision_language.batches import Texts
from visual_relations.vision_language.language import LanguageModel, language_loss
from visual_relations.vision_language.optimiser import make_optimiser, parameter_groups


class CaptionTexts:
    """Batches of captions by number.

    Args:
        captions: All of them.
        maker: Hides words.
        batch: Captions.
        most_tokens: Longest text.
        seed: Of order and hidden words.
    """

    def __init__(self, captions: list[str], maker: TextMaker, batch: int, most_tokens: int, seed: int) -> None:
        self._captions, self._maker, self._seed = captions, maker, seed
        self._batch, self._most_tokens = batch, most_tokens
        self._order = Order(len(captions), seed)

    def __getitem__(self, number: int) -> Texts:
        """Batch `number`."""
        chosen = [text for _, text in self._order.take(number, self._batch, self._captions.__getitem__)]
        return self._maker.make(np.random.default_rng([self._seed, number]), chosen, self._most_tokens)


def train_language(common: PretrainingParams, world: World, folder: Path) -> LanguageModel:
    """Train a text encoder on the training captions, continuing (or taking up) what is found in the folder."""
    start, optimiser, params = common.text_start, common.optimiser, common.text_training()
    torch.manual_seed(start.seed)
    model = LanguageModel(common.model.text.model_copy(update={"vocabulary": world.tokenizer.size}))
    captions = world.of("train").captions["text"].to_list()
    texts = CaptionTexts(
        captions, TextMaker(world.tokenizer, common.texts), start.batch, common.texts.most_tokens, start.seed
    )
    groups = parameter_groups(model, start.rate, optimiser.weight_decay, optimiser.decay_rule)
    adamw = make_optimiser(optimiser.kind, groups, (0.9, 0.98), optimiser.eps)
    schedule = make_schedule(adamw, optimiser, params.steps)
    fit(model, texts, language_loss, adamw, schedule, params, folder, description="texts alone")
    return model.cpu()


def language_fingerprint(common: PretrainingParams, world: World) -> str:
    """Of everything this training depends on."""
    parts = (common.text_start, common.text_training(), common.model.text, common.texts, common.optimiser)
    return fingerprint(*parts, world.of("train").captions, world.tokenizer.folder)
