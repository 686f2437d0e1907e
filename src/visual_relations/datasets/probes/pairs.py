"""Readers of benchmarks with two images: one sentence for two pictures, or two pictures for two sentences."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from msgspec import Struct

from visual_relations.datasets.annotations.files import AnnotationError, read_json
from visual_relations.datasets.probes.files import read_lines
from visual_relations.metrics.matching.items import ProbeItem

SVO_COLUMNS = ["sentence", "pos_image_id", "neg_image_id", "subj_neg", "verb_neg", "obj_neg"]
BIVLC_COLUMNS = ["caption", "negative_caption", "type", "subtype"]
CROSSED = ((True, False), (False, True))


class _Winoground(Struct):
    id: int
    caption_0: str
    caption_1: str
    image_0: str
    image_1: str
    collapsed_tag: str = ""


def read_svo_probes(path: Path) -> list[ProbeItem]:
    """SVO-Probes (Hendricks and Nematzadeh 2021): which of two pictures shows subject, verb and object.

    Args:
        path: `svo_probes.csv`. Pictures are files named by their image ids; most of their web addresses are dead.
    """
    table = _read_csv(path)
    items = []
    for number, row in enumerate(table.iter_rows(named=True)):
        exchanged = [part for part in ("subj", "verb", "obj") if str(row[f"{part}_neg"]).lower() == "true"]
        if not exchanged:
            raise AnnotationError(f"{path}, row {number + 2}: none of subj_neg, verb_neg, obj_neg is True")
        slices = [f"type:{exchanged[0]}", *(f"exchanged:{part}" for part in exchanged if len(exchanged) == 1)]
        images = (f"{row['pos_image_id']}.jpg", f"{row['neg_image_id']}.jpg")
        items.append(ProbeItem(str(number), images, (row["sentence"],), ((True,), (False,)), tuple(slices)))
    return items


def read_winoground(path: Path) -> list[ProbeItem]:
    """Winoground (Thrush et al. 2022): two captions of the same words and a picture for each; `examples.jsonl`."""
    return [
        ProbeItem(
            str(item.id),
            (f"{item.image_0}.png", f"{item.image_1}.png"),
            (item.caption_0, item.caption_1),
            CROSSED,
            (f"tag:{item.collapsed_tag}",) if item.collapsed_tag else (),
        )
        for item in read_lines(path, _Winoground)
    ]


def read_cola(path: Path) -> list[ProbeItem]:
    """Cola, multi-object (Ray et al. 2023): lists [address, caption, address, caption]; files are named as there."""
    records = read_json(path, list[tuple[str, str, str, str]], "lists of [image, caption, image, caption]")
    return [
        ProbeItem(str(number), (first.rpartition("/")[2], second.rpartition("/")[2]), (caption, other), CROSSED)
        for number, (first, caption, second, other) in enumerate(records)
    ]


def read_bivlc(path: Path) -> list[ProbeItem]:
    """BiVLC (Miranda et al. 2024): a COCO picture and a generated one, a caption for each.

    Args:
        path: The test split's parquet file, which holds the pictures too: they are named `<file>#<row>.<column>`.
    """
    if not path.is_file():
        raise AnnotationError(f"{path} is not there. Put the benchmark's parquet file there, or change its path.")
    rows = pl.read_parquet(path, columns=BIVLC_COLUMNS).iter_rows(named=True)
    return [
        ProbeItem(
            str(number),
            (f"{path.name}#{number}.image", f"{path.name}#{number}.negative_image"),
            (row["caption"], row["negative_caption"]),
            CROSSED,
            (f"type:{row['type']}", f"subtype:{row['type']}_{row['subtype']}"),
        )
        for number, row in enumerate(rows)
    ]


def _read_csv(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise AnnotationError(
            f"{path} is not there. Put the benchmark's file there, or change its path in the catalog."
        )
    table = pl.read_csv(path, infer_schema=False)
    if missing := sorted(set(SVO_COLUMNS) - set(table.columns)):
        raise AnnotationError(f"{path} lacks the columns {missing}: is it svo_probes.csv?")
    return table
