"""The grid on a small folder of published features: what is learned, from which pairs, and what is reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from visual_relations.artefacts.workspace import Workspace
from visual_relations.datasets.released_features import Release
from visual_relations.pipelines.crepe_head import nodes, report
from visual_relations.pipelines.crepe_head.pairs import working_pairs
from visual_relations.pipelines.crepe_head.params import GridParams, PruningParams, ReportParams
from visual_relations.pipelines.evaluation.relations import evaluate_relation_predictions, predict_controls
from visual_relations.pipelines.evaluation.relations_params import RelationEvaluationParams

LOOP = {"device": "cpu", "threads": 1, "log_every": 1000}
TRAINING = {"optimizer": "adamw", "learning_rate": 5e-3, "epochs": 6, "batch_size": 64, "loop": LOOP}
GRID: dict[str, Any] = {
    "rows": {
        "labels_only": {"recipe": "reference"},
        "image": {"recipe": "reference", "union": "image"},
        "pseudo_text": {"recipe": "reference", "union": "pseudo_text"},
        "both": {"recipe": "reference", "union": "image", "text": "pseudo_text"},
        "ours": {"recipe": "ours", "union": "image", "geometry": True},
        "crepe": {"recipe": "reference", "union": "learned_prompt"},
    },
    "recipes": {
        "reference": {"head": "uvtranse", "hidden": 32, "embedding": 16, "training": TRAINING},
        "ours": {"head": "fusion", "members": 2, "hidden": 32, "dropout": 0.1, "input_dropout": 0.1,
                 "training": TRAINING | {"logit_adjustment": 1.0}},
    },
    "seeds": [0, 1],
    "protocols": ["annotated_pairs"],
    "calibrations": ["train_est", "dlfe", "logit_adjustment"],
}  # fmt: skip
EVALUATION = RelationEvaluationParams(benchmark="released", ks=(5, 20), protocols=("annotated_pairs",))


def grid(**changes: Any) -> GridParams:
    return GridParams.model_validate(GRID | changes)


class World:
    """The datasets of a folder, and the steps of the pipeline on them."""

    def __init__(self, folder: Path, workspace: Path, params: GridParams) -> None:
        self.release, self.workspace, self.params = Release(folder), Workspace(workspace), params
        self.features = {
            "object_text": self.release.object_text_features(),
            "union_image": self.release.union_image_features(),
            "triplet_text": self.release.triplet_text_features(),
            "pseudo_labels": self.release.pseudo_labels(),
        } | dict.fromkeys(
            ("object_image", "product_text", "product_labels", "handcrafted_prompt", "learned_prompt", "grid_prompts")
        )

    def choose(self) -> tuple[Any, ...]:
        release = self.release
        return nodes.choose_head_pairs(
            release.relation_pairs(), release.candidate_pairs(), release.vocabulary(), self.features["union_image"],
            self.params,
        )  # fmt: skip

    def train(self) -> tuple[Any, ...]:
        *_, vocabulary, _, pairs = self.choose()
        return nodes.train_heads(pairs, vocabulary, self.params, self.workspace, **self.features)

    def measure(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        relations, candidates, vocabulary, triplets, pairs = self.choose()
        heads, calibration, _, costs = self.train()
        predictions = nodes.predict_heads(pairs, vocabulary, self.params, heads, **self.features)
        controls = predict_controls(relations, candidates, vocabulary, EVALUATION)
        metrics, _ = evaluate_relation_predictions(
            relations, candidates, vocabulary, triplets, predictions, controls, calibration, EVALUATION
        )
        return metrics, costs


@pytest.fixture
def world(released_folder: Path, tmp_path: Path) -> World:
    return World(released_folder, tmp_path / "work", grid())


def test_only_predicates_that_training_shows_are_classes(world: World) -> None:
    relations, _, vocabulary, triplets, pairs = world.choose()
    assert vocabulary["predicates"] == ["above", "under", "beside"]
    assert relations["predicate_class"].unique().sort().to_list() == [0, 1, 2]
    assert relations.height < world.release.relation_pairs().height
    assert pairs["readable"].all()
    assert triplets["count"].sum() == 300


def test_heads_calibrations_and_pairs_to_train_on_do_not_change_when_test_labels_and_images_do(
    world: World, released_folder: Path, tmp_path: Path
) -> None:
    before = world.train()
    lines = (released_folder / "test.jsonl").read_text().splitlines()
    changed = [line.replace('"gt_predicate_id": 0, "predicate": "above"', '"gt_predicate_id": 1, "predicate": "under"')
               for line in lines]  # fmt: skip
    assert changed != lines
    (released_folder / "test.jsonl").write_text("\n".join(changed) + "\n")
    with np.load(released_folder / "test.npz") as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(released_folder / "test.npz", **(arrays | {"union_image": -3 * arrays["union_image"]}))
    after = World(released_folder, tmp_path / "other", grid()).train()
    assert before[0].keys() == after[0].keys()
    for key, head in before[0].items():
        for name, weight in head.state_dict().items():
            assert torch.equal(weight, after[0][key].state_dict()[name]), (key, name)
    assert before[1].equals(after[1])
    assert before[2].equals(after[2])


def test_images_of_unknown_size_reach_to_their_furthest_box(world: World) -> None:
    relations = world.choose()[0].with_columns(pl.lit(None, pl.Int32).alias(size) for size in ("width", "height"))
    pairs = working_pairs(relations, relations.drop("predicate_class"), None, PruningParams(), all_pairs=False)
    assert pairs.filter(pl.col("width") < pl.max_horizontal("sx2", "ox2")).is_empty()
    assert pairs["height"].null_count() == 0


def test_rows_whose_features_the_world_lacks_are_left_out(world: World) -> None:
    heads, calibration, history, costs = world.train()
    rows = {"labels_only", "image", "pseudo_text", "both", "ours"}
    assert set(heads) == {f"{row}.annotated_pairs.seed_{seed}" for row in rows for seed in (0, 1)}
    assert set(calibration["method"]) == {"train_est", "dlfe", "logit_adjustment"}
    assert set(history["model"]) == set(costs["model"]) == rows
    assert (costs["seconds"] > 0).all()


def test_a_head_that_sees_the_picture_beats_the_controls_and_the_report_says_so(world: World) -> None:
    metrics, costs = world.measure()
    table = report.tabulate_grid(metrics, costs)
    nested, figure = report.report_grid(table, metrics, ReportParams(benchmark="released"))
    models = nested["protocols"]["annotated_pairs"]
    assert models["chance"]["control"]
    assert not models["ours"]["control"]

    def recall(model: str, calibration: str = "none") -> float:
        return models[model]["calibrations"][calibration]["mR@20"]["mean"]

    for model in ("image", "ours"):
        assert recall(model) > max(recall("labels_only"), recall("frequency_prior")) + 0.2
    assert recall("image", "train_est") > 0
    assert models["ours"]["calibrations"]["none"]["mR@20"]["seeds"] == 2
    assert len(figure.data) > 0


def test_held_out_training_images_stand_in_for_a_test_split_that_is_not_used(
    released_folder: Path, tmp_path: Path
) -> None:
    everything, held = (
        World(released_folder, tmp_path / "w", grid(holdout=share)).choose()[-1] for share in (0.0, 0.3)
    )
    train, test = (set(held.filter(pl.col("split") == split)["image_id"]) for split in ("train", "test"))
    assert train
    assert test
    assert not train & test
    assert train | test == set(everything.filter(pl.col("split") == "train")["image_id"])


def test_bf16_and_another_device_name_change_speed_only(world: World, released_folder: Path, tmp_path: Path) -> None:
    low = GRID["recipes"]["ours"] | {"training": TRAINING | {"loop": LOOP | {"precision": "bf16"}}}
    params = grid(rows={"ours": GRID["rows"]["ours"]}, recipes={"ours": low}, seeds=[0])
    full = grid(rows={"ours": GRID["rows"]["ours"]}, recipes={"ours": low | {"training": TRAINING}}, seeds=[0])
    recalls = []
    for name, chosen in (("low", params), ("full", full)):
        metrics, _ = World(released_folder, tmp_path / name, chosen).measure()
        rows = metrics.filter(
            pl.col("model") == "ours",
            pl.col("metric") == "mR@20",
            pl.col("seed").is_null(),
            pl.col("variant") == "none",
        )
        recalls.append(rows["value"][0])
    assert abs(recalls[0] - recalls[1]) < 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": {"a": {"recipe": "nothing"}}}, "unknown recipe 'nothing'"),
        ({"rows": {"a": {"recipe": "ours", "union": "video"}}}, "unknown union 'video'"),
        ({"rows": {"a": {"recipe": "ours", "union": "prompt:long"}}}, "unknown union 'prompt:long'"),
        ({"rows": {"a": {"recipe": "ours", "colour": 1}}}, "colour"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused_before_anything_runs(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grid(**change)
