"""CREPE's published CLIP features of Visual Genome relations, read as the project's own tables and feature banks.

    folder/
      train.jsonl, test.jsonl    one annotated pair per line: image, boxes, classes, predicate
      train.npz, test.npz        row for row: `union_image`, `pseudo_text_bank`, `pseudo_text_index`
      labels_CLIP.npy            text embeddings of the 150 object names (no names: a class is its number)

Quirks of the release, undone here (LLNL/CREPE): `im_width` and `im_height` are swapped; boxes are in the resized image,
which counts as the image. There are annotated pairs only, so candidates are the annotated pairs.

Legend: N pairs, D feature width.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Literal, NoReturn
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
from kedro.io import AbstractDataset, DatasetError

from visual_relations.artefacts.array_bank import ArrayBank
from visual_relations.graphs.pairs import COLUMNS
from visual_relations.graphs.vocabulary import Vocabulary, triplet_vocabulary

SPLITS = ("train", "test")
FIELDS = {
    "img_name": pl.String(),
    "im_width": pl.Int32(),
    "im_height": pl.Int32(),
    "sub_bbox": pl.List(pl.Float32()),
    "obj_bbox": pl.List(pl.Float32()),
    "sub_id": pl.Int16(),
    "obj_id": pl.Int16(),
    "gt_predicate_id": pl.Int16(),
    "predicate": pl.String(),
}
Part = Literal[
    "relation_pairs",
    "candidate_pairs",
    "vocabulary",
    "triplet_vocabulary",
    "object_text_features",
    "union_image_features",
    "triplet_text_features",
    "pseudo_labels",
]


class AbsentDataset(AbstractDataset[None, None]):
    """Features that a world does not have, e.g. for want of its photos or of a text encoder; loads as None."""

    is_given = True  # whatever would make it does not run

    def __init__(self, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def load(self) -> None:
        """None."""

    def save(self, data: None) -> NoReturn:  # noqa: ARG002
        """There is nothing to write."""
        raise DatasetError("this environment says that the dataset is absent; it cannot be saved")

    def _describe(self) -> dict[str, Any]:
        return {}

    def _exists(self) -> bool:
        return True


class ReleasedFeaturesDataset(AbstractDataset[None, Any]):
    """One of the project's datasets out of a folder of published features.

    Args:
        filepath: The folder.
        part: Which dataset.
        metadata: For Kedro-Viz.
    """

    is_given = True

    def __init__(self, filepath: str, part: Part, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self._part = part
        self.metadata = metadata

    def load(self) -> Any:
        """Read the part.

        Raises:
            DatasetError: If a file is missing or a record is not of the format; names file, record and remedy.
        """
        if not self._filepath.is_dir():
            raise DatasetError(
                f"no folder {self._filepath}: put the released features there, or name their folder with "
                "--params released_features.folder=…"
            )
        release = Release(self._filepath)
        return getattr(release, self._part)()

    def save(self, data: None) -> NoReturn:  # noqa: ARG002
        """Published features are never written."""
        raise DatasetError(f"{self._filepath} holds published features; they are only read")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "part": self._part}

    def _exists(self) -> bool:
        return self._filepath.is_dir()


class Release:
    """A folder of published features."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def relation_pairs(self) -> pl.DataFrame:
        """Annotated pairs of both splits with the columns of `relation_pairs`, in the order of the feature rows."""
        return pl.concat([self._pairs(split) for split in SPLITS]).drop("predicate", "row")

    def candidate_pairs(self) -> pl.DataFrame:
        """The annotated pairs, each once: the release knows no others."""
        return self.relation_pairs().drop("predicate_class").unique("pair_id", keep="first", maintain_order=True)

    def vocabulary(self) -> Vocabulary:
        """Names and training counts; predicates that neither split has are named by their number."""
        pairs = pl.concat([self._pairs(split) for split in SPLITS])
        training = pairs.filter(pl.col("split") == "train")
        names = dict(pairs.select("predicate_class", "predicate").unique().iter_rows())
        n_predicates, n_objects = 1 + max(names), len(self._labels())
        both = pl.concat([training["subject_class"], training["object_class"].rename("subject_class")])
        return Vocabulary(
            objects=[_object_id(number) for number in range(n_objects)],
            predicates=[names.get(number, f"predicate {number}") for number in range(n_predicates)],
            object_counts=np.bincount(both.to_numpy(), minlength=n_objects).tolist(),
            predicate_counts=np.bincount(training["predicate_class"].to_numpy(), minlength=n_predicates).tolist(),
        )

    def triplet_vocabulary(self) -> pl.DataFrame:
        """Triplets of the training pairs."""
        return triplet_vocabulary(self.relation_pairs(), self.vocabulary())

    def object_text_features(self) -> ArrayBank:
        """Text embeddings of the object names."""
        labels_LD = self._labels()
        return ArrayBank(pl.Series("id", [_object_id(number) for number in range(len(labels_LD))]), labels_LD)

    def union_image_features(self) -> ArrayBank:
        """Image embeddings of the union boxes, by pair."""
        arrays = [self._arrays(split)["union_image"] for split in SPLITS]
        pairs = pl.concat([self._pairs(split) for split in SPLITS])
        features_ND = np.concatenate(arrays)
        first = pairs.with_row_index("position").unique("pair_id", keep="first", maintain_order=True)
        return ArrayBank(first["pair_id"], features_ND[first["position"].to_numpy()])

    def triplet_text_features(self) -> ArrayBank:
        """The retrieved texts; the release has their embeddings, not their words."""
        arrays = {split: self._arrays(split)["pseudo_text_bank"] for split in SPLITS}
        ids = [f"{split} text {row}" for split, bank_ND in arrays.items() for row in range(len(bank_ND))]
        return ArrayBank(pl.Series("id", ids), np.concatenate(list(arrays.values())))

    def pseudo_labels(self) -> pl.DataFrame:
        """`pair_id` and `text`, the id of the retrieved text."""
        parts = []
        for split in SPLITS:
            texts = pl.Series("text", [f"{split} text {row}" for row in self._arrays(split)["pseudo_text_index"]])
            parts.append(self._pairs(split).select("pair_id").with_columns(texts))
        return pl.concat(parts).unique("pair_id", keep="first", maintain_order=True)

    def _labels(self) -> npt.NDArray[np.float16]:
        path = self.folder / "labels_CLIP.npy"
        try:
            labels = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DatasetError(f"cannot read {path}: {error}; it holds one text embedding per object class") from error
        return labels.reshape(len(labels), -1)

    def _arrays(self, split: str) -> dict[str, npt.NDArray[Any]]:
        path = self.folder / f"{split}.npz"
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in ("union_image", "pseudo_text_bank", "pseudo_text_index")}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise DatasetError(f"cannot read {path}: {error}; copy the file again") from error
        n_rows = len(self._records(split))
        for name in ("union_image", "pseudo_text_index"):
            if len(arrays[name]) != n_rows:
                raise DatasetError(f"{path} has {len(arrays[name])} rows of {name}, {split}.jsonl has {n_rows} pairs")
        if not np.isfinite(arrays["union_image"]).all():
            row = int((~np.isfinite(arrays["union_image"])).any(1).argmax())
            raise DatasetError(f"{path}: union_image of row {row} is NaN or infinite; copy the file again")
        return arrays

    @functools.cache  # noqa: B019  a Release lives for one load
    def _records(self, split: str) -> pl.DataFrame:
        path, rows = self.folder / f"{split}.jsonl", list[dict[str, Any]]()
        try:
            with path.open("rb") as lines:
                for line in lines:
                    record = orjson.loads(line)
                    rows.append({name: record[name] for name in FIELDS})
            return pl.DataFrame(rows, schema=FIELDS)
        except FileNotFoundError:
            raise DatasetError(f"{path} is missing: the folder is no release of these features") from None
        except (ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
            place = f"{path}, line {len(rows) + 1}"
            raise DatasetError(f"{place}: {error!r}; every line is a pair with {list(FIELDS)}") from error

    @functools.cache  # noqa: B019
    def _pairs(self, split: str) -> pl.DataFrame:
        """The records with the project's columns, `predicate` and `row`."""
        records = self._records(split)
        boxes = {
            end + side: pl.col(column).list.get(place)
            for end, column in (("s", "sub_bbox"), ("o", "obj_bbox"))
            for place, side in enumerate(("x1", "y1", "x2", "y2"))
        }
        pairs = records.with_columns(
            image_id=pl.col("img_name").str.replace(r"\.\w+$", ""),
            split=pl.lit(split),
            subject_class="sub_id",
            object_class="obj_id",
            predicate_class="gt_predicate_id",
            width="im_height",  # published swapped
            height="im_width",
            **boxes,
        ).with_row_index("row")
        pairs = _number_objects(pairs)
        pair_id = pl.concat_str("image_id", "subject_index", "object_index", separator=":")
        return pairs.with_columns(pair_id=pair_id).select(*COLUMNS, "predicate", "row")


def _object_id(number: int) -> str:
    return f"object {number}"


def _number_objects(pairs: pl.DataFrame) -> pl.DataFrame:
    """Give objects, which are known by class and box only, a number within their image."""
    ends = {
        name: pl.struct("image_id", pl.col(f"{name}_class").alias("class"), pl.col(box).alias("box"))
        for name, box in (("subject", "sub_bbox"), ("object", "obj_bbox"))
    }
    both = pl.concat([pairs.select(end=expression) for expression in ends.values()])
    objects = both.unique(maintain_order=True).with_columns(image=pl.col("end").struct.field("image_id"))
    objects = objects.with_columns(index=pl.int_range(pl.len(), dtype=pl.Int32).over("image")).drop("image")
    for name, expression in ends.items():
        numbered = objects.rename({"index": f"{name}_index"})
        pairs = (
            pairs.with_columns(end=expression).join(numbered, on="end", how="left", maintain_order="left").drop("end")
        )
    return pairs
