"""The committed world: made from its seed, in the published formats, worth learning from."""

from __future__ import annotations

import io
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from visual_relations.pipelines.sample_world import annotator
from visual_relations.pipelines.sample_world.scenes import ARRANGEMENTS, draw_scene

ROOT = Path(__file__).parents[3]
WORLD = ROOT / "data" / "01_raw" / "sample_world"
PARAMETERS = yaml.safe_load((ROOT / "conf" / "base" / "sample_world" / "parameters.yml").read_text())["sample_world"]
SLICE = (1, 2, 3, 97, 388, 700, 1001, 1300)


def read(name: str):
    return json.loads((WORLD / name).read_text())


@pytest.fixture(scope="module")
def graphs() -> dict[int, dict]:
    return {graph["image_id"]: graph for graph in read("scene_graphs.json")}


@pytest.fixture(scope="module")
def splits() -> dict[str, list[int]]:
    return read("splits.json")


def triplets(graph: dict) -> list[tuple[str, str, str]]:
    names = {entry["object_id"]: entry["names"][0] for entry in graph["objects"]}
    return [(names[r["subject_id"]], r["predicate"].lower(), names[r["object_id"]]) for r in graph["relationships"]]


@pytest.mark.parametrize("image_id", SLICE)
def test_a_picture_and_its_annotations_come_again_from_the_seed(image_id, graphs):
    picture, scene = draw_scene(f"{PARAMETERS['seed']}:world:{image_id}")
    _, graph, _ = annotator.annotate(image_id, scene, PARAMETERS["seed"])
    assert json.loads(json.dumps(graph)) == graphs[image_id]
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=PARAMETERS["jpeg_quality"], optimize=True)
    ours, committed = (np.asarray(Image.open(source), np.int16) for source in (file, WORLD / f"images/{image_id}.jpg"))
    # JPEG encoders may differ by a step of quantisation here and there, never by a thing.
    assert np.abs(ours - committed).mean() < 1.0


def test_the_world_is_as_large_as_promised(graphs, splits):
    names = {entry["names"][0] for graph in graphs.values() for entry in graph["objects"]}
    predicates = {predicate for graph in graphs.values() for _, predicate, _ in triplets(graph)}
    assert len(graphs) == PARAMETERS["sizes"]["full"]["scenes"] >= 1200
    assert len(names) >= 40
    assert len(predicates) >= 20
    assert sorted(i for ids in splits.values() for i in ids) == sorted(graphs)
    assert sum(path.stat().st_size for path in WORLD.rglob("*") if path.is_file()) < 22e6


def test_predicates_have_a_long_tail(graphs):
    counts = Counter(predicate for graph in graphs.values() for _, predicate, _ in triplets(graph))
    main = sorted((counts[predicate] for predicate in ARRANGEMENTS), reverse=True)
    assert sum(main[:5]) > 0.4 * sum(main)
    assert main[0] > 20 * main[-1] > 0


def test_names_alone_do_not_tell_the_predicate(graphs, splits):
    seen = defaultdict(Counter)
    for image_id in splits["train"]:
        for subject, predicate, other in triplets(graphs[image_id]):
            seen[subject, other][predicate] += 1
    common = [counter for counter in seen.values() if sum(counter.values()) >= 12]
    decided = [counter for counter in common if counter.most_common(1)[0][1] == sum(counter.values())]
    assert len(common) > 50
    assert len(decided) < 0.1 * len(common)
    held_out = [triplet for image_id in splits["test"] for triplet in triplets(graphs[image_id])]
    guesses = [seen[s, o].most_common(1)[0][0] == p for s, p, o in held_out if seen[s, o]]
    assert np.mean(guesses) < 0.7


def test_boxes_lie_in_the_picture_but_for_the_blemishes(graphs):
    sizes = {entry["image_id"]: (entry["width"], entry["height"]) for entry in read("image_data.json")}
    over = 0
    for image_id, graph in graphs.items():
        width, height = sizes[image_id]
        for entry in graph["objects"]:
            assert entry["x"] >= 0
            assert entry["y"] >= 0
            assert entry["w"] > 0
            assert entry["h"] > 0
            assert entry["x"] + entry["w"] <= width + 1
            assert entry["y"] + entry["h"] <= height
            over += entry["x"] + entry["w"] == width + 1
    assert over > 0


def test_annotations_have_the_blemishes_of_real_ones(graphs):
    relations = [relation for graph in graphs.values() for relation in graph["relationships"]]
    entries = [entry for graph in graphs.values() for entry in graph["objects"]]
    assert any(len(triplets(graph)) > len(set(triplets(graph))) for graph in graphs.values())
    assert any(relation["subject_id"] == relation["object_id"] for relation in relations)
    assert any(relation["predicate"].isupper() for relation in relations)
    assert any("attributes" not in entry for entry in entries)
    assert any(not entry["synsets"] for entry in entries)
    assert any(entry["coco_id"] is None for entry in read("image_data.json"))
    assert any(line.endswith(" ") for line in (WORLD / "object_alias.txt").read_text().splitlines())


def test_both_annotation_files_state_the_same_relations(graphs):
    for entry in read("relationships.json"):
        stated = [(r["subject"]["name"], r["predicate"].lower(), r["object"]["name"]) for r in entry["relationships"]]
        assert stated == triplets(graphs[entry["image_id"]])


def test_every_picture_has_five_captions(graphs):
    captions = Counter(annotation["image_id"] for annotation in read("captions.json")["annotations"])
    assert captions == dict.fromkeys(graphs, 5)


def test_a_foil_is_never_among_the_annotations(graphs, splits):
    held_out = {*splits["val"], *splits["test"]}
    lines = [json.loads(line) for line in (WORLD / "probes/foils.jsonl").read_text().splitlines()]
    assert {line["kind"] for line in lines} == {"object", "attribute", "relation"}
    for line in lines:
        assert int(line["image_id"]) in held_out
        assert line["caption"] != line["foil"]
        stated = {
            f"{subject} {predicate} {other}" for subject, predicate, other in triplets(graphs[int(line["image_id"])])
        }
        bare = " ".join(word for word in line["foil"].lower().split() if word not in ("a", "an", "the"))
        assert line["kind"] != "relation" or bare not in stated


PROBES = {
    "vsr": "dev.jsonl test.jsonl",
    "svo_probes": "svo_probes.csv",
    "winoground": "examples.jsonl",
    "sugarcrepe": "add_att.json add_obj.json replace_att.json replace_obj.json replace_rel.json swap_att.json "
    "swap_obj.json",
    "valse": "action-replacement.json actant-swap.json counting-small-quant.json existence.json foil-it.json "
    "plurals.json relations.json",
}


@pytest.mark.parametrize("folder", PROBES)
def test_probes_are_named_as_the_benchmarks_name_them(folder):
    assert {path.name for path in (WORLD / "probes" / folder).iterdir()} == set(PROBES[folder].split())
