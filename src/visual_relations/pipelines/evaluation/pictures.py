"""The pictures that a table of cells shows, found under the names its benchmark gives them."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath

import polars as pl
from PIL import Image

from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.images import ImageError, open_image

PICTURE = ["image", "box"]
BLANK = Image.new("RGB", (224, 224), (127, 127, 127))

# The same photo under another name: COCO numbers are those of 2017 in every release, Visual7W's are Visual Genome's.
_PREFIXES = re.compile(r"^(COCO_(train|val|test)20\d\d_|v7w_)")


@dataclass(frozen=True)
class Pictures:
    """Distinct pictures of a benchmark that are there.

    Attributes:
        keys: Columns `image` (file name) and `box` (part shown, or null).
        folder: Where they are.
        absent: File names of those that are not there.
    """

    keys: pl.DataFrame
    folder: ImageFolder
    absent: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, cells: pl.DataFrame, folder: ImageFolder) -> Pictures:
        """Those of a table of cells, each once."""
        keys = cells.select(PICTURE).unique(maintain_order=True)
        names = keys["image"].unique(maintain_order=True)
        stems = {PurePath(name).stem for name in folder.names()}
        there = pl.Series([_is_there(folder, name, stems) for name in names], dtype=pl.Boolean)
        found = keys.filter(pl.col("image").is_in(names.filter(there).implode()))
        return cls(found, folder, names.filter(~there).to_list())

    def open(self, rows: slice) -> tuple[list[Image.Image], list[str]]:
        """Open some of them.

        Returns:
            One picture per row, a blank one where it cannot be used, and why for every such row ("" for the others).
        """
        opened, reasons = [], []
        for name, box in self.keys[rows].iter_rows():
            try:
                opened.append(_cut(self._open(name), box))
                reasons.append("")
            except ImageError as error:
                opened.append(BLANK)
                reasons.append(str(error))
        return opened, reasons

    def _open(self, name: str) -> Image.Image:
        return self._open_packed(name) if "#" in name else open_image(_find(self.folder, name))

    def _open_packed(self, name: str) -> Image.Image:
        """A picture inside a parquet file: `<file>#<row>.<column>`."""
        file, _, place = name.partition("#")
        row, _, column = place.partition(".")
        if (file, column) not in self._packed:
            self._packed[file, column] = pl.read_parquet(self.folder.path(file), columns=[column])[column]
        try:
            packed = self._packed[file, column][int(row)]["bytes"]
            return Image.open(io.BytesIO(packed)).convert("RGB")
        except (OSError, IndexError, ValueError) as error:
            raise ImageError(f"{name}: {error}") from error

    @cached_property
    def _packed(self) -> dict[tuple[str, str], pl.Series]:
        return {}


def _find(folder: ImageFolder, name: str) -> Path:
    file = name.partition("#")[0]
    try:
        return folder.path(file)
    except ImageError:
        other = _PREFIXES.sub("", file.rpartition("/")[2])
        if other == file:
            raise
        return folder.path(other)


def _is_there(folder: ImageFolder, name: str, stems: set[str]) -> bool:
    # Most of a benchmark's pictures may be absent: looking through all folders for each would take minutes.
    stem = PurePath(name.partition("#")[0]).stem
    if "#" not in name and not {stem, _PREFIXES.sub("", stem)} & stems:
        return False
    try:
        _find(folder, name)
    except ImageError:
        return False
    return True


def _cut(picture: Image.Image, box: Sequence[float] | None) -> Image.Image:
    return picture if box is None else picture.crop((round(box[0]), round(box[1]), round(box[2]), round(box[3])))
