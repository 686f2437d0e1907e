"""A tiny causal language model with its own byte-level tokenizer, and a WordPiece vocabulary; all from captions."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from visual_relations.pipelines.sample_world.params import SampleWorldParams
from visual_relations.training.loop import fit
from visual_relations.training.params import TrainingParams
from visual_relations.training.schedules import warmup_cosine

END = "<|endoftext|>"
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
BATCH, LENGTH = 32, 48  # windows per step, tokens per window


def byte_level_tokenizer(texts: list[str], size: int) -> PreTrainedTokenizerFast:
    """GPT-2's kind of tokenizer with a vocabulary of `size`; as there, "!" is id 0 and the end token the last id."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - 1, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([END])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=END, eos_token=END, unk_token=END)


def wordpiece_tokenizer(texts: list[str], size: int) -> PreTrainedTokenizerFast:
    """BERT's kind of tokenizer (lower case) with a vocabulary of at most `size`."""
    tokenizer = Tokenizer(models.WordPiece(unk_token=SPECIALS[1]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIALS, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **dict(zip(names, SPECIALS, strict=True)))


class Windows:
    """Windows of the captions, one after another with the end token between, as a pure function of the step."""

    def __init__(self, texts: list[str], tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        end = tokenizer.eos_token_id
        self._stream = torch.tensor([token for text in texts for token in (end, *tokenizer(text)["input_ids"])])
        self._seed = seed

    def __getitem__(self, step: int) -> Tensor:
        """Token ids (batch, length)."""
        rng = random.Random(f"{self._seed}:{step}")  # noqa: S311
        starts = [rng.randrange(len(self._stream) - LENGTH) for _ in range(BATCH)]
        return torch.stack([self._stream[start : start + LENGTH] for start in starts])


def train_caption_model(
    texts: list[str], tokenizer: PreTrainedTokenizerFast, params: SampleWorldParams, workspace_folder: Path
) -> tuple[GPT2LMHeadModel, pl.DataFrame]:
    """Train a small GPT-2 on captions.

    Returns:
        The model, and the history of its training (`training.loop.fit`).
    """
    end, steps = tokenizer.eos_token_id, params.size.language_steps
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=96, n_embd=96, n_layer=3, n_head=4, bos_token_id=end, eos_token_id=end
    )
    torch.manual_seed(params.seed)
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=params.language_rate, weight_decay=0.01)
    training = TrainingParams(seed=params.seed, device="cpu", steps=steps, log_every=25, threads=params.threads)
    windows = Windows(texts, tokenizer, params.seed)
    schedule = warmup_cosine(optimizer, round(0.1 * steps), steps)
    history = fit(
        model, windows, _loss, optimizer, schedule, training, workspace_folder, description="tiny language model"
    )
    return model, history


def _loss(model: GPT2LMHeadModel, ids_BL: Tensor) -> dict[str, Tensor]:
    """Cross-entropy of every next token, in nats."""
    logits_BLV = model(ids_BL).logits
    return {"loss": torch.nn.functional.cross_entropy(logits_BLV[:, :-1].flatten(0, 1), ids_BL[:, 1:].flatten())}


def pretrained_folder(*parts: Any) -> dict[str, bytes]:
    """Models and tokenizers of transformers as the files of one folder."""
    with tempfile.TemporaryDirectory() as place:
        for part in parts:
            part.save_pretrained(place)
        return {path.name: path.read_bytes() for path in sorted(Path(place).iterdir())}


def vocabulary_file(tokenizer: PreTrainedTokenizerFast) -> bytes:
    """BERT's `vocab.txt`: one token per line in the order of ids."""
    vocabulary = tokenizer.get_vocab()
    return "".join(f"{token}\n" for token in sorted(vocabulary, key=vocabulary.__getitem__)).encode()
