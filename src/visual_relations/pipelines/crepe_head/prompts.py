"""What ablations of the prompt need: other text banks, other prompts. Without such rows both steps return at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import polars as pl
import torch

from visual_relations.artefacts.feature_bank import FeatureBank, FeatureBankWriter
from visual_relations.artefacts.fingerprint import fingerprint
from visual_relations.artefacts.workspace import Workspace
from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.load import load_clip
from visual_relations.clip.params import ClipParams
from visual_relations.pipelines.crepe_head.params import GridParams, PromptVariant
from visual_relations.prompting.contrastive import ContrastivePairs, train_prompts
from visual_relations.prompting.encoding import encode_learned_prompts, encode_texts
from visual_relations.prompting.prompts import PromptLearner, PromptWriter
from visual_relations.prompting.retrieval import nearest_texts

FULL_PRODUCT = "full_product"


def retrieve_from_product(
    vocabulary: dict[str, Any],
    union_image_features: FeatureBank,
    workspace: Workspace,
    clip_params: Any,
    params: GridParams,
) -> tuple[FeatureBank, pl.DataFrame]:
    """Encode every combination of subject, predicate and object class, and find the nearest for every pair.

    Returns:
        Features by text, and `pair_id`, `text`, `similarity`; both empty when no row of the grid asks for them.
    """
    wanted = any("product_text" in (row.union, row.text) for row in params.rows.values())
    wanted |= any(variant.bank == FULL_PRODUCT for variant in params.prompts.values())
    names = (vocabulary[kind] if wanted else [] for kind in ("objects", "predicates", "objects"))
    texts = pl.Series("text", [" ".join(words) for words in product(*names)], dtype=pl.String)
    folder = workspace.folder("product_text_features", fingerprint(clip_params, texts))
    if not wanted:
        bank = FeatureBankWriter(folder, union_image_features.dim).finish()
        return bank, pl.DataFrame(schema={"pair_id": pl.String, "text": pl.String, "similarity": pl.Float32})
    bank = encode_texts(_clip(clip_params), texts, folder)
    row_N, cosine_N = nearest_texts(union_image_features, bank)
    found = {"pair_id": union_image_features.ids, "text": bank.ids.gather(row_N), "similarity": cosine_N}
    return bank, pl.DataFrame(found)


def learn_grid_prompts(
    pairs: pl.DataFrame,
    vocabulary: dict[str, Any],
    union_image_features: FeatureBank,
    pseudo_labels: pl.DataFrame,
    product_pseudo_labels: pl.DataFrame,
    workspace: Workspace,
    clip_params: Any,
    params: GridParams,
) -> FeatureBank:
    """Learn every prompt of the grid on annotated training pairs, and encode it for all pairs.

    Returns:
        Features by "NAME/pair_id".
    """
    mark = fingerprint(pairs, vocabulary, union_image_features, pseudo_labels, product_pseudo_labels, clip_params)
    with FeatureBankWriter(
        workspace.folder("grid_prompt_features", fingerprint(mark, params.prompts)), union_image_features.dim
    ) as writer:
        for name, variant in params.prompts.items():
            labels = product_pseudo_labels if variant.bank == FULL_PRODUCT else pseudo_labels
            folder = workspace.folder(f"grid_prompt.{name}", fingerprint(mark, variant))
            clip = _clip(clip_params)
            learner = _learn(
                clip, variant, pairs, labels, vocabulary["objects"], union_image_features, folder / "learner"
            )
            bank = _encode(clip, learner, pairs, vocabulary["objects"], union_image_features, folder / "bank")
            done = set(writer.done_ids)
            new = [row for row, pair_id in enumerate(bank.ids) if f"{name}/{pair_id}" not in done]
            writer.append([f"{name}/{pair_id}" for pair_id in bank.ids.gather(new)], bank.rows(new))
        return writer.finish()


def _learn(
    clip: FrozenClip,
    variant: PromptVariant,
    pairs: pl.DataFrame,
    pseudo_labels: pl.DataFrame,
    objects: Sequence[str],
    images: FeatureBank,
    folder: Any,
) -> PromptLearner:
    training = pairs.filter(pl.col("split") == "train", "readable", pl.col("predicate_class").is_not_null())
    training = training.join(pseudo_labels, on="pair_id", how="left", maintain_order="left")
    writer = PromptWriter(clip, variant.learner.prompt)
    image_ND = torch.from_numpy(images.select(training["pair_id"]).astype(np.float32))
    negative_N = torch.from_numpy(training["similarity"].to_numpy(writable=True))
    torch.manual_seed(variant.learner.contrastive.loop.seed)
    learner = PromptLearner.for_clip(variant.learner.prompt, clip)
    train_prompts(
        clip,
        learner,
        ContrastivePairs(_prompts(writer, training, objects), image_ND, negative_N),
        variant.learner.contrastive,
        folder,
    )
    return learner.cpu()


def _encode(
    clip: FrozenClip,
    learner: PromptLearner,
    pairs: pl.DataFrame,
    objects: Sequence[str],
    images: FeatureBank,
    folder: Any,
) -> FeatureBank:
    readable = pairs.filter("readable").unique("pair_id", keep="first", maintain_order=True)
    prompts = _prompts(PromptWriter(clip, learner.config.prompt), readable, objects)
    return encode_learned_prompts(clip, learner, dict(zip(readable["pair_id"], prompts, strict=True)), images, folder)


def _clip(params: Any) -> FrozenClip:
    # Kedro cannot make models of a group of parameters and of a part of it in one pipeline; this part is made here.
    return load_clip(ClipParams.model_validate(params))


def _prompts(writer: PromptWriter, pairs: pl.DataFrame, objects: Sequence[str]) -> list[Any]:
    classes = zip(pairs["subject_class"], pairs["object_class"], strict=True)
    return [writer.write(objects[subject], objects[other]) for subject, other in classes]
