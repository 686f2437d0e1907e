"""SugarCrepe as published."""

from __future__ import annotations

import json

from visual_relations.datasets.probes import ProbesDataset


def test_all_files_are_read_whole(real_data):
    folder = real_data / "sugarcrepe"
    cells = ProbesDataset(str(folder), [{"benchmark": "sugarcrepe", "reader": "sugarcrepe", "path": "."}]).load()
    files = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert cells["item"].n_unique() == sum(map(len, files.values()))
    for name, records in files.items():
        own = cells.filter(cells["item"].str.starts_with(f"{name}/"))
        assert own.filter("gold")["text"].to_list() == [record["caption"] for record in records.values()]
        assert own.filter(~own["gold"])["text"].to_list() == [r["negative_caption"] for r in records.values()]
        assert own.filter("gold")["image"].to_list() == [record["filename"] for record in records.values()]
