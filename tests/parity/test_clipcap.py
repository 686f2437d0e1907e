"""Captioners give what the original program gave; every expected value comes from the golden files.

Tolerances are those the goldens' README derives from two independent runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from transformers import GPT2Tokenizer

from visual_relations.captioning.captioner import Captioner
from visual_relations.captioning.decoding import generate_tokens
from visual_relations.captioning.examples import collate, tokenize_captions
from visual_relations.captioning.loss import CaptionBatch, caption_loss, token_losses
from visual_relations.captioning.original import import_checkpoint, read_features, read_token_cache
from visual_relations.captioning.original.checkpoint import our_name
from visual_relations.captioning.params import IGNORED, CaptionTrainingParams, DecodingParams, ExampleParams
from visual_relations.captioning.training import make_optimizer, make_schedule
from visual_relations.training.loop import fit
from visual_relations.training.params import TrainingParams

BATCH = 6  # rows per batch; the README: "three batches of 6"
CASES = ("mlp_k10", "transformer_k10_c10", "transformer_k40_c40", "oldfile_mlp_k5", "linear_k12")


@dataclass
class Case:
    folder: Path
    name: str

    def __post_init__(self) -> None:
        self.manifest = json.loads((self.folder / "manifest.json").read_text())
        self.facts = self.manifest["cases"][self.name]
        self.inputs = load_file(self.folder / "cases" / f"{self.name}.inputs.safetensors")
        self.tensors = load_file(self.folder / "cases" / f"{self.name}.expected.safetensors")
        self.expected = json.loads((self.folder / "cases" / f"{self.name}.expected.json").read_text())

    def captioner(self, *, tuned: bool = False, dropout: float = 0.0, normalize: bool = False) -> Captioner:
        """`normalize` is off because the inputs are stored as they are fed."""
        captioner = import_checkpoint(
            self.folder / self.facts["checkpoint"],
            normalize=normalize,
            mapper_heads=self.manifest["mapper_heads"],
            language_model_heads=self.facts["lm"]["n_head"],
            tune_language_model=tuned,
        )
        for module in captioner.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = dropout
        return captioner

    def batch(self, number: int) -> CaptionBatch:
        rows = slice(number * BATCH, (number + 1) * BATCH)
        tokens = self.inputs["tokens"][rows]
        targets = tokens.masked_fill(tokens == self.manifest["pad_and_ignored_id"], IGNORED)
        return CaptionBatch(self.inputs["prefix"][rows], targets, tokens)


@pytest.fixture(scope="module", params=CASES)
def case(request, goldens) -> Case:
    return Case(goldens / "clipcap", request.param)


@pytest.fixture(scope="module")
def trained_cases(goldens) -> list[Case]:
    cases = [Case(goldens / "clipcap", name) for name in CASES]
    return [case for case in cases if "training" in case.expected]


def relative(error: float) -> dict[str, float]:
    return {"rel": error, "abs": 0.0}


def test_sizes_are_read_off_the_weights(case):
    captioner, facts = case.captioner(), case.facts
    mapper, lm = captioner.config.mapper, captioner.language_model.config
    assert (mapper.kind, mapper.prefix_length, captioner.config.feature_dim) == (
        facts["mapper"],
        facts["prefix_length"],
        facts["prefix_size"],
    )
    if facts["mapper"] == "transformer":
        assert (mapper.clip_length, mapper.layers, mapper.feedforward_ratio) == (
            facts["clip_length"],
            facts["mapper_layers"],
            case.manifest["mapper_ff_ratio"],
        )
    for field in ("vocab_size", "n_positions", "n_embd", "n_layer"):
        assert getattr(lm, field) == facts["lm"][field]


@torch.no_grad()
def test_prefix_logits_and_token_losses(case):
    captioner, batch = case.captioner(), case.batch(0)
    torch.testing.assert_close(captioner.prefix(batch.features_ND), case.tensors["prefix_embeds"], atol=2e-5, rtol=0)
    full = captioner.language_model(inputs_embeds=captioner.embed(batch.features_ND[:1], batch.tokens_NL[:1])).logits[0]
    real = case.inputs["mask"][0].bool()
    torch.testing.assert_close(full[real], case.tensors["logits_row0"][real], atol=2e-5, rtol=0)
    # Every caption position counts here, "!" and its like included.
    real = case.inputs["mask"][:BATCH, case.facts["prefix_length"] :].bool()
    losses = token_losses(captioner, batch._replace(targets_NL=batch.tokens_NL))
    torch.testing.assert_close(losses[real], case.tensors["token_nll"][real], atol=2e-5, rtol=0)


@torch.no_grad()
def test_forward_of_the_caption_positions_equals_the_full_one(case):
    captioner, batch = case.captioner(), case.batch(0)
    full = captioner.language_model(inputs_embeds=captioner.embed(batch.features_ND, batch.tokens_NL)).logits
    kept = captioner(batch.features_ND, batch.tokens_NL)
    torch.testing.assert_close(kept, full[:, case.facts["prefix_length"] - 1 :], atol=2e-5, rtol=0)


@torch.no_grad()
def test_loss(case):
    loss = float(caption_loss(case.captioner(), case.batch(0))["loss"])
    assert loss == pytest.approx(case.expected["forward"]["loss"], **relative(3e-6))
    assert int((case.batch(0).targets_NL != IGNORED).sum()) == case.expected["forward"]["counted_tokens"]


@pytest.mark.parametrize("mode", ["tuned", "frozen"])
def test_gradients(case, mode):
    if "gradients" not in case.expected:
        pytest.skip("no gradients were recorded for this case")
    expected = case.expected["gradients"][mode]
    captioner = case.captioner(tuned=mode == "tuned").train()
    caption_loss(captioner, case.batch(0))["loss"].backward()
    parameters = dict(captioner.named_parameters())
    gradients = {key: parameters[our_name(key)].grad for key in expected["parameters"]}
    largest = max(record["norm"] for record in expected["parameters"].values())
    for key, record in expected["parameters"].items():
        if record["norm"] > 1e-3 * largest:
            norm = record["norm"]
            assert float(gradients[key].norm()) == pytest.approx(norm, **relative(1e-4)), key
            assert float(gradients[key].abs().max()) == pytest.approx(record["absmax"], **relative(1e-4)), key
            error = 1e-5 * norm * gradients[key].numel() ** 0.5  # sums cancel
            assert float(gradients[key].double().sum()) == pytest.approx(record["sum"], abs=error), key
    for group, norm in expected["groups"].items():
        root = group.replace("gpt.", "gpt.transformer.") if "." in group else group
        members = [gradient for key, gradient in gradients.items() if f"{key}.".startswith(f"{root}.")]
        total = float(torch.stack([member.norm() for member in members]).norm())
        assert total == pytest.approx(norm, **relative(1e-5)), group
    if mode == "frozen":
        assert all(parameter.grad is None for parameter in captioner.language_model.parameters())


@pytest.mark.parametrize("optimizer", ["original_adamw", "torch_adamw"])
@pytest.mark.parametrize("mode", ["tuned", "frozen"])
def test_training_steps(trained_cases, mode, optimizer):
    for case in trained_cases:
        for name, expected in case.expected["training"][mode][optimizer].items():
            _check_training(case, mode, optimizer, float(name.removeprefix("lr_")), expected)


def _check_training(case: Case, mode: str, optimizer: str, rate: float, expected: dict[str, Any]) -> None:
    where = f"{case.name} {mode} {optimizer} {rate}"
    captioner = case.captioner(tuned=mode == "tuned")
    start = {name: value.clone() for name, value in captioner.named_parameters()}
    steps = len(expected["lr_used"])
    params = CaptionTrainingParams(
        reference=True,
        learning_rate=rate,
        warmup_steps=2,  # the README
        original_adamw=optimizer == "original_adamw",
        loop=TrainingParams(steps=steps, device="cpu", log_every=1, validate_every=steps // 2, threads=1),
    )
    batches = [case.batch(number) for number in range(3)]
    changes: list[dict[str, torch.Tensor]] = []

    def validate(module, step):
        changes.append({name: value.detach() - start[name] for name, value in module.named_parameters()})
        return {f"loss_{number}": float(caption_loss(module, batch)["loss"]) for number, batch in enumerate(batches)}

    adamw = make_optimizer(captioner, params)
    history = fit(
        captioner, batches * 2, caption_loss, adamw, make_schedule(adamw, params), params.loop, None, validate
    )

    def values(split: str, name: str) -> list[float]:
        return history.filter(split=split, name=name)["value"].to_list()

    loss_error = relative(3e-6 if rate < 1e-4 else 1e-5)
    assert values("train", "loss") == pytest.approx(expected["losses_before_each_step"], **loss_error), where
    for place, part in enumerate(("after_3_steps", "after_6_steps")):
        after = [values("val", f"loss_{number}")[place] for number in range(3)]
        assert after == pytest.approx(expected[part]["loss_on_batches_0_1_2"], **loss_error), (where, part)
        for group, norm in expected[part]["change_norm"].items():
            root = {"gpt": "language_model.", "clip_project": "mapper."}[group]
            members = [change.norm() for name, change in changes[place].items() if name.startswith(root)]
            assert float(torch.stack(members).norm()) == pytest.approx(norm, rel=1e-5, abs=1e-12), (where, part, group)
    for key, record in expected["after_3_steps"].get("parameters", {}).items():
        change = changes[0][our_name(key)]
        assert float(change.norm()) == pytest.approx(record["norm"], rel=1e-4, abs=1e-9), (where, key)


def test_dropout_of_the_language_model(goldens):
    for case in (Case(goldens / "clipcap", name) for name in CASES):
        for key, expected in case.expected.items():
            if not key.startswith("dropout_"):
                continue
            batch, rate = case.batch(0), float(key.removeprefix("dropout_"))
            captioner = case.captioner(tuned=True, dropout=rate).train()
            with torch.no_grad():
                losses = np.array([float(caption_loss(captioner, batch)["loss"]) for _ in range(expected["draws"])])
                frozen = float(caption_loss(case.captioner(dropout=rate).train(), batch)["loss"])
            error = expected["tuned_loss_std"] / expected["draws"] ** 0.5
            assert losses.mean() == pytest.approx(expected["tuned_loss_mean"], abs=6 * error)
            assert losses.std() == pytest.approx(expected["tuned_loss_std"], rel=0.3)
            assert frozen == pytest.approx(expected["frozen_loss"], **relative(3e-6))


def _decoding_of(setting: str, defaults: dict[str, Any]) -> DecodingParams:
    """From the goldens' names of settings, e.g. `beam3_len10`, `beam5_temp1.5`, `generate2_len7`."""
    parts = dict(zip(("first", "second"), setting.split("_"), strict=False))
    kind, option = parts["first"], parts.get("second", "")
    changes: dict[str, Any] = {"max_tokens": defaults["entry_length"], "temperature": defaults["temperature"]}
    changes |= {"method": "greedy"} if kind == "generate2" else {"method": "beam", "beams": int(kind[4:])}
    changes |= {"max_tokens": int(option[3:])} if option.startswith("len") else {}
    changes |= {"temperature": float(option[4:])} if option.startswith("temp") else {}
    return DecodingParams(batch_size=5, **changes)


def test_decoding(case):
    captioner, decoding = case.captioner(), case.expected["decoding"]
    vectors, stop = case.inputs["decode_vectors_fed"], [decoding["defaults"]["stop_token_id"]]
    settings = {key for item in decoding["items"] for key in item if key.startswith(("beam", "generate2"))}
    assert {"beam5", "generate2"} <= settings
    for setting in sorted(settings):
        items = [item for item in decoding["items"] if setting in item]
        params = _decoding_of(setting, decoding["defaults"])
        found = generate_tokens(captioner, vectors[[item["index"] for item in items]], stop, params)
        for item, hypotheses in zip(items, found, strict=True):
            expected, where = item[setting], (case.name, setting, item["index"])
            if setting.startswith("generate2"):
                assert hypotheses[0].tokens == expected["tokens"], where
                continue
            assert [hypothesis.tokens for hypothesis in hypotheses] == expected["tokens"], where
            assert [len(hypothesis.tokens) for hypothesis in hypotheses] == expected["lengths"], where
            assert [hypothesis.finished for hypothesis in hypotheses] == expected["finished"], where
            scores = [hypothesis.score for hypothesis in hypotheses]
            assert scores == pytest.approx(expected["scores"], rel=0, abs=1e-5), where


@torch.no_grad()
def test_normalisation_of_image_vectors(case):
    fed = [item["index"] for item in case.expected["decoding"]["items"] if item["fed_normalised"]]
    if not fed:
        pytest.skip("no vector of this case was normalised")
    ours = case.captioner(normalize=True).prefix(case.inputs["decode_vectors_raw"][fed])
    expected = case.captioner().prefix(case.inputs["decode_vectors_fed"][fed])
    torch.testing.assert_close(ours, expected, atol=2e-5, rtol=0)


@pytest.fixture(scope="module")
def tokenizer(goldens):
    folder = goldens / "clipcap" / "tokenizer"
    return GPT2Tokenizer(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"))


@pytest.mark.parametrize("name", ["coco_style", "shared_rows"])
def test_feature_pickles(goldens, tokenizer, name):
    folder = goldens / "clipcap" / "features"
    facts = json.loads((folder / f"{name}.json").read_text())
    expected = np.load(folder / f"{name}.expected.npz")
    found = read_features(folder / f"{name}.pkl")

    assert found.features_MD.dtype == np.dtype(facts["embedding_dtype"])
    np.testing.assert_array_equal(found.features_MD, expected["clip_embedding"])
    assert found.captions["row"].to_list() == expected["row_of_caption"].tolist()
    assert found.captions["image_id"].to_list() == [str(record["image_id"]) for record in facts["captions"]]
    assert found.captions["caption"].to_list() == [record["caption"] for record in facts["captions"]]

    examples = tokenize_captions(found.captions, tokenizer, ExampleParams(reference=True))
    limit = facts["max_seq_len"]
    tokens = [np.asarray(ids) for ids in examples["tokens"].to_list()]
    assert [ids.tolist() for ids in tokens] == [record["tokens"][:limit] for record in facts["captions"]]
    assert examples["cut"].to_list() == (expected["token_length"] > limit).tolist()

    batch = collate(found.features_MD[found.captions["row"]], tokens, reference=True)
    length = batch.tokens_NL.shape[1]
    np.testing.assert_array_equal(batch.tokens_NL.numpy(), expected["tokens"][:, :length])
    np.testing.assert_array_equal(batch.features_ND.numpy(), expected["prefix"].astype(np.float32))
    real = expected["mask"][:, facts["prefix_length"] :].astype(bool)
    pad = batch.tokens_NL.numpy() == 0
    np.testing.assert_array_equal(batch.targets_NL.numpy() == IGNORED, pad)
    assert [len(ids) for ids in tokens] == real.sum(1).tolist()
    assert not real[:, length:].any()


@pytest.mark.parametrize("name", ["coco_style", "shared_rows"])
def test_token_caches(goldens, name):
    folder = goldens / "clipcap" / "features"
    expected = np.load(folder / f"{name}.expected.npz")
    tokens, rows, longest = read_token_cache(folder / f"{name}_tokens.pkl")
    records = json.loads((folder / f"{name}.json").read_text())["captions"]
    assert longest == max(len(record["tokens"]) for record in records)
    np.testing.assert_array_equal(rows, expected["row_of_caption"])
    assert [len(ids) for ids in tokens] == [len(record["tokens"]) for record in records]


@pytest.mark.parametrize("name", ["coco_style", "shared_rows"])
def test_one_vector_per_image(goldens, name):
    found = read_features(goldens / "clipcap" / "features" / f"{name}.pkl")
    image_ids, features = found.by_image()
    rows = found.captions.join(pl.DataFrame({"image_id": image_ids}).with_row_index("place"), on="image_id", how="left")
    by_caption = features[rows.sort("row", maintain_order=True)["place"]]
    np.testing.assert_array_equal(by_caption, found.features_MD[rows.sort("row", maintain_order=True)["row"]])
