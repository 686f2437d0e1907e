"""Readers of ARO's Visual Genome parts (Yuksekgonul et al. 2023): swapped subject and object, swapped attributes."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from msgspec import Struct

from visual_relations.datasets.annotations.files import read_json
from visual_relations.metrics.matching.items import ProbeItem

# Relations that the published VG-Relation figure leaves out as symmetric (or too vague); from the authors' notebook.
UNDIRECTED = frozenset(
    json.loads(files("visual_relations.datasets.probes").joinpath("aro_undirected.json").read_text())
)


class _Aro(Struct):
    image_path: str
    bbox_x: float
    bbox_y: float
    bbox_w: float
    bbox_h: float
    true_caption: str
    false_caption: str
    relation_name: str = ""
    attributes: list[str] = []


def read_aro_relation(path: Path) -> list[ProbeItem]:
    """VG-Relation: `visual_genome_relation.json`. The picture is cut to the box of the two objects."""

    def slices(record: _Aro) -> tuple[str, ...]:
        name = record.relation_name
        return (f"relation:{name}", *((f"directed_relation:{name}",) if name not in UNDIRECTED else ()))

    return [_item(number, record, slices(record)) for number, record in enumerate(_read(path))]


def read_aro_attribution(path: Path) -> list[ProbeItem]:
    """VG-Attribution: `visual_genome_attribution.json`."""
    return [
        _item(number, record, (f"attributes:{'_'.join(record.attributes[:2])}",))
        for number, record in enumerate(_read(path))
    ]


def _read(path: Path) -> list[_Aro]:
    records: list[_Aro] = read_json(path, list[_Aro], "the list of ARO's test cases")
    return records


def _item(number: int, record: _Aro, slices: tuple[str, ...]) -> ProbeItem:
    x, y = record.bbox_x, record.bbox_y
    return ProbeItem(
        str(number),
        (record.image_path,),
        (record.true_caption, record.false_caption),
        ((True, False),),
        slices,
        box=(x, y, x + record.bbox_w, y + record.bbox_h),
    )
