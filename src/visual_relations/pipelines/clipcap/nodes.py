"""Steps of ClipCap: captions to examples to captioners to captions. How they are judged is in `judging.py`."""

from __future__ import annotations

from typing import Any

import polars as pl
import torch

from visual_relations.artefacts.feature_bank import FeatureBank, FeatureBankWriter
from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.workspace import Workspace
from visual_relations.captioning.captioner import Captioner, new_captioner
from visual_relations.captioning.captions import CaptionCleaningParams, RawCaptions, clean_captions, references_of
from visual_relations.captioning.decoding import generate
from visual_relations.captioning.examples import tokenize_captions
from visual_relations.captioning.language_models import load_tokenizer
from visual_relations.captioning.params import CaptionTrainingParams, ExampleParams
from visual_relations.captioning.readout import read_prefix
from visual_relations.captioning.training import CaptionData, train_captioner
from visual_relations.captioning.views import add_views, copy_vectors
from visual_relations.clip.load import load_clip
from visual_relations.clip.params import ClipParams, CropMode
from visual_relations.pipelines.clipcap.params import (
    ComparisonParams,
    DecodingRecipes,
    EvaluationParams,
    ImageParams,
    Recipe,
    ReportParams,
    TrainingRecipes,
    VariantParams,
)
from visual_relations.training.device import resolve_device

ROWS_PER_SHARD = 4096
CAPTIONS_SCHEMA = pl.Schema(
    {
        "model": pl.String(),
        "seed": pl.Int64(),  # null: nothing was trained
        "image_id": pl.String(),
        "caption": pl.String(),
        "score": pl.Float64(),  # log-probability per token
        "n_tokens": pl.Int32(),
        "finished": pl.Boolean(),  # false: cut at the most tokens allowed
    }
)
READOUT_SCHEMA = pl.Schema(
    {"model": pl.String(), "image_id": pl.String(), "tokens": pl.List(pl.String()), "cosines": pl.List(pl.Float32())}
)


def prepare_captions(
    raw_captions: RawCaptions, images: pl.DataFrame, image_features: FeatureBank, params: CaptionCleaningParams
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bring captions into shape and give them their image's split.

    Returns:
        Captions whose image has a vector, and what was left out, with the reason.
    """
    return clean_captions(raw_captions, images, image_features.ids, params)


def encode_caption_images(
    images: pl.DataFrame,
    image_features: FeatureBank,
    image_folder: ImageFolder,
    workspace: Workspace,
    clip: Any,
    crop_mode: CropMode | None,
    params: ImageParams,
) -> FeatureBank:
    """Make the vectors that captioners read: of whole photos, with those of views beside them if there are any."""
    views, stage = params.views, "caption_image_features"
    if views is None:
        folder = workspace.folder(stage, image_features.fingerprint)
        with FeatureBankWriter(folder / "bank", image_features.dim, image_features.metadata) as writer:
            return copy_vectors(image_features, writer)
    # Part of the parameters of `clip_features`, which validates them as a whole; Kedro refuses to do it a second time.
    encoder = load_clip(ClipParams.model_validate(clip))
    names = dict(images.select("image_id", "file_name").iter_rows())
    metadata = image_features.metadata | {"views": views.model_dump(), "crop_mode": crop_mode}
    folder = workspace.folder(stage, fingerprint(metadata, encoder.fingerprint, image_features.fingerprint))
    with FeatureBankWriter(folder / "bank", (1 + views.count) * encoder.dim, metadata, ROWS_PER_SHARD) as writer:
        return add_views(
            image_features,
            [names[image_id] for image_id in image_features.ids],
            image_folder,
            encoder,
            encoder.preprocess.with_crop_mode(crop_mode),
            views,
            writer,
        )


def tokenize_examples(
    image_captions: pl.DataFrame, language_model: str, recipe: Recipe, training: TrainingRecipes, max_tokens: int
) -> pl.DataFrame:
    """Turn training and validation captions into tokens: image_id, caption_id, split, tokens, cut."""
    params = ExampleParams(reference=training.chosen(recipe).reference, max_tokens=max_tokens)
    chosen = image_captions.filter(pl.col("split").is_in(["train", "val"])).drop("domain")
    return tokenize_captions(chosen, load_tokenizer(language_model), params)


def train_captioners(
    caption_examples: pl.DataFrame,
    image_captions: pl.DataFrame,
    caption_image_features: FeatureBank,
    language_model: str,
    workspace: Workspace,
    recipe: Recipe,
    images: ImageParams,
    comparison: ComparisonParams,
    recipes: TrainingRecipes,
) -> tuple[dict[str, Captioner], pl.DataFrame]:
    """Train every variant with every seed; one that was trained before an interruption is taken as it is.

    Returns:
        Captioners by name (`captioner_name`), and their histories.
    """
    tokenizer = load_tokenizer(language_model)
    data = CaptionData(
        caption_image_features,
        caption_examples.filter(pl.col("split") == "train"),
        caption_examples.filter(pl.col("split") == "val"),
        references_of(image_captions, "val"),
    )
    captioners, histories, stages = {}, [], []
    for variant, chosen in comparison.chosen.items():
        for seed in comparison.seeds:
            name = captioner_name(variant, seed)
            params = _training(recipes.chosen(recipe), chosen, seed)
            captioner = new_captioner(
                chosen.mapper,
                caption_image_features.dim,
                language_model,
                views=images.views,
                normalize=chosen.normalize,
                tune_language_model=chosen.tune_language_model,
                seed=seed,
            )
            mark = fingerprint(
                captioner.config,
                params,
                caption_image_features,
                caption_examples,
                data.references,
                _start_of(captioner),
            )
            stages.append(f"clipcap.{name}")
            history = train_captioner(
                captioner, tokenizer, data, params, workspace.folder(stages[-1], mark), f"training {name}"
            )
            captioners[name] = captioner.cpu()
            histories.append(history.with_columns(model=pl.lit(variant), seed=pl.lit(seed, pl.Int64)))
    for stage in stages:
        workspace.clear(stage)
    return captioners, pl.concat(histories)


def write_captions(
    captioner: dict[str, Captioner],
    image_captions: pl.DataFrame,
    caption_image_features: FeatureBank,
    language_model: str,
    recipe: Recipe,
    recipes: DecodingRecipes,
    evaluation: EvaluationParams,
) -> pl.DataFrame:
    """Caption the images of the evaluated split with every captioner.

    Returns:
        `CAPTIONS_SCHEMA`.
    """
    image_ids = list(references_of(image_captions, evaluation.split))
    features_ND = torch.from_numpy(caption_image_features.select(image_ids)).float()
    tokenizer = load_tokenizer(language_model)
    frames = []
    for name, one in captioner.items():
        one.to(resolve_device("auto"))
        captions = generate(one, tokenizer, features_ND, recipes.chosen(recipe))
        one.cpu()
        model, seed = split_name(name)
        rows = [
            (model, seed, i, c.text, c.score, c.n_tokens, c.finished) for i, c in zip(image_ids, captions, strict=True)
        ]
        frames.append(pl.DataFrame(rows, schema=CAPTIONS_SCHEMA, orient="row"))
    return pl.concat(frames)


def read_prefixes(
    captioner: dict[str, Captioner],
    caption_gallery: pl.DataFrame,
    caption_image_features: FeatureBank,
    language_model: str,
    params: ReportParams,
) -> pl.DataFrame:
    """Read out the prefixes of some pictures as their nearest tokens (paper, section 4.3).

    Returns:
        `READOUT_SCHEMA`.
    """
    image_ids = caption_gallery["image_id"].unique(maintain_order=True).head(params.readout_images).to_list()
    features_ND = torch.from_numpy(caption_image_features.select(image_ids)).float()
    tokenizer = load_tokenizer(language_model)
    rows = []
    for name, one in captioner.items():
        model, seed = split_name(name)
        if seed == params.gallery_seed:
            tokens, cosines_Nk = read_prefix(one, tokenizer, features_ND)
            rows += [(model, *row) for row in zip(image_ids, tokens, cosines_Nk.tolist(), strict=True)]
    return pl.DataFrame(rows, schema=READOUT_SCHEMA, orient="row")


def captioner_name(variant: str, seed: int) -> str:
    """Name under which a trained variant is stored."""
    return f"{variant}.seed_{seed}"


def split_name(name: str) -> tuple[str, int]:
    """Variant and seed of a stored captioner."""
    variant, _, seed = name.rpartition(".seed_")
    return variant, int(seed)


def _training(recipe: CaptionTrainingParams, variant: VariantParams, seed: int) -> CaptionTrainingParams:
    changes: dict[str, object] = {"loop": recipe.loop.model_copy(update={"seed": seed})}
    if variant.learning_rate is not None:
        changes["learning_rate"] = variant.learning_rate
    return recipe.model_copy(update=changes)


def _start_of(captioner: Captioner) -> str:
    """Hash of the weights that training begins with: another language model is another training."""
    state = {name: value.numpy() for name, value in captioner.state_dict().items()}
    return fingerprint({name: value for name, value in state.items() if name != "language_model.lm_head.weight"})
