"""Where an unfinished stage keeps what it has, so that the same command continues after `kill -9`."""

from __future__ import annotations

import re
from pathlib import Path

from visual_relations.artefacts.atomic import remove


class Workspace:
    """A folder of half-finished work, one sub-folder per stage and fingerprint.

    A stage that is run again with the same fingerprint finds its folder as it left it; with another fingerprint it gets
    an empty one, and the outdated one goes. Stages that run at the same time need different names.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def folder(self, name: str, fingerprint: str) -> Path:
        """The folder of a stage, made if needed; those of other fingerprints of this name are deleted.

        Args:
            name: Of the stage, e.g. `union_image_features` or `crepe.relation_head.seed_0`.
            fingerprint: Of everything the stage's result depends on.

        Raises:
            ValueError: If the name is not a plain file name.
        """
        folder = self._stage(name) / fingerprint[:16]
        for other in folder.parent.glob("*"):
            if other != folder:
                remove(other)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def clear(self, name: str) -> None:
        """Delete the work of a stage that is complete."""
        remove(self._stage(name))

    def _stage(self, name: str) -> Path:
        if not re.fullmatch(r"\w[\w.@=+-]*", name):
            raise ValueError(f"{name!r} cannot name a stage's folder: use letters, digits and _ . @ = + - only")
        return self.root / name
