"""Visual Genome's full size: read, clean and count 108,077 graphs; write them all as sentences.

The annotations are fabricated into a temporary folder. Ours and the reference (`json.load` and pandas, doing the same)
run in processes of their own, one after the other, so that peak memory can be told apart; both must find the same.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.fabricate_visual_genome import write_visual_genome
from benchmarks.report import Row, show

OBJECT_CLASSES, PREDICATE_CLASSES = 150, 50
GIGABYTE = 1 << 30


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = write_visual_genome(Path(name))
        size = (folder / "scene_graphs.json").stat().st_size
        ours, reference = _measure("ours", folder), _measure("reference", folder)
    assert ours["found"] == reference["found"], "both must find the same vocabularies and triplets"
    ratio = reference["seconds"] / ours["seconds"]
    note = f"{size / 1e6:.0f} MB, {ours['relations']:,} relations"
    gigabytes, other_gigabytes = (figures["peak"] / GIGABYTE for figures in (ours, reference))
    return [
        Row("read, clean, count", ours["seconds"], reference["seconds"], ratio, ">= 5x pandas", ratio >= 5, note),
        Row("the same, in seconds", ours["seconds"], 60, 60 / ours["seconds"], "< 60 s", ours["seconds"] < 60),
        Row("its peak memory [GiB]", gigabytes, other_gigabytes, other_gigabytes / gigabytes, "< 4 GiB", gigabytes < 4),
        Row("write all as sentences", ours["verbalise"], 15, 15 / ours["verbalise"], "< 15 s", ours["verbalise"] < 15),
    ]


def _measure(which: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.bench_scene_graphs", which, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _ours(folder: Path) -> dict[str, Any]:
    from visual_relations.datasets.annotations import AliasDataset, VisualGenomeDataset
    from visual_relations.graphs.leakage import PhotoIds
    from visual_relations.graphs.verbalise import GraphSentences
    from visual_relations.pipelines.scene_graphs import nodes
    from visual_relations.pipelines.scene_graphs.params import SceneGraphsParams

    params = SceneGraphsParams.model_validate(
        {
            "splits": {"val": 0, "test": 0},
            "vocabulary": {"objects": OBJECT_CLASSES, "predicates": PREDICATE_CLASSES},
        }
    )
    start = time.perf_counter()
    raw = VisualGenomeDataset(str(folder / "scene_graphs.json"), str(folder / "image_data.json")).load()
    aliases = [AliasDataset(str(folder / f"{kind}_alias.txt")).load() for kind in ("object", "relationship")]
    images, objects, relations, _, given = nodes.clean_scene_graphs(raw, *aliases, PhotoIds(), params)
    del raw
    names = nodes.build_vocabulary(images, objects, relations, given, params)
    triplets, _ = nodes.build_triplet_vocabulary(
        nodes.build_relation_pairs(images, objects, relations, names), names, params
    )
    seconds = time.perf_counter() - start
    peak = _peak()
    start = time.perf_counter()
    sentences = GraphSentences(objects, relations, params.verbalisation).draw(epoch=0)
    verbalise = time.perf_counter() - start
    assert sentences.height > 0.99 * images.height
    found = [*names.values(), sorted(triplets["count"].to_list())]
    return {"seconds": seconds, "peak": peak, "verbalise": verbalise, "relations": relations.height, "found": found}


def _reference(folder: Path) -> dict[str, Any]:
    import pandas as pd

    start = time.perf_counter()
    with (folder / "scene_graphs.json").open() as file:
        graphs = json.load(file)
    sizes = pd.DataFrame(json.loads((folder / "image_data.json").read_text()))[["image_id", "width", "height"]]
    objects = pd.DataFrame(
        [
            {
                "image_id": graph["image_id"],
                "object_id": item["object_id"],
                "name": item["names"][0],
                "attributes": item.get("attributes", []),
                **{key: item[key] for key in "xywh"},
            }
            for graph in graphs
            for item in graph["objects"]
        ]
    )
    relations = pd.DataFrame(
        [
            {key: item[key] for key in ("relationship_id", "predicate", "subject_id", "object_id")}
            | {"image_id": graph["image_id"]}
            for graph in graphs
            for item in graph["relationships"]
        ]
    )
    del graphs
    objects["name"] = _spell(objects["name"], folder / "object_alias.txt")
    relations["predicate"] = _spell(relations["predicate"], folder / "relationship_alias.txt")
    objects = objects.merge(sizes, on="image_id")
    objects["x1"], objects["y1"] = objects["x"].clip(lower=0), objects["y"].clip(lower=0)
    objects["x2"] = (objects["x"] + objects["w"]).clip(upper=objects["width"])
    objects["y2"] = (objects["y"] + objects["h"]).clip(upper=objects["height"])
    objects = objects[(objects["x2"] - objects["x1"] >= 1) & (objects["y2"] - objects["y1"] >= 1)]
    objects = objects.drop_duplicates(["image_id", "object_id"])
    objects["object_index"] = objects.groupby("image_id").cumcount()
    relations = relations[relations["subject_id"] != relations["object_id"]]
    ends = objects[["image_id", "object_id", "object_index", "name"]]
    for end in ("subject", "object"):
        names = {"object_id": f"{end}_id", "object_index": f"{end}_index", "name": f"{end}_name"}
        relations = relations.merge(ends.rename(columns=names), on=["image_id", f"{end}_id"])
    relations = relations.drop_duplicates(["image_id", "subject_index", "predicate", "object_index"])
    object_counts = _most_frequent(objects["name"], OBJECT_CLASSES)
    predicate_counts = _most_frequent(relations["predicate"], PREDICATE_CLASSES)
    kept = relations[
        relations["subject_name"].isin(object_counts.index)
        & relations["object_name"].isin(object_counts.index)
        & relations["predicate"].isin(predicate_counts.index)
    ]
    triplets = kept.groupby(["subject_name", "predicate", "object_name"]).size()
    seconds = time.perf_counter() - start
    counts = (object_counts, predicate_counts)
    found = [*(list(count.index) for count in counts), *(count.tolist() for count in counts)]
    return {"seconds": seconds, "peak": _peak(), "found": [*found, sorted(triplets.tolist())]}


def _spell(names: Any, aliases: Path) -> Any:
    canonical: dict[str, str] = {}
    for line in aliases.read_text().splitlines():
        first, *others = (" ".join(name.lower().split()) for name in line.split(","))
        canonical.update(dict.fromkeys(others, first))
    clean = names.str.lower().str.replace(r"\s+", " ", regex=True).str.strip()
    return clean.map(canonical).fillna(clean)


def _most_frequent(names: Any, most: int) -> Any:
    counts = names.value_counts().rename_axis("name").reset_index()
    ranked = counts.sort_values(["count", "name"], ascending=[False, True]).head(most)
    return ranked.set_index("name")["count"].sort_index()


def _peak() -> int:
    """Of this process and its helpers together, in bytes; mapped pages of the file count as well."""
    return 1024 * sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measured = {"ours": _ours, "reference": _reference}[sys.argv[1]](Path(sys.argv[2]))
        sys.stdout.write(json.dumps(measured) + "\n")
    else:
        raise SystemExit(0 if show(run()) else 1)
