"""Parity with the original X-VLM, both image encoders: checkpoints, regions, losses, boxes, a step."""

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

from visual_relations.vision_language.captions import clean_caption
from visual_relations.vision_language.checkpoints.interpolation import resize_positions, resize_window_bias
from visual_relations.vision_language.checkpoints.key_tables import key_table
from visual_relations.vision_language.checkpoints.translate import to_ours, to_theirs
from visual_relations.vision_language.losses.boxes import box_losses, generalised_iou, iou, to_corners
from visual_relations.vision_language.losses.contrastive import in_batch_contrast
from visual_relations.vision_language.losses.ignored import IGNORED
from visual_relations.vision_language.losses.masked_language import masked_language_loss, masked_token_logits
from visual_relations.vision_language.losses.matching import Negatives, matching_loss, negative_weights
from visual_relations.vision_language.model import VisionLanguageModel
from visual_relations.vision_language.optimiser import make_optimiser, parameter_groups
from visual_relations.vision_language.params import ModelParams, SwinParams, TextParams, ViTParams
from visual_relations.vision_language.regions import WHOLE_IMAGE, View, patch_mask, place_regions
from visual_relations.vision_language.scoring import Scorer

STATES, LOSSES, PROBABILITIES, INTERPOLATION = 5e-5, 2e-5, 1e-5, 1e-6


@dataclass
class Original:
    """One of the two golden models with everything recorded about it."""

    folder: Path
    settings: dict[str, Any]
    config: ModelParams
    weights: dict[str, Tensor]
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    scalars: dict[str, Any]

    def model(self, **changes: Any) -> VisionLanguageModel:
        config = self.config.model_copy(update={"vision": self.config.vision.model_copy(update=changes)})
        model = VisionLanguageModel(config).eval()
        tensors, report = to_ours(self.weights, key_table(config, "xvlm"), config)
        assert report.missing == ()
        assert report.unused == ()
        model.load_state_dict(tensors, strict=False)
        return model

    def batch(self, part: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(f"{part}."): value for name, value in self.inputs.items() if name.startswith(f"{part}.")
        }

    def golden(self, part: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(f"{part}."): value for name, value in self.outputs.items() if name.startswith(f"{part}.")
        }

    @property
    def images(self) -> Tensor:
        return self.inputs["general.image"].float()


@pytest.fixture(scope="module")
def folder(goldens: Path) -> Path:
    return goldens / "xvlm"


@pytest.fixture(scope="module", params=["vit", "swin"])
def original(folder: Path, request: pytest.FixtureRequest) -> Original:
    own = folder / request.param
    settings = json.loads((own / "config.json").read_text())
    bert = settings["bert"]
    config = ModelParams(
        vision=_vision(settings["vision"]),
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
        embedding=settings["embed_dim"],
        match_head="mlp",
        box_head=True,
    )
    weights, inputs, outputs = (load_file(own / f"{name}.safetensors") for name in ("pretrain", "inputs", "outputs"))
    return Original(own, settings, config, weights, inputs, outputs, json.loads((own / "scalars.json").read_text()))


def _vision(own: dict[str, Any]) -> ViTParams | SwinParams:
    shared = {"image_size": own["image_res"], "mlp_ratio": own["mlp_ratio"], "layer_norm_eps": own["layer_norm_eps"]}
    if own["kind"] == "vit":
        names = ("patch_size", "width", "depth", "heads")
        return ViTParams(**shared, **{name: own[name] for name in names}, masked_depth=own["local_attn_depth"])
    return SwinParams(
        **shared,
        patch_size=own["swin_patch_size"],
        window=own["window_size"],
        width=own["embed_dim"],
        depths=own["depths"],
        heads=own["num_heads"],
        drop_path=0.0,
    )


def _close(ours: Tensor, golden: Tensor, tolerance: float = STATES) -> None:
    torch.testing.assert_close(ours.detach(), golden.to(ours.dtype), atol=tolerance, rtol=0)


def _losses(
    model: VisionLanguageModel, original: Original, part: str, golden: dict[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """Losses of a caption batch ("general") or region batch ("region"); with `golden`, all it computes is compared."""
    batch = original.batch(part)
    model.clamp_temperature()
    ids, mask = batch["text_ids"], batch["text_atts"]
    if part == "region":
        scope = "vit_last+cross" if original.settings["vision"]["kind"] == "vit" else "cross"
        index = batch["idx_to_group_img"]
        regions = model.encode_regions(original.images, index, batch["image_atts"], scope, with_images=True)
        image, image_mask, whole = regions.tokens, regions.mask, regions.images[index]
    else:
        image, image_mask, whole = model.encode_images(original.images), None, None
    states = model.encode_texts(ids, mask)
    contrast = in_batch_contrast(model.image_features(image), model.text_features(states), model.temperature)
    negatives = Negatives(batch["itm_neg_image_idx"], batch["itm_neg_text_idx"])
    matching = matching_loss(model, states, mask, image, image_mask, negatives)
    labels = _labels(batch)
    losses = {
        "loss_itc": contrast.loss,
        "loss_itm": matching.loss,
        "loss_mlm": masked_language_loss(model, batch["text_ids_masked"], labels, mask, image, image_mask),
    }
    if whole is not None:
        boxes = model.boxes(model.fuse(states, mask, whole))
        found = box_losses(boxes, batch["target_bbox"], batch["is_image"])
        losses |= {"loss_bbox": found.distance, "loss_giou": found.overlap}
    if golden is not None:
        _close(image, golden["image_embeds"])
        _close(states, golden["text_embeds"])
        _close(model.image_features(image), golden["image_feat"])
        _close(model.text_features(states), golden["text_feat"])
        _close(contrast.image_to_text, golden["itc_logits"])
        _close(negative_weights(contrast.image_to_text), golden["itm_weights_i2t"], PROBABILITIES)
        _close(negative_weights(contrast.text_to_image), golden["itm_weights_t2i"], PROBABILITIES)
        _close(matching.logits, golden["itm_logits"])
        where = labels != IGNORED
        logits = masked_token_logits(model, batch["text_ids_masked"], mask, image, image_mask, where)
        _close(logits, _at_places(golden["mlm_logits"], batch))
        if whole is not None:
            _close(whole, golden["image_embeds_fullatts"])
            _close(boxes, golden["bbox_coord"])
            pairwise = generalised_iou(to_corners(boxes), to_corners(batch["target_bbox"]))
            _close(pairwise, golden["bbox_giou_pairwise"])
    return losses


def _labels(batch: dict[str, Tensor]) -> Tensor:
    """The original keeps places and words of what is hidden; here labels lie where the words are."""
    labels = torch.full_like(batch["text_ids"], IGNORED)
    for row, (places, words) in enumerate(zip(batch["masked_pos"], batch["masked_ids"], strict=True)):
        labels[row, places[words != IGNORED]] = words[words != IGNORED]
    return labels


def _at_places(logits: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """The original's scores of hidden words, in the order of their places in the text."""
    rows = []
    for row, (places, words) in enumerate(zip(batch["masked_pos"], batch["masked_ids"], strict=True)):
        valid = (words != IGNORED).nonzero()[:, 0]
        rows.append(logits[row, valid[places[valid].argsort()]])
    return torch.cat(rows)


@pytest.mark.parametrize("part", ["general", "region"])
def test_a_batch(original: Original, part: str) -> None:
    losses = _losses(original.model(), original, part, original.golden(part))
    for name, loss in losses.items():
        assert loss.item() == pytest.approx(original.scalars[part][name], abs=LOSSES)
    assert sum(losses.values()).item() == pytest.approx(original.scalars[part]["loss_total"], abs=LOSSES)


def test_match_scores_of_all_pairs(original: Original) -> None:
    scorer, batch, golden = Scorer(original.model()), original.batch("match"), original.golden("match")
    texts = scorer.encode_ids(batch["text_ids"], batch["text_atts"])
    pairs = [(i, j) for i in range(golden["score"].shape[0]) for j in range(golden["score"].shape[1])]
    logits = scorer.match_logits(scorer.encode_images(original.images), texts, pairs)
    _close(logits.reshape(golden["logits"].shape), golden["logits"])
    _close(logits.softmax(-1)[:, 1].reshape(golden["score"].shape), golden["score"], PROBABILITIES)


def test_the_same_file_at_another_image_size(original: Original) -> None:
    own, golden, batch = original.settings["vision"], original.golden("other_res"), original.batch("general")
    window = {"window": own["other_window_size"]} if own["kind"] == "swin" else {}
    model = original.model(image_size=own["other_res"], **window)
    tensors = to_theirs(model.state_dict(), key_table(model.config, "xvlm"))
    for name, value in golden.items():
        if name in tensors:
            _close(tensors[name], value, INTERPOLATION)
    if "pos_embed" in golden:
        _close(tensors["vision_encoder.pos_embed"], golden["pos_embed"], INTERPOLATION)
    image = model.encode_images(original.inputs["other_res.image"].float())
    _close(image, golden["image_embeds"])
    ids, mask = batch["text_ids"][: len(image)], batch["text_atts"][: len(image)]
    fused = model.fuse(model.encode_texts(ids, mask), mask, image)
    _close(model.match_logits(fused), golden["itm_logits"])


def test_gradients_and_step(original: Original) -> None:
    kind = original.settings["vision"]["kind"]
    golden = {
        name.removeprefix(f"{kind}."): value
        for name, value in load_file(original.folder.parent / "step.safetensors").items()
        if name.startswith(f"{kind}.")
    }
    digests = json.loads((original.folder / "step_digests.json").read_text())
    table, model = key_table(original.config, "xvlm"), original.model()
    for part in ("region", "general"):
        model.zero_grad()
        sum(_losses(model, original, part).values()).backward()
        gradients = to_theirs({n: p.grad for n, p in model.named_parameters() if p.grad is not None}, table)
        assert not set(digests[f"{part}_no_gradient"]) & {n for n, g in gradients.items() if g.abs().max() > 0}
        for name, value in golden.items():
            if name.startswith(f"{part}.grad."):
                ours = gradients[name.removeprefix(f"{part}.grad.")]
                torch.testing.assert_close(ours, value, rtol=1e-3, atol=1e-4)
        for name, digest in digests[part].items():
            # The true gradient of key biases is 0.
            if not name.endswith(("key.bias", "qkv.bias")):
                assert gradients[name].norm().item() == pytest.approx(digest["l2"], rel=1e-3, abs=1e-4)
    settings = original.settings["optimiser"]
    groups = parameter_groups(model, settings["lr"], settings["weight_decay"], "xvlm", settings["lr_mult"])
    for ours, theirs in _matching_groups(groups, digests["optimiser"]["groups"]):
        assert set(to_theirs(dict.fromkeys(ours["names"], torch.zeros(1)), table)) == set(theirs["names"])
    make_optimiser("legacy_adamw", groups, settings["betas"], settings["eps"]).step()
    after = to_theirs(model.state_dict(), table)
    for name, value in golden.items():
        if name.startswith("general.after_step."):
            _close(after[name.removeprefix("general.after_step.")], value, 5e-6)
    losses = _losses(model, original, "general")
    for name, value in original.scalars["general"]["after_one_step"].items():
        assert losses[name].item() == pytest.approx(value, abs=LOSSES)


def _matching_groups(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    kinds = {(group["lr"], group["weight_decay"]): group for group in ours}
    assert len(kinds) == len(theirs)
    return [(kinds[group["lr"], group["weight_decay"]], group) for group in theirs]


def test_a_pretraining_file_starts_retrieval_fine_tuning(original: Original) -> None:
    golden = json.loads((original.folder / "retrieval_from_pretrain_keys.json").read_text())["rename"]
    tables = [{key.ours: key.theirs for key in key_table(original.config, kind)} for kind in ("xvlm", "xvlm_retrieval")]
    renamed = {name: tables[1][ours] for ours, name in tables[0].items() if ours in tables[1] and name in golden}
    assert renamed
    assert renamed == {name: golden[name] for name in renamed}


def test_interpolations(folder: Path) -> None:
    golden = load_file(folder / "interpolation.safetensors")
    for name in (name for name in golden if name.endswith(".in")):
        size = int(name.removesuffix(".in").rsplit("_", 1)[1])
        resize = resize_window_bias if name.startswith("window") else resize_positions
        _close(resize(golden[name], size), golden[name.replace(".in", ".out")], INTERPOLATION)


def test_patches_of_a_box(folder: Path) -> None:
    for case in json.loads((folder / "region_masks.json").read_text())["cases"]:
        assert np.flatnonzero(patch_mask(case["box_xywh"], case["grid"], case["patch"])).tolist() == case["on"]


def test_regions_of_a_view(folder: Path) -> None:
    for line in (folder / "region_geometry.jsonl").read_text().splitlines():
        case = json.loads(line)
        size, cell = case["image_res"], case["patch_size"]
        caption = int(case["has_caption"])
        placed = place_regions(
            case["boxes_xywh"],
            View(tuple(case["crop_x0y0wh"]), case["hflip"]),
            size,
            case["element_order"],
            case["max_regions"] - caption,
            case["min_perc_in_image"],
        )
        targets = np.concatenate([np.array([WHOLE_IMAGE] * caption).reshape(-1, 4), placed.targets])
        assert np.allclose(targets, case["target_bbox"], atol=1e-6)
        assert case["is_image"] == [1] * caption + [0] * len(placed.rows)
        boxes = [(0, 0, size, size)] * caption + [tuple(box) for box in placed.pixels]
        masks = [np.flatnonzero(patch_mask(box, size // cell, cell)).tolist() for box in boxes]
        assert masks == case["image_atts_on"]


def test_boxes(folder: Path) -> None:
    golden, scalars = load_file(folder / "boxes.safetensors"), json.loads((folder / "boxes.json").read_text())
    predicted, target = golden["pred_cxcywh"], golden["target_cxcywh"]
    _close(iou(to_corners(predicted), to_corners(target)), golden["iou"], INTERPOLATION)
    _close(generalised_iou(to_corners(predicted), to_corners(target)), golden["giou"], INTERPOLATION)
    for name, expected in scalars.items():
        truth = golden["target_degenerate_cxcywh"] if name.startswith("degenerate") else target
        found = box_losses(predicted, truth, golden["is_image"] if name.endswith("with_is_image") else None)
        assert found.distance.item() == pytest.approx(expected["loss_bbox"], abs=INTERPOLATION)
        assert found.overlap.item() == pytest.approx(expected["loss_giou"], abs=INTERPOLATION)


def test_caption_cleaning(folder: Path) -> None:
    for case in json.loads((folder / "caption_cleaning.json").read_text())["cases"]:
        # The original raises where nothing is left.
        assert clean_caption(case["in"], case["max_words"]) == (case["out"] or "")
