"""BERT tokenizers as catalog entries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

if TYPE_CHECKING:
    from visual_relations.vision_language.tokenizer import WordPiece


class WordPieceDataset(AbstractDataset[NoReturn, Any]):
    """A folder with BERT's `tokenizer.json`, or with its `vocab.txt`.

    Args:
        filepath: The folder.
        metadata: For Kedro-Viz.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> WordPiece:
        """The tokenizer.

        Raises:
            DatasetError: If there is none.
        """
        from visual_relations.vision_language.tokenizer import WordPiece

        try:
            return WordPiece(self._filepath)
        except (FileNotFoundError, ValueError) as error:
            raise DatasetError(str(error)) from error

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: tokenizers are made elsewhere."""
        raise DatasetError(f"{type(self).__name__} is read-only: {self._filepath}")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _exists(self) -> bool:
        return self._filepath.is_dir()
