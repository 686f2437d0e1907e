"""A folder of photos as a catalog entry."""

from __future__ import annotations

import base64
import io
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import ImagePreview
from PIL import Image

from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.images import ImageError

PREVIEW_COLUMNS, PREVIEW_ROWS, PREVIEW_SIDE = 6, 4, 128


class ImageFolderDataset(AbstractDataset[NoReturn, ImageFolder]):
    """Photos by file name; read-only.

    Args:
        filepath: Root of the photos.
        subfolders: Folders below it in which to look too, e.g. [VG_100K, VG_100K_2]: Visual Genome's own files disagree
            about which of the two a photo is in.
        metadata: For Kedro-Viz.
    """

    def __init__(
        self, filepath: str, subfolders: list[str] | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath = Path(filepath)
        self._subfolders = tuple(subfolders or ())
        self.metadata = metadata

    def load(self) -> ImageFolder:
        """A handle; photos are opened when they are asked for.

        Raises:
            DatasetError: If the folder is not there.
        """
        if not self._filepath.is_dir():
            raise DatasetError(f"no image folder {self._filepath}: fetch the photos, or correct `raw` in globals.yml")
        return ImageFolder(self._filepath, self._subfolders)

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: photos are never changed."""
        raise DatasetError(f"{type(self).__name__} is read-only: {self._filepath}")

    def preview(self) -> ImagePreview:
        """A grid of some of the photos, for Kedro-Viz."""
        sheet = Image.new("RGB", (PREVIEW_COLUMNS * PREVIEW_SIDE, PREVIEW_ROWS * PREVIEW_SIDE), "white")
        for place, photo in enumerate(islice(_readable(self.load()), PREVIEW_COLUMNS * PREVIEW_ROWS)):
            photo.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
            row, column = divmod(place, PREVIEW_COLUMNS)
            sheet.paste(photo, (column * PREVIEW_SIDE, row * PREVIEW_SIDE))
        buffer = io.BytesIO()
        sheet.save(buffer, "PNG")
        return ImagePreview(base64.b64encode(buffer.getvalue()).decode())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "subfolders": list(self._subfolders)}

    def _exists(self) -> bool:
        return self._filepath.is_dir()


def _readable(folder: ImageFolder) -> Any:
    for name in folder.names():
        try:
            yield folder.open(name)
        except ImageError:
            continue
