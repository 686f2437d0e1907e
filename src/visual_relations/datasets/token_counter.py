"""How many tokens a text has, by a tokenizer that the catalog chooses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from visual_relations.graphs.verbalise import CountTokens, count_words


class TokenCounterDataset(AbstractDataset[NoReturn, CountTokens]):
    """Reads a `tokenizer.json` (Hugging Face tokenizers); without one, words are counted."""

    def __init__(self, filepath: str | None = None, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = None if filepath is None else Path(filepath)
        self.metadata = metadata

    def load(self) -> CountTokens:
        """A function from texts to their token counts, special tokens not counted.

        Raises:
            DatasetError: If the file is no tokenizer.
        """
        if self._filepath is None:
            return count_words
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self._filepath))
        except Exception as error:  # the library raises plain Exception
            raise DatasetError(
                f"{self._filepath}: {error}. It should be the tokenizer.json of a Hugging Face tokenizer; "
                "set its filepath in the catalog to null to count words instead."
            ) from error

        def count(texts: Sequence[str]) -> list[int]:
            return [len(encoding) for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]

        return count

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: tokenizers are made elsewhere."""
        raise DatasetError(f"TokenCounterDataset is read-only: {self._filepath}")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def _exists(self) -> bool:
        return self._filepath is None or self._filepath.exists()
