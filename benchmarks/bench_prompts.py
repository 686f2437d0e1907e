"""A training step of the prompt learner at true prompt length against the same step over all 77 positions.

The text tower is that of ViT-B/32 (width 512, 8 heads, 12 layers) with random weights: time does not depend on them.
"""

from __future__ import annotations

import open_clip
import torch
from open_clip.transform import PreprocessCfg
from torch import Tensor

from benchmarks.report import Row, best_of, show
from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.preprocess import Preprocess
from visual_relations.prompting.contrastive import contrastive_loss
from visual_relations.prompting.params import PromptParams
from visual_relations.prompting.prompts import Prompt, PromptLearner, PromptWriter, encode_pairs

BATCH, FULL = 32, 77
LABELS = ("man", "horse", "tree", "surfboard", "dog", "car")  # one of two tokens, as in a batch of VG150


def run() -> list[Row]:
    clip = _clip()
    torch.manual_seed(0)
    learner = PromptLearner.for_clip(PromptParams(context_init="random"), clip)
    writer = PromptWriter(clip, learner.config.prompt)
    prompts = [writer.write(LABELS[i % 6], LABELS[(i + 1) % 6]) for i in range(BATCH)]
    image_BD = torch.randn(BATCH, clip.dim)

    def true_length() -> list[Tensor]:
        return _gradients(learner, encode_pairs(clip, prompts, learner, image_BD), image_BD)

    def all_positions() -> list[Tensor]:
        return _gradients(learner, _encode_all(clip, prompts, learner, image_BD), image_BD)

    difference = max(
        float((ours - plain).abs().max() / plain.abs().max())
        for ours, plain in zip(true_length(), all_positions(), strict=True)
    )
    ours, reference = best_of(true_length), best_of(all_positions, 2)
    note = f"largest difference of the gradients, relative to the largest gradient: {difference:.1e}"
    passed = reference / ours >= 4 and difference < 1e-5
    return [Row("prompt learner step", ours, reference, reference / ours, ">= 4, gradients to 1e-5", passed, note)]


def _clip() -> FrozenClip:
    torch.manual_seed(0)
    vision = open_clip.CLIPVisionCfg(layers=1, width=32, head_width=32, patch_size=32, image_size=32)
    text = open_clip.CLIPTextCfg(width=512, heads=8, layers=12)
    model = open_clip.CLIP(512, vision, text, quick_gelu=True)
    return FrozenClip(model, open_clip.SimpleTokenizer(), Preprocess(PreprocessCfg(size=32)), "ViT-B/32 text tower")


def _gradients(learner: PromptLearner, text_BD: Tensor, image_BD: Tensor) -> list[Tensor]:
    learner.zero_grad()
    positive_B = torch.cosine_similarity(image_BD, text_BD, dim=1)
    contrastive_loss(positive_B, torch.full_like(positive_B, 0.3), "softplus").backward()
    return [parameter.grad.clone() for parameter in learner.parameters() if parameter.grad is not None]


def _encode_all(clip: FrozenClip, prompts: list[Prompt], learner: PromptLearner, image_BD: Tensor) -> Tensor:
    """What the published code does: padded to 77, every position through the transformer."""
    model, context_BMW = clip.model, learner(image_BD)
    ids_BL = torch.zeros(len(prompts), FULL, dtype=torch.int64)
    for row, prompt in enumerate(prompts):
        ids_BL[row, : len(prompt.tokens)] = torch.tensor(prompt.tokens)
    length = context_BMW.shape[1]
    rows = []
    for row, prompt in enumerate(prompts):
        embedded_LW = clip.token_embedding(ids_BL[row])
        rows.append(torch.cat([embedded_LW[: prompt.at], context_BMW[row], embedded_LW[prompt.at + length :]]))
    x_BLW = model.transformer(torch.stack(rows) + model.positional_embedding, attn_mask=model.attn_mask)
    return model.ln_final(x_BLW)[torch.arange(len(prompts)), ids_BL.argmax(1)] @ model.text_projection


if __name__ == "__main__":
    raise SystemExit(0 if show(run()) else 1)
