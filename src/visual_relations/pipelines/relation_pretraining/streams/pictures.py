"""Pictures of a collection, decoded once where memory allows; those that cannot be used are counted and passed over."""

from __future__ import annotations

import logging
from typing import Protocol

from PIL import Image

from visual_relations.artefacts.images import ImageError

logger = logging.getLogger(__name__)


class Opener(Protocol):
    """A folder of photos, a folder of shards."""

    def open(self, name: str) -> Image.Image:
        """Decode a picture to RGB.

        Raises:
            ImageError: If it is missing or cannot be used.
        """
        ...


class Pictures:
    """Pictures by name.

    Args:
        source: Decodes them.
        megabytes: How much may be kept decoded.

    Attributes:
        failed: Reason by name of every picture that could not be used so far.
    """

    def __init__(self, source: Opener, megabytes: float = 0.0) -> None:
        self._source = source
        self._room = int(megabytes * 1e6)
        self._kept: dict[str, Image.Image] = {}
        self.failed: dict[str, str] = {}

    def get(self, name: str) -> Image.Image | None:
        """A picture, or None if it cannot be used."""
        if name in self._kept:
            return self._kept[name]
        if name in self.failed:
            return None
        try:
            picture = self._source.open(name)
        except ImageError as error:
            self.failed[name] = str(error)
            logger.warning("passed over (%d so far): %s", len(self.failed), error)
            return None
        size = 3 * picture.width * picture.height
        if size <= self._room:
            self._kept[name] = picture
            self._room -= size
        return picture
