"""A tiny CLIP of open_clip's own class, trained on freshly drawn scenes that belong to no split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
import polars as pl
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from visual_relations.pipelines.sample_world.crops import MEAN, SIZE, STD, Examples
from visual_relations.pipelines.sample_world.params import SampleWorldParams
from visual_relations.training.loop import fit
from visual_relations.training.params import TrainingParams
from visual_relations.training.schedules import warmup_cosine

MODEL_CFG: dict[str, Any] = {
    "embed_dim": 128,
    "quick_gelu": True,
    "vision_cfg": {"image_size": SIZE, "patch_size": 16, "width": 128, "layers": 4, "head_width": 32, "mlp_ratio": 4.0},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 4},
}
PREPROCESS_CFG = {"mean": list(MEAN), "std": list(STD), "interpolation": "bicubic", "resize_mode": "squash"}
CONFIG_FILE, WEIGHTS_FILE = "open_clip_config.json", "open_clip_model.safetensors"


def encode_text(model: open_clip.CLIP, tokens_BL: Tensor) -> Tensor:
    """What `model.encode_text` computes, at the true length instead of 77: later positions cannot be seen."""
    length = tokens_BL.shape[1]
    x = model.token_embedding(tokens_BL) + model.positional_embedding[:length]
    x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    return x[torch.arange(len(x)), tokens_BL.argmax(dim=-1)] @ model.text_projection


def contrastive_loss(model: open_clip.CLIP, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """Symmetric InfoNCE in which equal texts of a batch all count as right."""
    pixels, tokens = batch
    image = nn.functional.normalize(model.encode_image(pixels), dim=-1)
    text = nn.functional.normalize(encode_text(model, tokens), dim=-1)
    logits = model.logit_scale.exp().clamp(max=100) * image @ text.T
    same = (tokens[:, None] == tokens[None]).all(dim=-1).float()
    target = same / same.sum(dim=1, keepdim=True)
    loss = (nn.functional.cross_entropy(logits, target) + nn.functional.cross_entropy(logits.T, target)) / 2
    hits = same.gather(1, logits.argmax(dim=1, keepdim=True)).mean()
    return {"loss": loss, "hits": hits.detach()}


def train_clip_model(params: SampleWorldParams, workspace_folder: Path) -> tuple[open_clip.CLIP, pl.DataFrame]:
    """Draw the training scenes and train a CLIP on them.

    Returns:
        The model, and the history of its training (`training.loop.fit`).
    """
    size = params.size
    batches = Examples(f"{params.seed}:clip", size.clip_scenes, params.clip_batch)
    torch.manual_seed(params.seed)
    model: open_clip.CLIP = open_clip.CLIP(**MODEL_CFG)
    optimizer = torch.optim.AdamW(model.parameters(), lr=params.clip_rate, betas=(0.9, 0.98), weight_decay=0.02)
    schedule = warmup_cosine(optimizer, round(0.08 * size.clip_steps) + 1, size.clip_steps + 1)
    training = TrainingParams(
        seed=params.seed, device="cpu", steps=size.clip_steps, clip_norm=1.0, log_every=25, threads=params.threads
    )
    history = fit(
        model, batches, contrastive_loss, optimizer, schedule, training, workspace_folder, description="tiny CLIP"
    )
    forget_unseen_tokens(model, batches)
    return model, history


@torch.no_grad()
def forget_unseen_tokens(model: open_clip.CLIP, batches: Examples) -> None:
    """Zero the embeddings of tokens that no training text has.

    They are noise of the initialisation, and nine tenths of the file: zeros cost nothing once compressed.
    """
    seen = batches.tokenizer(sorted({text for example in batches.examples for text in example.texts})).unique()
    kept = torch.zeros(len(model.token_embedding.weight), 1)
    kept[seen] = 1.0
    model.token_embedding.weight *= kept


def clip_folder(model: open_clip.CLIP) -> dict[str, bytes]:
    """A model as the folder that open_clip reads with `local-dir:`; weights in half precision."""
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    config = json.dumps({"model_cfg": MODEL_CFG, "preprocess_cfg": PREPROCESS_CFG}, indent=2)
    return {CONFIG_FILE: config.encode(), WEIGHTS_FILE: save(weights)}


def clip_from_folder(folder: dict[str, bytes]) -> open_clip.CLIP:
    """The inverse of `clip_folder`, in single precision and ready for use."""
    model: open_clip.CLIP = open_clip.CLIP(**json.loads(folder[CONFIG_FILE])["model_cfg"])
    model.load_state_dict({name: value.float() for name, value in load(folder[WEIGHTS_FILE]).items()})
    return model.eval()
