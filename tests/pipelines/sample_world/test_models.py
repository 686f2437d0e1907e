"""The committed tiny models load with the libraries they are made for, and are of use."""

from __future__ import annotations

import json
from pathlib import Path

import open_clip
import pytest
import torch
from PIL import Image
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from visual_relations.pipelines.sample_world.clip_training import encode_text

WORLD = Path(__file__).parents[3] / "data" / "01_raw" / "sample_world"
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def clip():
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{WORLD / 'clip'}")
    return model.eval(), preprocess, open_clip.get_tokenizer(f"local-dir:{WORLD / 'clip'}")


@torch.no_grad()
def test_clip_names_what_is_cut_out_far_above_chance(clip):
    model, preprocess, tokenizer = clip
    graphs = json.loads((WORLD / "scene_graphs.json").read_text())
    val = set(json.loads((WORLD / "splits.json").read_text())["val"][:30])
    names = sorted({entry["names"][0] for graph in graphs for entry in graph["objects"]})
    entries = [(graph["image_id"], entry) for graph in graphs if graph["image_id"] in val for entry in graph["objects"]]
    pixels = []
    for image_id, entry in entries:
        box = (entry["x"], entry["y"], entry["x"] + entry["w"], entry["y"] + entry["h"])
        pixels.append(preprocess(Image.open(WORLD / f"images/{image_id}.jpg").crop(box)))
    image = model.encode_image(torch.stack(pixels), normalize=True)
    text = model.encode_text(tokenizer([f"a photo of a {name}" for name in names]), normalize=True)
    hits = [
        names[best] == entry["names"][0] for best, (_, entry) in zip((image @ text.T).argmax(1), entries, strict=True)
    ]
    assert sum(hits) / len(hits) > 15 / len(names)


@torch.no_grad()
def test_text_at_its_true_length_has_the_same_embedding(clip):
    model, _, tokenizer = clip
    tokens = tokenizer(["a man riding a horse", "dog"])
    short = encode_text(model, tokens[:, : int((tokens != 0).sum(dim=1).max())])
    torch.testing.assert_close(short, model.encode_text(tokens), atol=1e-5, rtol=1e-4)


def test_clip_weights_are_stored_in_half_precision():
    from safetensors import safe_open

    with safe_open(WORLD / "clip" / "open_clip_model.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118


def test_recorded_retrieval_is_above_chance():
    scores = json.loads((WORLD / "clip_retrieval.json").read_text())
    for split in ("val", "test"):
        for score in scores[split].values():
            assert score["accuracy"] > 3 * score["chance"]


@torch.no_grad()
def test_the_language_model_continues_a_caption():
    tokenizer = AutoTokenizer.from_pretrained(WORLD / "language_model")
    model = AutoModelForCausalLM.from_pretrained(WORLD / "language_model").eval()
    tokens = tokenizer("A man riding a", return_tensors="pt")["input_ids"]
    text = tokenizer.decode(
        model.generate(tokens, max_new_tokens=12, do_sample=False, pad_token_id=tokenizer.eos_token_id)[0]
    )
    assert any(mount in text for mount in ("horse", "bike", "elephant", "motorcycle", "skateboard"))
    assert tokenizer.decode(tokenizer("A dog, on a café table!")["input_ids"]) == "A dog, on a café table!"
    assert tokenizer.convert_ids_to_tokens(0) == "!"
    assert tokenizer.decode([tokenizer.eos_token_id]) == "<|endoftext|>"


def test_wordpiece_knows_every_caption():
    tokenizer = PreTrainedTokenizerFast.from_pretrained(WORLD / "wordpiece")
    captions = [entry["caption"] for entry in json.loads((WORLD / "captions.json").read_text())["annotations"][:500]]
    ids = [token for caption in captions for token in tokenizer(caption)["input_ids"]]
    assert tokenizer.unk_token_id not in ids
    assert (WORLD / "wordpiece" / "vocab.txt").read_text().split()[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert tokenizer("A dog")["input_ids"][0] == tokenizer.cls_token_id
