"""A language model and tokenizer small enough to be made on the spot."""

from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

WORDS = (
    *("a", "the", "red", "blue", "green", "dog", "cat", "horse", "ball", "box"),
    *("sits", "on", "runs", "under", "near", "and", ".", "!"),
)
END = "<end>"


@pytest.fixture(scope="session")
def language_model_folder(tmp_path_factory) -> str:
    """A random GPT-2 of width 32 with a tokenizer of whole words, as `save_pretrained` writes them."""
    import torch

    folder = tmp_path_factory.mktemp("language_model")
    vocabulary = {word: number for number, word in enumerate([*WORDS, "<unknown>", END])}
    unknown = {"unk_token": "<unknown>"}
    raw = Tokenizer(models.WordLevel(vocabulary, **unknown))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=END, bos_token=END, **unknown)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    end = vocabulary[END]
    config = GPT2Config(
        vocab_size=len(vocabulary),
        n_positions=48,
        n_embd=32,
        n_layer=2,
        n_head=4,
        bos_token_id=end,
        eos_token_id=end,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["model_type"] == "gpt2"
    return str(folder)


@pytest.fixture(scope="session")
def tokenizer(language_model_folder):
    from visual_relations.captioning.language_models import load_tokenizer

    return load_tokenizer(language_model_folder)
