"""The pictures that a table of cells shows, found under the names its benchmark gives them."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl
from PIL import Image

from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.images import ImageError

PICTURE = ["image", "box"]
BLANK = Image.new("RGB", (224, 224), (127, 127, 127))

# The same photo under another name: COCO numbers are those of 2017 in every release, Visual7W's are Visual Genome's.
_PREFIXES = re.compile(r"^(COCO_(train|val|test)20\d\d_|v7w_)")


@dataclass(frozen=True)
class Pictures:
    """Distinct pictures of a benchmark; `keys` has the columns `image` (file name) and `box` (part shown, or null)."""

    keys: pl.DataFrame
    folder: ImageFolder

    @classmethod
    def of(cls, cells: pl.DataFrame, folder: ImageFolder) -> Pictures:
        """Those of a table of cells, each once."""
        return cls(cells.select(PICTURE).unique(maintain_order=True), folder)

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
        if "#" in name:
            return self._open_packed(name)
        try:
            return self.folder.open(name)
        except ImageError:
            other = _PREFIXES.sub("", name.rpartition("/")[2])
            if other == name:
                raise
            return self.folder.open(other)

    def _open_packed(self, name: str) -> Image.Image:
        """A picture inside a parquet file: `<file>#<row>.<column>`."""
        file, _, place = name.partition("#")
        row, _, column = place.partition(".")
        if (file, column) not in self._packed:
            self._packed[file, column] = pl.read_parquet(self.folder.path(file), columns=[column])[column]
        return Image.open(io.BytesIO(self._packed[file, column][int(row)]["bytes"])).convert("RGB")

    @cached_property
    def _packed(self) -> dict[tuple[str, str], pl.Series]:
        return {}


def _cut(picture: Image.Image, box: Sequence[float] | None) -> Image.Image:
    return picture if box is None else picture.crop((round(box[0]), round(box[1]), round(box[2]), round(box[3])))
