"""Parity with the original ALBEF: its checkpoints load, and features, losses, queues, copies and steps are the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from visual_relations.metrics.matching.retrieval import image_ranks, recall_rows, text_ranks
from visual_relations.vision_language.checkpoints.interpolation import resize_positions
from visual_relations.vision_language.checkpoints.key_tables import key_table, momentum_table
from visual_relations.vision_language.checkpoints.translate import to_ours, to_theirs
from visual_relations.vision_language.losses.contrastive import Contrast, momentum_contrast, positives
from visual_relations.vision_language.losses.masked_language import (
    masked_language_loss,
    masked_token_logits,
    token_loss,
)
from visual_relations.vision_language.losses.matching import Negatives, matching_loss, negative_weights
from visual_relations.vision_language.masking import hide
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.momentum import Teacher, TeacherParams
from visual_relations.vision_language.optimiser import make_optimiser, parameter_groups
from visual_relations.vision_language.params import ModelParams, TextParams, ViTParams
from visual_relations.vision_language.scoring import Scorer

STATES, LOSSES, PROBABILITIES, INTERPOLATION = 5e-5, 2e-5, 1e-5, 1e-6


@dataclass
class Original:
    """One of the two golden models with everything recorded about it."""

    settings: dict[str, Any]
    specials: dict[str, int]
    weights: dict[str, Tensor]
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    config: ModelParams
    layout: Any

    def model(self, **changes: Any) -> VisionLanguageModel:
        vision = self.config.vision.model_copy(update=changes)
        config = self.config.model_copy(update={"vision": vision})
        model = VisionLanguageModel(config).eval()
        tensors, report = to_ours(self.weights, key_table(config, self.layout), config)
        assert all("token_head" in name for name in report.missing)
        model.load_state_dict(tensors, strict=False)
        return model

    def teacher(self) -> Teacher:
        params = TeacherParams(
            model=self.config,
            queue=self.settings["queue_size"],
            momentum=self.settings["momentum"],
            identities=self.layout == "albef_retrieval",
        )
        teacher = Teacher(params).eval()
        tensors, report = to_ours(self.weights, momentum_table(self.config, self.layout), self.config)
        assert all("token_head" in name for name in report.missing)
        teacher.load_state_dict(tensors, strict=False)
        return teacher

    @property
    def images(self) -> Tensor:
        return self.inputs["image"].float()


@dataclass
class Forward:
    """What one training forward computes."""

    contrast: Contrast
    image: Tensor
    states: Tensor
    teacher_image: Tensor
    losses: dict[str, Tensor]


def _original(folder: Path, part: str) -> Original:
    settings = json.loads((folder / "config.json").read_text())
    own = settings[part]
    vit, bert = own["vit"], own["bert"]
    config = ModelParams(
        vision=ViTParams(
            image_size=own["image_res"],
            patch_size=own["patch_size"],
            width=vit["width"],
            depth=vit["depth"],
            heads=vit["heads"],
            mlp_ratio=vit["mlp_ratio"],
            layer_norm_eps=vit["layer_norm_eps"],
            masked_depth=0,
        ),
        text=TextParams(
            vocabulary=bert["vocab_size"],
            width=bert["hidden_size"],
            layers=bert["num_hidden_layers"],
            fusion_from=bert["fusion_layer"],
            heads=bert["num_attention_heads"],
            mlp_width=bert["intermediate_size"],
            max_positions=bert["max_position_embeddings"],
            dropout=0.0,
            layer_norm_eps=bert["layer_norm_eps"],
        ),
        embedding=own["embed_dim"],
    )
    prefix = "" if part == "pretrain" else "retrieval_"
    return Original(
        settings=own,
        specials=settings["special_ids"],
        weights=load_file(folder / f"{part}.safetensors"),
        inputs=load_file(folder / f"{prefix}inputs.safetensors"),
        outputs=load_file(folder / f"{prefix}outputs.safetensors"),
        config=config,
        layout="albef" if part == "pretrain" else "albef_retrieval",
    )


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "albef"


@pytest.fixture(scope="module")
def pretraining(folder: Path) -> Original:
    return _original(folder, "pretrain")


@pytest.fixture(scope="module")
def retrieval(folder: Path) -> Original:
    return _original(folder, "retrieval")


@pytest.fixture(scope="module")
def scalars(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "scalars.json").read_text())


def _close(ours: Tensor, golden: Tensor, tolerance: float = STATES) -> None:
    torch.testing.assert_close(ours.detach(), golden.to(ours.dtype), atol=tolerance, rtol=0)


def _forward(original: Original, model: VisionLanguageModel, teacher: Teacher, alpha: float) -> Forward:
    """One pretraining forward with the recorded draws, in the original's order."""
    inputs = original.inputs
    model.clamp_temperature()
    image, mask = model.encode_images(original.images), inputs["attention_mask"]
    states = model.encode_texts(inputs["input_ids"], mask)
    teacher.follow(model)
    with torch.no_grad():
        teacher_image = teacher.model.encode_images(original.images)
        image_m = teacher.model.image_features(teacher_image)
        text_m = teacher.model.text_features(teacher.model.encode_texts(inputs["input_ids"], mask))
    contrast = momentum_contrast(
        model.image_features(image),
        model.text_features(states),
        image_m,
        text_m,
        teacher.keys(image_m, teacher.image_queue),
        teacher.keys(text_m, teacher.text_queue),
        model.temperature,
        alpha,
    )
    teacher.enqueue(image_m, text_m)
    negatives = Negatives(inputs["itm_neg_image_idx"], inputs["itm_neg_text_idx"])
    losses = {
        "loss_ita": contrast.loss,
        "loss_itm": matching_loss(model, states, mask, image, None, negatives).loss,
        "loss_mlm": masked_language_loss(
            model,
            inputs["mlm_input_ids"],
            inputs["mlm_labels"],
            mask,
            image,
            teacher=teacher.model,
            teacher_image_BTD=teacher_image,
            alpha=alpha,
        ),
    }
    return Forward(contrast, image, states, teacher_image, losses | {"loss_total": sum(losses.values())})


def test_the_checkpoint_is_read_whole(pretraining: Original, retrieval: Original) -> None:
    for original in (pretraining, retrieval):
        online = key_table(original.config, original.layout)
        table = [*online, *momentum_table(original.config, original.layout)]
        _, report = to_ours(original.weights, table, original.config)
        assert report.unused == ()
        assert all("token_head" in name for name in report.missing)
        back = to_theirs(to_ours(original.weights, table, original.config)[0], table)
        assert all(torch.equal(back[name], original.weights[name]) for name in back)


def test_features_and_states(pretraining: Original) -> None:
    model, inputs, outputs = pretraining.model(), pretraining.inputs, pretraining.outputs
    image, mask = model.encode_images(pretraining.images), inputs["attention_mask"]
    states = model.encode_texts(inputs["input_ids"], mask)
    _close(image, outputs["image_embeds"])
    _close(states, outputs["text_embeds"])
    _close(model.image_features(image), outputs["image_feat"])
    _close(model.text_features(states), outputs["text_feat"])
    fused = model.fuse(states, mask, image)
    _close(fused, outputs["fusion_pos"])
    _close(fused, outputs["multimodal_clean"])
    partial = model.fuse(states, mask, image, inputs["partial_image_atts"])
    _close(partial, outputs["fusion_partial_image_mask"])


def test_the_forward_with_its_queues_and_copies(pretraining: Original, scalars: dict[str, Any], folder: Path) -> None:
    model, teacher = pretraining.model(), pretraining.teacher()
    inputs, outputs = pretraining.inputs, pretraining.outputs
    done = _forward(pretraining, model, teacher, float(inputs["alpha"]))
    _close(done.teacher_image, outputs["image_embeds_m"])
    _close(done.contrast.image_to_text, outputs["sim_i2t"])
    _close(done.contrast.text_to_image, outputs["sim_t2i"])
    _close(negative_weights(done.contrast.image_to_text, floor=0), outputs["itm_weights_i2t"], PROBABILITIES)
    _close(negative_weights(done.contrast.text_to_image, floor=0), outputs["itm_weights_t2i"], PROBABILITIES)
    _close(teacher.image_queue, outputs["image_queue_after"])
    _close(teacher.text_queue, outputs["text_queue_after"])
    assert torch.equal(teacher.position, outputs["queue_ptr_after"])
    negatives = Negatives(inputs["itm_neg_image_idx"], inputs["itm_neg_text_idx"])
    matching = matching_loss(model, done.states, inputs["attention_mask"], done.image, None, negatives)
    _close(matching.logits, outputs["itm_logits"])
    for name, loss in done.losses.items():
        assert loss.item() == pytest.approx(scalars[name], abs=LOSSES)
    _copies_are(teacher, load_file(folder / "step.safetensors"), "ema_step1.", pretraining)


def test_word_scores_at_all_places(pretraining: Original, scalars: dict[str, Any]) -> None:
    model, teacher = pretraining.model(), pretraining.teacher()
    inputs, outputs = pretraining.inputs, pretraining.outputs
    teacher.follow(model)
    where = inputs["attention_mask"].bool()
    logits = []
    for each, name in ((model, "mlm_logits"), (teacher.model, "mlm_logits_m")):
        image = each.encode_images(pretraining.images)
        logits.append(masked_token_logits(each, inputs["mlm_input_ids"], inputs["attention_mask"], image, None, where))
        _close(logits[-1], outputs[name][where])
    labels = inputs["mlm_labels"][where]
    scored = labels >= 0
    pair = [each[scored] for each in logits]
    assert token_loss(pair[0], labels[scored]).item() == pytest.approx(scalars["loss_mlm_hard"], abs=LOSSES)
    soft = token_loss(pair[0], labels[scored], pair[1], alpha=1.0)
    assert soft.item() == pytest.approx(scalars["loss_mlm_soft"], abs=LOSSES)


def test_other_alphas_and_temperatures(pretraining: Original, scalars: dict[str, Any]) -> None:
    for variant, expected in scalars["variants"].items():
        name, value = variant.split("=")
        model, teacher = pretraining.model(), pretraining.teacher()
        if name == "temp":
            model.temperature.data.fill_(float(value))
        alpha = float(value) if name == "alpha" else float(pretraining.inputs["alpha"])
        losses = _forward(pretraining, model, teacher, alpha).losses
        for loss, golden in expected.items():
            if loss == "temp_after":
                assert float(model.temperature) == pytest.approx(golden)
            else:
                assert losses[loss].item() == pytest.approx(golden, rel=1e-5, abs=LOSSES)


def test_hidden_words(pretraining: Original) -> None:
    draw = {name.removeprefix("mlm_"): value.numpy() for name, value in pretraining.inputs.items() if "mlm" in name}
    ids = pretraining.inputs["input_ids"].numpy()
    special = np.isin(ids, [pretraining.specials["pad"], pretraining.specials["cls"]])
    hidden, labels = hide(
        ids,
        draw["draw_select"].astype(bool) & ~special,
        draw["draw_mask"].astype(bool),
        draw["draw_random"].astype(bool),
        draw["random_ids"],
        pretraining.specials["mask"],
    )
    assert np.array_equal(hidden, draw["input_ids"])
    assert np.array_equal(labels, draw["labels"])


def test_gradients_step_and_second_forward(pretraining: Original, scalars: dict[str, Any], folder: Path) -> None:
    golden, digests = load_file(folder / "step.safetensors"), json.loads((folder / "step_digests.json").read_text())
    settings = json.loads((folder / "config.json").read_text())["optimiser"]
    table, alpha = key_table(pretraining.config, "albef"), float(pretraining.inputs["alpha"])
    model, teacher = pretraining.model(), pretraining.teacher()
    _forward(pretraining, model, teacher, alpha).losses["loss_total"].backward()
    ours = {name: each.grad for name, each in model.named_parameters() if each.grad is not None}
    gradients = to_theirs(ours, table)
    for name, value in golden.items():
        if name.startswith("grad."):
            torch.testing.assert_close(gradients[name.removeprefix("grad.")], value, rtol=1e-3, atol=1e-4)
    for name, digest in digests["gradients_step1"].items():
        # The true gradient of key biases is 0.
        if name in gradients and not name.endswith(("key.bias", "qkv.bias")):
            assert float(gradients[name].norm()) == pytest.approx(digest["l2"], rel=1e-3, abs=1e-4)

    groups = parameter_groups(model, settings["lr"], settings["weight_decay"], "albef")
    for group in groups:
        theirs = to_theirs(dict.fromkeys(group["names"], torch.zeros(1)), table)
        golden_names = {
            n for g in digests["optimiser"]["groups"] if g["weight_decay"] == group["weight_decay"] for n in g["names"]
        }
        assert set(theirs) == golden_names
    make_optimiser("adamw", groups, settings["betas"], settings["eps"]).step()
    after = to_theirs(model.state_dict(), table)
    for name, value in golden.items():
        if name.startswith("after_step."):
            _close(after[name.removeprefix("after_step.")], value, 1e-6)
    losses = _forward(pretraining, model, teacher, alpha).losses
    for name in ("loss_ita", "loss_itm", "loss_mlm", "loss_total"):
        assert losses[name].item() == pytest.approx(scalars["step2"][name], abs=LOSSES)
    _copies_are(teacher, golden, "ema_step2.", pretraining)


def _copies_are(teacher: Teacher, golden: dict[str, Tensor], prefix: str, original: Original) -> None:
    copies = to_theirs(teacher.state_dict(), momentum_table(original.config, original.layout))
    names = [name for name in golden if name.startswith(prefix)]
    assert names
    for name in names:
        _close(copies[name.removeprefix(prefix)], golden[name], 1e-6)


def test_position_interpolation(folder: Path) -> None:
    golden = load_file(folder / "pos_embed_interpolation.safetensors")
    for name in (name for name in golden if name.endswith(".in")):
        grid = int(name.removesuffix(".in").rsplit("_", 1)[1])
        _close(resize_positions(golden[name], grid), golden[name.replace(".in", ".out")], INTERPOLATION)


def test_the_same_file_at_another_image_size(pretraining: Original) -> None:
    model, inputs = pretraining.model(image_size=pretraining.settings["hi_res"]), pretraining.inputs
    image = model.encode_images(inputs["image_hi_res"].float())
    positions = model.vision.vit.embeddings.position_embeddings
    _close(positions, pretraining.outputs["pos_embed_hi_res"], INTERPOLATION)
    _close(image, pretraining.outputs["image_embeds_hi_res"])
    rows = len(image)
    mask = inputs["attention_mask"][:rows]
    fused = model.fuse(model.encode_texts(inputs["input_ids"][:rows], mask), mask, image)
    _close(model.match_logits(fused), pretraining.outputs["itm_logits_hi_res"])


def test_match_scores_of_all_pairs(pretraining: Original) -> None:
    scorer, inputs = Scorer(pretraining.model()), pretraining.inputs
    images = scorer.encode_images(pretraining.images)
    texts = scorer.encode_ids(inputs["match_text_ids"], inputs["match_text_atts"])
    golden = pretraining.outputs["match_score"]
    pairs = [(i, j) for i in range(golden.shape[0]) for j in range(golden.shape[1])]
    logits = scorer.match_logits(images, texts, pairs)
    _close(logits.reshape(*golden.shape, 2), pretraining.outputs["match_logits"])
    _close(logits.softmax(-1)[:, 1].reshape(golden.shape), golden, PROBABILITIES)


def test_retrieval_training_forward(retrieval: Original, scalars: dict[str, Any]) -> None:
    model, teacher, inputs, outputs = retrieval.model(), retrieval.teacher(), retrieval.inputs, retrieval.outputs
    image, mask, same = model.encode_images(retrieval.images), inputs["attention_mask"], inputs["idx"]
    states = model.encode_texts(inputs["input_ids"], mask)
    _close(image, outputs["image_embeds"])
    _close(states, outputs["text_embeds"])
    teacher.follow(model)
    image_m = teacher.model.image_features(teacher.model.encode_images(retrieval.images))
    text_m = teacher.model.text_features(teacher.model.encode_texts(inputs["input_ids"], mask))
    _close(image_m, outputs["image_feat_m"])
    _close(text_m, outputs["text_feat_m"])
    same_BK = same[:, None] == teacher.identity_keys(same)[None]
    _close(same_BK.float(), outputs["pos_idx"], 0)
    _close(positives(image.new_zeros(same_BK.shape), same_BK), outputs["sim_targets"], PROBABILITIES)
    contrast = momentum_contrast(
        model.image_features(image),
        model.text_features(states),
        image_m,
        text_m,
        teacher.keys(image_m, teacher.image_queue),
        teacher.keys(text_m, teacher.text_queue),
        model.temperature,
        float(inputs["alpha"]),
        same_BK,
    )
    _close(contrast.image_to_text, outputs["sim_i2t"])
    _close(contrast.text_to_image, outputs["sim_t2i"])
    same_BB = same_BK[:, : len(image)]
    _close(negative_weights(contrast.image_to_text, same_BB, floor=0), outputs["itm_weights_i2t"], PROBABILITIES)
    _close(negative_weights(contrast.text_to_image, same_BB, floor=0), outputs["itm_weights_t2i"], PROBABILITIES)
    negatives = Negatives(inputs["itm_neg_image_idx"], inputs["itm_neg_text_idx"])
    matching = matching_loss(model, states, mask, image, None, negatives)
    _close(matching.logits, outputs["itm_logits"])
    assert contrast.loss.item() == pytest.approx(scalars["retrieval"]["loss_ita"], abs=LOSSES)
    assert matching.loss.item() == pytest.approx(scalars["retrieval"]["loss_itm"], abs=LOSSES)
    teacher.enqueue(image_m, text_m, same)
    for name, golden in (("image_queue", "image_queue"), ("text_queue", "text_queue"), ("identity_queue", "idx_queue")):
        _close(getattr(teacher, name), outputs[f"{golden}_after"])
    assert torch.equal(teacher.position, outputs["queue_ptr_after"])


def test_two_stage_ranking(retrieval: Original, scalars: dict[str, Any]) -> None:
    ranking, inputs = scalars["retrieval"]["ranking"], retrieval.inputs
    scorer = Scorer(retrieval.model())
    images = scorer.encode_images(inputs["rank_image"].float())
    texts = scorer.encode_ids(inputs["rank_input_ids"], inputs["rank_attention_mask"])
    to_text, to_image = scorer.retrieve(images, texts, ranking["k_test"])
    _close(torch.from_numpy(to_text), retrieval.outputs["rank_score_i2t"])
    _close(torch.from_numpy(to_image.T), retrieval.outputs["rank_score_t2i"])
    image_of_text = np.array([ranking["txt2img"][str(text)] for text in range(len(ranking["txt2img"]))])
    found = recall_rows(text_ranks(to_text, image_of_text), image_ranks(to_image, image_of_text))
    recalls = {row["metric"]: 100 * row["value"] for row in found}
    for k in (1, 5, 10):
        assert recalls[f"TR@{k}"] == pytest.approx(ranking["metrics"][f"txt_r{k}"])
        assert recalls[f"IR@{k}"] == pytest.approx(ranking["metrics"][f"img_r{k}"])


def test_a_pretraining_file_starts_retrieval_fine_tuning(pretraining: Original, folder: Path) -> None:
    golden = json.loads((folder / "retrieval_from_pretrain_keys.json").read_text())["rename"]
    kinds = ("albef", "albef_retrieval")
    tables = [{key.ours: key.theirs for key in key_table(pretraining.config, kind)} for kind in kinds]
    renamed = {name: tables[1][ours] for ours, name in tables[0].items() if ours in tables[1] and name in golden}
    assert renamed
    assert renamed == {name: golden[name] for name in renamed}
