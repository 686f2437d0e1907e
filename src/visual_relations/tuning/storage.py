"""Where studies are kept: a journal file, or a database for a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend


@dataclass(frozen=True)
class StudyStore:
    """A place of studies.

    Attributes:
        place: Path of a journal file, which any number of processes on one file system may share, or a database URL
            such as `postgresql+psycopg://user:password@host/name`.
    """

    place: str

    @property
    def is_database(self) -> bool:
        """Whether the place is a URL."""
        return "://" in self.place

    def open(self) -> BaseStorage:
        """Connect; a journal file is made if needed."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if self.is_database:
            return RDBStorage(self.place)
        Path(self.place).parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(self.place))
