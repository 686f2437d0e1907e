"""One trial: train a captioner, caption validation images. Captions and features of test images are never looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from transformers import PreTrainedTokenizerBase

from visual_relations.artefacts.feature_bank import FeatureBank
from visual_relations.captioning.captioner import new_captioner
from visual_relations.captioning.captions import references_of
from visual_relations.captioning.examples import tokenize_captions
from visual_relations.captioning.language_models import load_tokenizer
from visual_relations.captioning.params import ExampleParams
from visual_relations.captioning.training import BEST, CaptionData, train_captioner
from visual_relations.pipelines.clipcap_tuning.params import ClipcapTrialParams
from visual_relations.tuning.params import Value, with_values
from visual_relations.tuning.study import InfeasibleError, Outcome

SPLITS = ("train", "val")


@dataclass(frozen=True)
class TuningCaptions:
    """Captions of training and validation images, with the features of all images.

    Attributes:
        captions: Rows of `image_captions` of both splits.
        features: Image vectors by image id; only those of `captions` are asked for.
        language_model: Folder of language model and tokenizer.
    """

    captions: pl.DataFrame
    features: FeatureBank
    language_model: str

    @classmethod
    def collect(cls, image_captions: pl.DataFrame, features: FeatureBank, language_model: str) -> TuningCaptions:
        """Choose the captions of training and validation images.

        Raises:
            ValueError: If one of the two splits has none.
        """
        captions = image_captions.filter(pl.col("split").is_in(SPLITS))
        if captions["split"].n_unique() < len(SPLITS):
            raise ValueError("tuning needs captions of training and of validation images; check the splits")
        return cls(captions, features, language_model)

    def examples(self, tokenizer: PreTrainedTokenizerBase, max_tokens: int, *, reference: bool) -> CaptionData:
        """What a captioner learns from."""
        params = ExampleParams(reference=reference, max_tokens=max_tokens)
        tokens = tokenize_captions(self.captions.drop("domain", strict=False), tokenizer, params)
        train, val = (tokens.filter(pl.col("split") == split) for split in SPLITS)
        return CaptionData(self.features, train, val, references_of(self.captions, "val"))


class ClipcapObjective:
    """Called with searched values and a seed: the best CIDEr of a training on validation images."""

    def __init__(self, data: TuningCaptions, base: ClipcapTrialParams) -> None:
        self._data, self._base = data, base

    def __call__(self, values: dict[str, Value], seed: int, report: Callable[[int, float], None]) -> Outcome:
        """Train and measure one configuration; every validation is reported and may stop the trial.

        Raises:
            InfeasibleError: If mapper and language model do not fit together.
        """
        params = with_values(self._base, values)
        tokenizer = load_tokenizer(self._data.language_model)
        data = self._data.examples(tokenizer, params.max_tokens, reference=params.training.reference)
        try:
            captioner = new_captioner(
                params.mapper,
                self._data.features.dim,
                self._data.language_model,
                normalize=params.normalize,
                tune_language_model=params.tune_language_model,
                seed=seed,
            )
        except ValueError as error:  # e.g. a width that the heads do not divide
            raise InfeasibleError(str(error)) from error
        loop = params.training.loop.model_copy(update={"seed": seed})
        training = params.training.model_copy(update={"loop": loop})
        history = train_captioner(
            captioner, tokenizer, data, training, description=f"captioner, seed {seed}", report=report
        )
        validated = history.filter(pl.col("split") == "val", pl.col("name") == BEST)
        n_parameters = sum(p.numel() for p in captioner.parameters() if p.requires_grad)
        return Outcome(max(validated["value"].to_list()), n_parameters)
