"""Every real annotation file reads, keeps its records, and survives ten thousand mutations of them.

No number of a particular copy is expected: all is compared with the files themselves.
"""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from visual_relations.datasets.annotations import (
    AliasDataset,
    EvaluationPhotosDataset,
    GQADataset,
    InteractionwiseDataset,
    ReleasedFeaturesDataset,
    VisualGenomeDataset,
    VisualGenomeRelationshipsDataset,
    VRDDataset,
)
from visual_relations.datasets.annotations.dataset import AnnotationDataset
from visual_relations.datasets.annotations.files import AnnotationError
from visual_relations.graphs.cleaning import CleaningParams, clean_graphs
from visual_relations.graphs.leakage import photo_ids
from visual_relations.graphs.pairs import relation_pairs
from visual_relations.graphs.tables import BOX, RawGraphs
from visual_relations.graphs.verbalise import GraphSentences, VerbalisationParams
from visual_relations.graphs.vocabulary import VocabularyParams, make_vocabulary, triplet_vocabulary

RELEASES = {"1.0": "_v1", "1.2": "_v1_2", "1.4": ""}
KEEP_ALL = CleaningParams(boxes="keep", smallest_side=0, self_relations="keep", train_duplicates="keep")


def by_split(folder: Path, pattern: str) -> dict[str, str]:
    return {
        split: str(path) for split in ("train", "val", "test") if (path := folder / pattern.format(split)).is_file()
    }


def release(data: Path, version: str) -> VisualGenomeRelationshipsDataset:
    folder, suffix = data / "visual_genome", RELEASES[version]
    image_data = folder / ("image_data_v1.json" if version == "1.0" else "image_data.json")
    files = [folder / f"{kind}{suffix}.json" for kind in ("relationships", "objects")]
    attributes = folder / "attributes.json"
    return VisualGenomeRelationshipsDataset(
        str(image_data), *map(str, files), attributes=str(attributes) if version == "1.2" else None
    )


def vrd(data: Path) -> VRDDataset:
    names = [str(data / "vrd" / f"{kind}.json") for kind in ("objects", "predicates")]
    return VRDDataset(
        *names, *(by_split(data / "vrd", name) for name in ("annotations_{}.json", "{}_image_metadata.json"))
    )


def interactionwise(data: Path) -> InteractionwiseDataset:
    folder = data / "vg_interactionwise_150_50_50"
    names = [str(folder / f"{kind}.json") for kind in ("objects", "predicates")]
    return InteractionwiseDataset(*names, by_split(folder, "data_annos_img_{}.json"))


def released(data: Path) -> ReleasedFeaturesDataset:
    dicts = next((data / "vg150").glob("VG-SGG-dicts*.json"))
    return ReleasedFeaturesDataset(by_split(data / "crepe", "{}.jsonl"), str(dicts))


READERS: dict[str, Callable[[Path], AnnotationDataset]] = {
    "scene_graphs": lambda data: VisualGenomeDataset(
        *(str(data / "visual_genome" / name) for name in ("scene_graphs.json", "image_data.json"))
    ),
    **{f"relationships {version}": lambda data, version=version: release(data, version) for version in RELEASES},
    "gqa": lambda data: GQADataset(by_split(data / "gqa", "{}_sceneGraphs.json")),
    "vrd": vrd,
    "interactionwise": interactionwise,
    "released_features": released,
}


@pytest.mark.parametrize("name", READERS)
def test_a_collection_reads_and_every_id_resolves(name: str, real_data: Path):
    raw = READERS[name](real_data).load()
    clean = clean_graphs(raw, KEEP_ALL)
    images, objects, relations = clean.images, clean.objects, clean.relations
    assert images["image_id"].is_unique().all()
    assert objects.join(images, on="image_id", how="anti").is_empty()
    index = objects.select("image_id", "object_index")
    for end in ("subject_index", "object_index"):
        ends = relations.select("image_id", pl.col(end).alias("object_index"))
        assert ends.join(index, on=["image_id", "object_index"], how="anti").is_empty()
    assert objects.select(pl.all_horizontal(pl.col(*BOX).is_finite())).to_series().all()
    sized = objects.join(images, on="image_id").drop_nulls(["width", "height"])
    crosses = (
        (pl.col("x1") < 0) | (pl.col("y1") < 0) | (pl.col("x2") > pl.col("width")) | (pl.col("y2") > pl.col("height"))
    )
    assert sized.select((crosses == pl.col("outside")).all()).item(), "a box is inside its image or flagged"
    given = raw.vocabulary or {}
    vocabulary = make_vocabulary(objects["name"], relations["predicate"], given, VocabularyParams())
    assert set(objects["name"]) <= set(vocabulary["objects"])
    assert set(relations["predicate"]) <= set(vocabulary["predicates"])
    pairs = relation_pairs(images, objects, relations, vocabulary)
    assert pairs.height == relations.height
    triplets = triplet_vocabulary(pairs.with_columns(split=pl.lit("train")), vocabulary)
    assert triplets["count"].sum() == pairs.height
    sentences = GraphSentences(objects, relations, VerbalisationParams()).draw(0)
    assert set(sentences["image_id"]) <= set(relations["image_id"])


def test_counts_are_those_of_the_files(real_data: Path):
    graphs = json.loads((real_data / "visual_genome" / "scene_graphs.json").read_text())
    assert READERS["scene_graphs"](real_data).load().n_records | {"image": 0} == {
        "image": 0,
        "object": sum(len(graph["objects"]) for graph in graphs),
        "relation": sum(len(graph["relationships"]) for graph in graphs),
    }
    contents = [json.loads(path.read_text()) for path in sorted((real_data / "gqa").glob("*_sceneGraphs.json"))]
    objects = [item for content in contents for graph in content.values() for item in graph["objects"].values()]
    assert READERS["gqa"](real_data).load().n_records == {
        "image": sum(map(len, contents)),
        "object": len(objects),
        "relation": sum(len(item["relations"]) for item in objects),
    }
    annotations = [json.loads(path.read_text()) for path in sorted((real_data / "vrd").glob("annotations_*.json"))]
    found = READERS["vrd"](real_data).load().n_records
    assert found["image"] == sum(map(len, annotations))
    assert found["relation"] == sum(len(relations) for content in annotations for relations in content.values())


def test_the_releases_agree_on_what_did_not_change(real_data: Path):
    graphs, release_12 = (READERS[name](real_data).load() for name in ("scene_graphs", "relationships 1.2"))
    key = ["image_id", "relation_id"]
    both = graphs.relations.join(release_12.relations, on=key)
    assert both.height == graphs.relations.height
    assert both.select((pl.col("subject_id") == pl.col("subject_id_right")).all()).item()
    assert graphs.objects.join(release_12.objects, on=["image_id", "object_id", *BOX], how="anti").is_empty()


def test_aliases_and_mixed_case_leave_fewer_predicates(real_data: Path):
    folder = real_data / "visual_genome"
    aliases = AliasDataset(str(folder / "relationship_alias.txt")).load()
    raw = READERS["relationships 1.4"](real_data).load()
    plain, merged = (clean_graphs(raw, KEEP_ALL, None, names).relations["predicate"] for names in (None, aliases))
    assert raw.relations["predicate"].n_unique() >= plain.n_unique() >= merged.n_unique()
    assert not set(merged) & (aliases.keys() - set(aliases.values()))
    assert plain.str.to_lowercase().equals(plain)


def test_released_boxes_fit_only_the_swapped_size(real_data: Path):
    raw = READERS["released_features"](real_data).load()
    sized = raw.objects.join(raw.images, on="image_id")
    assert sized.filter((pl.col("x2") > pl.col("width")) | (pl.col("y2") > pl.col("height"))).is_empty()
    assert sized.filter((pl.col("x2") > pl.col("height")) | (pl.col("y2") > pl.col("width"))).height > 0
    n_lines = sum(len(path.read_text().splitlines()) for path in (real_data / "crepe").glob("*.jsonl"))
    assert raw.relations["relation_id"].n_unique() == n_lines


def test_zero_shot_triplets_of_vrd_are_the_derived_ones(real_data: Path):
    raw = vrd(real_data).load()
    clean = clean_graphs(raw, KEEP_ALL)
    vocabulary = make_vocabulary(
        clean.objects["name"], clean.relations["predicate"], raw.vocabulary or {}, VocabularyParams()
    )
    pairs = relation_pairs(clean.images, clean.objects, clean.relations, vocabulary)
    from visual_relations.graphs.vocabulary import TRIPLET, zero_shot_triplets

    found = zero_shot_triplets(pairs, triplet_vocabulary(pairs, vocabulary)).select(TRIPLET).rows()
    wanted = json.loads((real_data / "vrd" / "zero_shot_triplets_derived.json").read_text())
    assert set(found) == {tuple(triplet) for triplet in wanted}


def test_boxes_of_gqa_are_those_of_its_second_publication(real_data: Path):
    objects = READERS["gqa"](real_data).load().objects
    for entry in json.loads((real_data / "gqa" / "scene-graph-annotations.json").read_text()):
        annotation = entry["annotation"]
        own = objects.filter(pl.col("image_id") == Path(entry["data_path"]).stem)
        assert own["name"].to_list() == annotation["labels"]
        assert np.array_equal(own.select(BOX).to_numpy(), np.array(annotation["bboxes"]))


def test_photos_have_the_size_of_their_annotations(real_data: Path):
    images = {row["image_id"]: row for row in READERS["gqa"](real_data).load().images.to_dicts()}
    for path in (real_data / "gqa" / "images").glob("*.jpg"):
        with Image.open(path) as photo:
            assert photo.size == (images[path.stem]["width"], images[path.stem]["height"])


def test_vrd_photos_are_found_in_coco_by_their_flickr_ids(real_data: Path):
    links = [json.loads(line) for line in (real_data / "coco" / "vrd_links.jsonl").read_text().splitlines()]
    held_out = EvaluationPhotosDataset(str(real_data / "coco" / "vrd_links.jsonl")).load()
    assert held_out.coco == {str(int(Path(link["coco_file"]).stem)) for link in links}
    trained_on = {link["vrd_image"] for link in links if link["vrd_split"] == "train"}
    clean = clean_graphs(vrd(real_data).load(), KEEP_ALL, evaluation=photo_ids("\n".join(trained_on)))
    assert set(clean.images["image_id"]).isdisjoint(Path(name).stem for name in trained_on)


@pytest.mark.parametrize("world", ["visual_genome", "gqa", "vrd"])
def test_the_pipeline_runs_on_real_annotations(world: str, fresh_project: Any, real_data: Path):
    shutil.copytree(real_data / world, fresh_project.path / "data" / "01_raw" / world)
    fresh_project.run("--pipelines=scene_graphs", f"--env={world}")
    reports = fresh_project.path / "data" / "08_reporting" / world
    summary = json.loads(next(reports.glob("scene_graph_summary.json/*/*.json")).read_text())
    assert summary["relations"]["all"] > 0
    assert next(reports.glob("scene_graphs.html/*/*.html")).stat().st_size > 0


# ten thousand mutations

JUNK = [None, True, -1, 0.5, 1e308, 2**70, "", "x", "12", "\ud800", [], {}, [None], {"a": 1}, [[]]]
CASES, RECORDS_PER_FILE = 10_000, 25


def places(value: Any) -> list[tuple[Any, Any]]:
    """All containers with their keys."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    found = [(value, key) for key in keys]
    for key in keys:
        found += places(value[key])
    return found


def mutate(record: Any, rng: random.Random) -> Any:
    """Change one to three places: other values, missing or repeated entries, other keys."""
    holder = [copy.deepcopy(record)]
    for _ in range(rng.randint(1, 3)):
        options = places(holder)
        if not options:
            break
        container, key = rng.choice(options)
        action = rng.random()
        if action < 0.6 or container is holder:
            container[key] = rng.choice(JUNK)
        elif action < 0.8:
            del container[key]
        elif isinstance(container, list):
            container.insert(key, copy.deepcopy(container[key]))
        else:
            container[f"{key}_"] = container.pop(key)
    return holder[0] if holder else None


def few(record: Any) -> Any:
    """A record with at most three of everything."""
    if isinstance(record, dict):
        return {key: few(value) for key, value in islice(record.items(), 8)}
    return [few(value) for value in record[:3]] if isinstance(record, list) else record


def children(record: Any, key: str) -> list[Any]:
    found = record.get(key) if isinstance(record, dict) else None
    return list(found.values()) if isinstance(found, dict) else found if isinstance(found, list) else []


def n_children(records: Any, *keys: str) -> int:
    return sum(len(children(record, key)) for record in records for key in keys)


Fuzzed = tuple[Path, Callable[[str], AnnotationDataset], Callable[[Any], dict[str, int]]]


def targets(data: Path) -> dict[str, Fuzzed]:
    """Per format: a real file, a reader of a mutated copy of it, and an independent count of a copy's records."""
    genome, gqa_file = data / "visual_genome", next((data / "gqa").glob("*_sceneGraphs.json"))
    images = str(genome / "image_data.json")
    names = {
        folder: [str(data / folder / f"{kind}.json") for kind in ("objects", "predicates")]
        for folder in ("vrd", "vg_interactionwise_150_50_50")
    }
    annotations = next((data / "vg_interactionwise_150_50_50").glob("data_annos_img_*.json"))
    return {
        "scene_graphs": (
            genome / "scene_graphs.json",
            lambda path: VisualGenomeDataset(path, images),
            lambda content: {
                "object": n_children(content, "objects"),
                "relation": n_children(content, "relationships"),
            },
        ),
        "image_data": (
            genome / "image_data.json",
            lambda path: VisualGenomeDataset(str(genome / "scene_graphs.json"), path),
            lambda _: {},
        ),
        "relationships": (
            genome / "relationships.json",
            lambda path: VisualGenomeRelationshipsDataset(images, path),
            lambda content: {"relation": n_children(content, "relationships")},
        ),
        "objects": (
            genome / "objects_v1.json",
            lambda path: VisualGenomeRelationshipsDataset(images, objects=path),
            lambda content: {"object": n_children(content, "objects")},
        ),
        "gqa": (
            gqa_file,
            lambda path: GQADataset({"train": path}),
            lambda content: {
                "image": len(content),
                "object": n_children(content.values(), "objects"),
                "relation": sum(n_children(children(graph, "objects"), "relations") for graph in content.values()),
            },
        ),
        "vrd": (
            data / "vrd" / "annotations_test.json",
            lambda path: VRDDataset(*names["vrd"], {"test": path}, {}),
            lambda content: {
                "image": len(content),
                "relation": n_children([{"all": value} for value in content.values()], "all"),
            },
        ),
        "interactionwise": (
            annotations,
            lambda path: InteractionwiseDataset(*names["vg_interactionwise_150_50_50"], {"test": path}),
            lambda content: {"image": len(content)},
        ),
        "released_features": (
            data / "crepe" / "test.jsonl",
            lambda path: ReleasedFeaturesDataset({"test": path}, str(next((data / "vg150").glob("*dicts*.json")))),
            lambda content: {"relation": len(content)},
        ),
    }


def read_real(path: Path) -> list[tuple[str | None, Any]]:
    """Some real records, cut small, with their keys in files that are mappings."""
    if path.suffix == ".jsonl":
        with path.open() as file:
            return [(None, json.loads(line)) for line in islice(file, 60)]
    content = json.loads(path.read_text())
    pairs = content.items() if isinstance(content, dict) else ((None, record) for record in content)
    return [(key, few(record)) for key, record in islice(pairs, 60)]


def mutated_file(records: list[tuple[str | None, Any]], path: Path, rng: random.Random) -> Any:
    """Write a file of mutated records and return what it holds."""
    chosen = [(key, mutate(record, rng)) for key, record in rng.sample(records, min(RECORDS_PER_FILE, len(records)))]
    content: Any = dict(chosen) if chosen[0][0] is not None else [record for _, record in chosen]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in content))
    else:
        path.write_text(json.dumps(content))
    return content


def damage(path: Path, rng: random.Random) -> None:
    """Cut the file short, or overwrite some of its bytes."""
    content = bytearray(path.read_bytes())
    if rng.random() < 0.5:
        content = content[: rng.randrange(len(content))]
    for _ in range(rng.randint(0, 3)):
        if content:
            content[rng.randrange(len(content))] = rng.randrange(256)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "name",
    ["scene_graphs", "image_data", "relationships", "objects", "gqa", "vrd", "interactionwise", "released_features"],
)
def test_mutated_records_are_kept_or_rejected_and_errors_name_the_file(name: str, real_data: Path, tmp_path: Path):
    source, reader, count = targets(real_data)[name]
    records, rng, path = read_real(source), random.Random(name), tmp_path / f"mutated{source.suffix}"
    for number in range(CASES // 8 // RECORDS_PER_FILE):
        content = mutated_file(records, path, rng)
        damaged = number % 10 == 9
        if damaged:
            damage(path, rng)
        raw = read_or_explain(reader(str(path)), path.name, damaged=damaged)
        if raw is None:
            continue
        clean_graphs(raw, CleaningParams())  # raises if a record is lost on the way
        check_counts(raw, {} if damaged else count(content))


def read_or_explain(dataset: AnnotationDataset, file: str, *, damaged: bool) -> RawGraphs | None:
    """Read; an error has to name the file, and the record where the file is still JSON."""
    try:
        return dataset.load()
    except AnnotationError as error:
        text = str(error)
    assert file in text
    assert damaged or "no record could be read. The first one" in text
    return None


def check_counts(raw: RawGraphs, expected: dict[str, int]) -> None:
    found = {kind: raw.n_records[kind] for kind in expected}
    assert found == expected, "every record is a row or rejected"
    assert raw.rejected["reason"].null_count() == 0
