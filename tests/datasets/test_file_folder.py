from __future__ import annotations

import pytest
from kedro.io import DatasetError

from visual_relations.datasets.file_folder import FileFolderDataset


def test_files_come_back_by_their_path(tmp_path):
    dataset = FileFolderDataset(str(tmp_path / "folder"))
    files = {"a.json": b"{}", "below/b.bin": b"\x00\x01"}
    dataset.save(files)
    assert dataset.load() == files


def test_saving_replaces_the_whole_folder(tmp_path):
    dataset = FileFolderDataset(str(tmp_path / "folder"))
    dataset.save({"old": b"1"})
    dataset.save({"new": b"2"})
    assert dataset.load() == {"new": b"2"}


@pytest.mark.parametrize("files", [{}, {"../outside": b""}, {"/outside": b""}])
def test_nothing_is_written_outside_the_folder(tmp_path, files):
    with pytest.raises(DatasetError, match="cannot save"):
        FileFolderDataset(str(tmp_path / "folder")).save(files)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DatasetError, match="no folder"):
        FileFolderDataset(str(tmp_path / "absent")).load()
