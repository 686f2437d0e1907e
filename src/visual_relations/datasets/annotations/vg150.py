"""VG150: `VG-SGG.h5` or `VG-SGG-with-attri.h5` with its dictionaries and Visual Genome's `image_data.json`.

Boxes are integers cx, cy, w, h at a scale where the longer side is 1024; labels and predicates count from 1. Splits are
cut as Scene-Graph-Benchmark does: of the images with boxes and relations, flag 2 is for testing, of flag 0 the first
5,000 validate. Images without boxes or relations are in no split.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from visual_relations.datasets.annotations import columns
from visual_relations.datasets.annotations.dataset import AnnotationDataset
from visual_relations.datasets.annotations.files import AnnotationError, read_json
from visual_relations.datasets.annotations.images import read_image_data
from visual_relations.datasets.annotations.records import Rejects
from visual_relations.graphs.boxes import from_centre_at_1024
from visual_relations.graphs.tables import RAW_OBJECTS, RAW_RELATIONS, RawGraphs, rejected_frame

Arrays = dict[str, NDArray[Any]]
_REQUIRED = (
    "split",
    "img_to_first_box",
    "img_to_last_box",
    "img_to_first_rel",
    "img_to_last_rel",
    "boxes_1024",
    "labels",
    "relationships",
    "predicates",
)


class VG150Dataset(AnnotationDataset):
    """Reads the reduction of Visual Genome to 150 object classes and 50 predicates.

    Args:
        filepath: The h5 file.
        dicts: `VG-SGG-dicts.json` or `VG-SGG-dicts-with-attri.json`.
        image_data: `image_data.json`; its images, without the skipped ones, are the rows of the h5 file.
        skipped_images: Images that the h5 file leaves out, as their photos are unreadable.
        n_validation: How many images of flag 0 validate.
        metadata: For Kedro-Viz.
    """

    def __init__(
        self,
        filepath: str,
        dicts: str,
        image_data: str,
        skipped_images: tuple[str | int, ...] = (1592, 1722, 4616, 4617),
        n_validation: int = 5_000,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(metadata, filepath=filepath, dicts=dicts, image_data=image_data)
        self._skipped = [str(image_id) for image_id in skipped_images]
        self._n_validation = n_validation

    def _read(self) -> RawGraphs:
        arrays = _read_arrays(self._filepath)
        names = read_names(self.paths["dicts"])
        rejects, image_rejects = Rejects(self._filepath.name), Rejects(self.paths["image_data"].name)
        images, n_images = read_image_data(self.paths["image_data"], image_rejects)
        used = images.filter(~pl.col("image_id").is_in(self._skipped))
        for image_id in images.join(used, on="image_id", how="anti")["image_id"]:
            image_rejects.add("image", image_id, image_id, "the h5 file leaves it out: its photo is unreadable")
        if used.height != len(arrays["split"]):
            raise AnnotationError(
                f"{self._filepath} has {len(arrays['split'])} images, but {self.paths['image_data']} has {used.height} "
                "without the skipped ones. They are matched by position: use the image_data.json of the same release."
            )
        used = used.with_columns(split=pl.Series(_splits(arrays, self._n_validation), dtype=pl.String))
        objects = _objects(arrays, used, names, rejects)
        relations = _relations(arrays, used, names, rejects)
        n_records = {"image": n_images, "object": len(arrays["labels"]), "relation": len(arrays["predicates"])}
        rejected = rejected_frame(rejects.rows + image_rejects.rows)
        vocabulary = {"objects": names["label"], "predicates": names["predicate"]}
        return RawGraphs(used, objects, relations, rejected, n_records, vocabulary)


def _read_arrays(path: Path) -> Arrays:
    import h5py

    if not path.is_file():
        raise AnnotationError(f"{path} is not there. Put the file there, or change its path in the catalog.")
    try:
        with h5py.File(path) as file:
            if missing := [name for name in _REQUIRED if name not in file]:
                raise AnnotationError(f"{path} lacks {missing}. Is it a VG-SGG h5 file?")
            return {name: file[name][()] for name in (*_REQUIRED, "attributes") if name in file}
    except OSError as error:
        raise AnnotationError(f"{path} is no readable h5 file: {error}. Fetch it again.") from error


def read_names(path: Path) -> dict[str, list[str]]:
    """Names by class id, counted from 0: the dictionaries have string keys "1", "2" and so on."""
    content: dict[str, dict[str, Any]] = read_json(path, dict[str, dict[str, Any]], "idx_to_label, idx_to_predicate …")
    names = {}
    for kind in ("label", "predicate", "attribute"):
        by_id = content.get(f"idx_to_{kind}", {})
        try:
            names[kind] = [str(by_id[str(number)]) for number in range(1, len(by_id) + 1)]
        except KeyError as error:
            raise AnnotationError(f"{path}: idx_to_{kind} has no entry {error}; ids should run from 1.") from error
    return names


def _splits(arrays: Arrays, n_validation: int) -> list[str]:
    usable = (arrays["img_to_first_box"] >= 0) & (arrays["img_to_first_rel"] >= 0)
    split = np.full(len(usable), "", dtype=object)
    split[usable & (arrays["split"] == 2)] = "test"
    for_training = np.flatnonzero(usable & (arrays["split"] == 0))
    split[for_training[:n_validation]] = "val"
    split[for_training[n_validation:]] = "train"
    return list(split)


def _owners(arrays: Arrays, kind: str, n_rows: int) -> NDArray[np.int64]:
    """Image (its position) of each box or relation; -1 for rows that belong to none."""
    first, last = (arrays[f"img_to_{end}_{kind}"].astype(np.int64).ravel() for end in ("first", "last"))
    owner = np.full(n_rows, -1, dtype=np.int64)
    for image in np.flatnonzero(first >= 0):
        owner[first[image] : last[image] + 1] = image
    return owner


def _objects(arrays: Arrays, images: pl.DataFrame, names: dict[str, list[str]], rejects: Rejects) -> pl.DataFrame:
    labels = arrays["labels"].astype(np.int64).ravel()
    owner = _owners(arrays, "box", len(labels))
    known = (labels >= 1) & (labels <= len(names["label"]))
    for row in np.flatnonzero((owner < 0) | ~known):
        reason = "it belongs to no image" if owner[row] < 0 else f"label {labels[row]} is not in the dictionary"
        rejects.add("object", _image_id(images, owner[row]), _row(arrays["boxes_1024"], row), reason)
    kept = np.flatnonzero((owner >= 0) & known)
    image = images[owner[kept]]
    longer = np.maximum(image["width"].to_numpy(), image["height"].to_numpy())
    boxes = from_centre_at_1024(arrays["boxes_1024"][kept], longer)
    return pl.DataFrame(
        {
            "image_id": image["image_id"],
            "object_id": pl.Series(kept).cast(pl.String),
            "name": pl.Series(names["label"], dtype=pl.String).gather(labels[kept] - 1),
            "other_names": columns.lists([()] * len(kept)),
            "attributes": columns.lists(_attributes(arrays, kept, names["attribute"])),
            **dict(zip(("x1", "y1", "x2", "y2"), boxes, strict=True)),
        },
        schema=RAW_OBJECTS,
    )


def _attributes(arrays: Arrays, rows: NDArray[np.int64], names: list[str]) -> list[list[str]]:
    if "attributes" not in arrays:
        return [[]] * len(rows)
    ids = arrays["attributes"][rows].astype(np.int64)  # up to ten per box, counted from 1, 0 is none
    return [[names[number - 1] for number in row if 0 < number <= len(names)] for row in ids.tolist()]


def _relations(arrays: Arrays, images: pl.DataFrame, names: dict[str, list[str]], rejects: Rejects) -> pl.DataFrame:
    predicates = arrays["predicates"].astype(np.int64).ravel()
    owner = _owners(arrays, "rel", len(predicates))
    known = (predicates >= 1) & (predicates <= len(names["predicate"]))
    for row in np.flatnonzero((owner < 0) | ~known):
        reason = "it belongs to no image" if owner[row] < 0 else f"predicate {predicates[row]} is not in the dictionary"
        rejects.add("relation", _image_id(images, owner[row]), _row(arrays["relationships"], row), reason)
    kept = np.flatnonzero((owner >= 0) & known)
    ends = arrays["relationships"][kept].astype(np.int64)
    return pl.DataFrame(
        {
            "image_id": images["image_id"].gather(owner[kept]),
            "relation_id": pl.Series(kept).cast(pl.String),
            "subject_id": pl.Series(ends[:, 0]).cast(pl.String),
            "object_id": pl.Series(ends[:, 1]).cast(pl.String),
            "predicate": pl.Series(names["predicate"], dtype=pl.String).gather(predicates[kept] - 1),
        },
        schema=RAW_RELATIONS,
    )


def _image_id(images: pl.DataFrame, position: int) -> str | None:
    return None if position < 0 else str(images["image_id"][int(position)])


def _row(array: NDArray[Any], row: np.integer) -> str:
    return f"row {row}: {array[row].tolist()}"
