"""Readers of benchmarks that show one image and ask which text fits it (one is true, or several are)."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, field

from visual_relations.datasets.annotations.files import read_json
from visual_relations.datasets.probes.files import read_folder, read_lines
from visual_relations.metrics.matching.items import ProbeItem

VALSE_PIECES = (
    "existence",
    "plurals",
    "counting-hard",
    "counting-small-quant",
    "counting-adversarial",
    "relations",
    "action-replacement",
    "actant-swap",
    "coreference-standard",
    "coreference-hard",
    "foil-it",
)
SUGARCREPE_FILES = ("add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")


class _Votes(Struct):
    caption: int


class _Valse(Struct):
    image_file: str
    caption: str
    foil: str
    mturk: _Votes


class _SugarCrepe(Struct):
    filename: str
    caption: str
    negative_caption: str


class _SugarCrepePP(Struct):
    filename: str
    caption: str
    caption2: str
    negative_caption: str


class _Foil(Struct):
    id: str
    image_id: str
    caption: str
    foil: str
    kind: str


class _Options(Struct):
    caption_options: list[str]
    image: str = ""
    image_path: str = ""


class _Vsr(Struct):
    image: str
    caption: str
    label: int = field()
    relation: str = ""


def read_vsr(path: Path, relation_groups: str | None = None) -> list[ProbeItem]:
    """VSR, either release: one caption per line that is true or false of its image (Liu et al. 2023).

    Args:
        path: A split's .jsonl file.
        relation_groups: The repository's `rel_meta_category_dict.txt`, to break results down by its groups. A relation
            that stands in two of them belongs to the later one, as in the published analysis.
    """
    groups = _vsr_groups(Path(relation_groups)) if relation_groups else {}
    items = []
    for number, record in enumerate(read_lines(path, _Vsr)):
        slices = [f"relation:{record.relation}"]
        if group := groups.get(record.relation):
            slices.insert(0, f"group:{group}")
        gold = ((bool(record.label),),)
        items.append(ProbeItem(str(number), (record.image,), (record.caption,), gold, tuple(slices)))
    return items


def _vsr_groups(path: Path) -> dict[str, str]:
    groups = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, relations = line.partition(":")
        groups.update({relation.strip(): name.strip() for relation in relations.split(",")})
    return groups


def read_valse(path: Path, minimum_votes: int = 2) -> list[ProbeItem]:
    """VALSE: a caption and its foil in eleven pieces (Parcalabescu et al. 2022).

    Args:
        path: Folder of the pieces' .json files.
        minimum_votes: Annotators who must have preferred the caption; published results use items with two or three.
    """
    return [
        _caption_and_foil(f"{piece}/{key}", record.image_file, record.caption, record.foil, f"piece:{piece}")
        for piece, records in read_folder(path, VALSE_PIECES, dict[str, _Valse]).items()
        for key, record in records.items()
        if record.mturk.caption >= minimum_votes
    ]


def read_sugarcrepe(path: Path) -> list[ProbeItem]:
    """SugarCrepe: a caption and a fluent wrong one in seven files (Hsieh et al. 2023); `path` is their folder."""
    return [
        _caption_and_foil(f"{name}/{key}", item.filename, item.caption, item.negative_caption, f"file:{name}")
        for name, records in read_folder(path, SUGARCREPE_FILES, dict[str, _SugarCrepe]).items()
        for key, item in records.items()
    ]


def read_sugarcrepe_pp(path: Path) -> list[ProbeItem]:
    """SugarCrepe++: two true captions in other words against one false one (Dumpala et al. 2024)."""
    return [
        ProbeItem(
            f"{name}/{number}",
            (item.filename,),
            (item.caption, item.caption2, item.negative_caption),
            ((True, True, False),),
            (f"file:{name}",),
        )
        for name, records in read_folder(path, SUGARCREPE_FILES, list[_SugarCrepePP]).items()
        for number, item in enumerate(records)
    ]


def read_foils(path: Path) -> list[ProbeItem]:
    """Foils of a world made by this project: {id, image_id, caption, foil, kind} per line."""
    return [
        _caption_and_foil(item.id, f"{item.image_id}.jpg", item.caption, item.foil, f"kind:{item.kind}")
        for item in read_lines(path, _Foil)
    ]


def read_aro_order(path: Path) -> list[ProbeItem]:
    """COCO-Order and Flickr-Order (Yuksekgonul et al. 2023): the true caption first, then shuffled ones.

    The original program shuffles when it runs; `path` is its list of test cases, {image, caption_options}, as JSON.
    """
    records = read_json(path, list[_Options], "a list of {image, caption_options}")
    return [_first_is_true(str(n), item.image, item.caption_options) for n, item in enumerate(records)]


def read_whatsup(path: Path) -> list[ProbeItem]:
    """What'sUp (Kamath et al. 2023): a controlled subset, or one of its COCO-QA and VG-QA files.

    Controlled files are lists of {image_path, caption_options}, whose file names `<object>_<preposition>_..._<object>`
    also say which items form a pair (left and right, on and under, …) and a set of four. The other files are lists of
    [image id, true caption, false caption].
    """
    records = read_json(path, list[_Options | tuple[int | str, str, str]], "the lists of What'sUp")
    return [_whatsup_item(str(number), record) for number, record in enumerate(records)]


def _whatsup_item(name: str, record: _Options | tuple[int | str, str, str]) -> ProbeItem:
    if not isinstance(record, _Options):
        image = f"{record[0]:012d}.jpg" if isinstance(record[0], int) else f"{record[0]}.jpg"
        return _first_is_true(name, image, list(record[1:]))
    file = record.image_path.rpartition("/")[2]
    first, preposition, *_, last = file.rpartition(".")[0].split("_")
    objects = f"{first}_{last}"
    axis = "sideways" if preposition in {"left", "right"} else "other"
    groups = (f"pair:{objects}:{axis}", f"set:{objects}")
    return _first_is_true(name, file, record.caption_options, (f"preposition:{preposition}",), groups)


def _first_is_true(
    name: str, image: str, options: list[str], slices: tuple[str, ...] = (), groups: tuple[str, ...] = ()
) -> ProbeItem:
    gold = (tuple(place == 0 for place in range(len(options))),)
    return ProbeItem(name, (image,), tuple(options), gold, slices, groups)


def _caption_and_foil(name: str, image: str, caption: str, foil: str, label: str) -> ProbeItem:
    return ProbeItem(name, (image,), (caption, foil), ((True, False),), (label,))
