"""Which releases of other libraries made an artefact."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def library_version(distribution: str) -> str | None:
    """Installed release of a distribution; None when it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
