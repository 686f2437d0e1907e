"""A folder of photos, found by name even where the annotations are a little wrong about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from visual_relations.artefacts.images import EXTENSIONS, ImageError, open_image


@dataclass(frozen=True)
class ImageFolder:
    """Photos below a root.

    Attributes:
        root: The folder that file names are relative to.
        subfolders: Folders below it where a photo may be instead.
    """

    root: Path
    subfolders: tuple[str, ...] = ()

    def path(self, file_name: str) -> Path:
        """Find a photo: under its name, in the other folders, then with another extension.

        Args:
            file_name: As in the table `images`, e.g. `VG_100K/2.jpg`.

        Raises:
            ImageError: If it is in none of these places.
        """
        name = Path(file_name)
        places = [self.root / name, *(self.root / sub / name.name for sub in ("", *self.subfolders))]
        for place in places:
            if place.is_file():
                return place
        for place in places:
            for extension in EXTENSIONS:
                for suffix in (extension, extension.upper()):
                    if (other := place.with_suffix(suffix)).is_file():
                        return other
        where = ", ".join(str(folder) for folder in dict.fromkeys(place.parent for place in places))
        raise ImageError(f"{file_name}: no such photo in {where}, nor with another extension")

    def open(self, file_name: str, size: tuple[int, int] | None = None) -> Image.Image:
        """Decode a photo to RGB (see `images.open_image`).

        Raises:
            ImageError: If it is missing or cannot be used.
        """
        return open_image(self.path(file_name), size)

    def names(self) -> Iterator[str]:
        """File names of all photos, sorted within each folder."""
        for folder in (self.root, *(self.root / sub for sub in self.subfolders)):
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                if path.suffix.lower() in EXTENSIONS:
                    yield path.relative_to(self.root).as_posix()
