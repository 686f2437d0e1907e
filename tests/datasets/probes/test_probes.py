"""Every reader on a small made-up file in the benchmark's exact format."""

from __future__ import annotations

import json

import polars as pl
import pytest
from kedro.io import DatasetError

from visual_relations.datasets.annotations.files import AnnotationError
from visual_relations.datasets.probes import ProbesDataset, RetrievalDataset
from visual_relations.datasets.probes.dataset import READERS
from visual_relations.metrics.matching.items import CELL_SCHEMA
from visual_relations.metrics.matching.protocols import protocol_of


def lines(records):
    return "\n".join(map(json.dumps, records)) + "\n"


VSR = {
    "image": "000000239417.jpg",
    "image_link": "http://images.cocodataset.org/train2017/000000239417.jpg",
    "caption": "The bench is among the trains.",
    "label": 0,
    "relation": "among",
    "annotator_id": 1,
    "vote_true_validator_id": "[]",
    "vote_false_validator_id": "[2, 10, 1]",
    "reference_frame": None,
}
VSR_V1 = {**VSR, "label": 1, "vote_true_validator_id": [4], "vote_false_validator_id": [], "subj": "bench", "obj": "t"}
VALSE = {
    "a_1": {
        "dataset": "visual7w",
        "dataset_idx": "1",
        "image_file": "v7w_1.jpg",
        "caption": "There are no people.",
        "foil": "There are people.",
        "classes": 0,
        "classes_foil": [2, 1],
        "mturk": {"foil": 0, "caption": 3, "other": 0},
    },
    "a_2": {
        "dataset": "coco_2017",
        "image_file": "000000000002.jpg",
        "caption": "One dog.",
        "foil": "Two dogs.",
        "mturk": {"foil": 1, "caption": 1, "other": 1},
    },
}
SUGARCREPE = {"1": {"filename": "1.jpg", "caption": "A man waves.", "negative_caption": "A dog waves."}}
SUGARCREPE_PP = [
    {"id": 7, "filename": "1.jpg", "caption": "A man waves.", "caption2": "A waving man.", "negative_caption": "A dog."}
]
SVO = (
    "sentence,pos_triplet,neg_triplet,pos_url,neg_url,pos_image_id,neg_image_id,subj_neg,verb_neg,obj_neg\n"
    'A girl rides.,"girl,ride,horse","man,ride,horse",http://a/1.jpg,http://a/2.jpg,11,12,True,False,False\n'
    '"A girl, riding.","girl,ride,horse","man,eat,horse",http://a/1.jpg,http://a/3.jpg,11,13,True,True,False\n'
)
WINOGROUND = {
    "id": 0,
    "image_0": "ex_0_img_0",
    "image_1": "ex_0_img_1",
    "caption_0": "an old person kisses a young person",
    "caption_1": "a young person kisses an old person",
    "tag": "Adjective-Age",
    "secondary_tag": "",
    "num_main_preds": 1,
    "collapsed_tag": "Object",
}
ARO = {
    "image_id": "2367365",
    "image_path": "2367365.jpg",
    "bbox_x": 35,
    "bbox_y": 46.5,
    "bbox_w": 100,
    "bbox_h": 50,
    "relation_name": "behind",
    "attributes": ["wooden", "white"],
    "true_caption": "the door is behind the chair",
    "false_caption": "the chair is behind the door",
}
WHATSUP = [
    {
        "image_path": f"data/controlled_images/mug_{preposition}_plate.jpeg",
        "caption_options": [f"A mug {word} a plate", "A mug under a plate", "A mug on a plate", "A mug by a plate"],
    }
    for preposition, word in (("left_of", "left of"), ("right_of", "right of"), ("on", "on"), ("under", "under"))
]

FILES = {
    "vsr": lines([VSR, VSR_V1]),
    "sugarcrepe": SUGARCREPE,
    "svo_probes": SVO,
    "winoground": lines([WINOGROUND]),
    "cola": [["http://v/VG_100K_2/1.jpg", "red cup", "http://v/VG_100K/2.jpg", "blue cup"]],
    "aro_relation": [ARO, {**ARO, "relation_name": "next to"}],
    "aro_attribution": [ARO],
    "aro_order": [{"image": "val2014/x.jpg", "caption_options": ["a b c", "c b a", "b a c", "b c a", "a c b"]}],
    "whatsup": WHATSUP,
    "foils": lines([{"id": "o_0", "image_id": "10", "caption": "A dog", "foil": "A cat", "kind": "object"}]),
}
FOLDERS = {
    "valse": {"existence": VALSE, "plurals": VALSE, "model_outputs_expected": {"albef_4m": {"n": 1}}},
    "sugarcrepe": {"swap_obj": SUGARCREPE, "add_att": SUGARCREPE},
    "sugarcrepe_pp": {"swap_obj": SUGARCREPE_PP},
}


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def read(tmp_path, reader, path, **options):
    source = {"benchmark": reader, "reader": reader, "path": path, "options": options}
    return ProbesDataset(str(tmp_path), [source]).load()


@pytest.fixture
def cells(tmp_path):
    """Reads a benchmark's made-up file."""

    def load(reader, **options):
        if reader in FOLDERS:
            for name, content in FOLDERS[reader].items():
                write(tmp_path / f"{name}.json", content)
            return read(tmp_path, reader, ".", **options)
        write(tmp_path / "file", FILES[reader])
        return read(tmp_path, reader, "file", **options)

    return load


@pytest.mark.parametrize("reader", sorted(READERS.keys() - {"bivlc"}))
def test_every_reader_yields_cells_of_a_known_protocol(cells, reader):
    table = cells(reader)
    assert dict(table.schema) == CELL_SCHEMA
    assert table.height
    assert protocol_of(reader)
    assert table["gold"].any()


def test_vsr_reads_both_releases_and_the_later_group_wins(cells, tmp_path):
    write(tmp_path / "groups.txt", "Topological: on, among \nUnallocated: beyond, among, next to\n")
    table = cells("vsr", relation_groups="groups.txt")
    assert table["gold"].to_list() == [False, True]
    assert table["slices"].to_list() == [["group:Unallocated", "relation:among"]] * 2


def test_valse_keeps_items_that_annotators_agree_on(cells):
    table = cells("valse")
    assert table["item"].unique(maintain_order=True).to_list() == ["existence/a_1", "plurals/a_1"]
    assert table["slices"][0].to_list() == ["piece:existence"]
    assert cells("valse", minimum_votes=1)["item"].n_unique() == 4


def test_svo_probes_names_the_exchanged_part(cells):
    table = cells("svo_probes").filter(image_index=1)
    assert table["image"].to_list() == ["12.jpg", "13.jpg"]
    assert table["text"].to_list() == ["A girl rides.", "A girl, riding."]
    assert table["slices"].to_list() == [["type:subj", "exchanged:subj"], ["type:subj"]]


def test_winoground_and_cola_are_two_by_two(cells):
    for reader in ("winoground", "cola"):
        assert cells(reader)["gold"].to_list() == [True, False, False, True]
    assert cells("cola")["image"].unique(maintain_order=True).to_list() == ["1.jpg", "2.jpg"]


def test_aro_cuts_to_the_box_and_knows_undirected_relations(cells):
    table = cells("aro_relation")
    assert table["box"][0].to_list() == [35, 46.5, 135, 96.5]
    assert table.filter(text_index=0)["slices"].to_list() == [
        ["relation:behind", "directed_relation:behind"],
        ["relation:next to"],
    ]
    assert cells("aro_attribution")["slices"][0].to_list() == ["attributes:wooden_white"]


def test_whatsup_pairs_and_sets_come_from_the_file_names(cells, tmp_path):
    groups = cells("whatsup").filter(text_index=0)["groups"].to_list()
    assert [pair for pair, _ in groups] == ["pair:mug_plate:sideways"] * 2 + ["pair:mug_plate:other"] * 2
    assert {of_four for _, of_four in groups} == {"set:mug_plate"}
    write(tmp_path / "qa.json", [[139, "a dog on the left", "a dog on the right"], ["2377", "a", "b"]])
    table = read(tmp_path, "whatsup", "qa.json")
    assert table.filter(text_index=0)["image"].to_list() == ["000000000139.jpg", "2377.jpg"]


def test_bivlc_keeps_its_pictures_in_the_parquet_file(tmp_path):
    row = {"caption": "a", "negative_caption": "b", "type": "swap", "subtype": "att"}
    pl.DataFrame([row, row]).write_parquet(tmp_path / "test.parquet")
    table = read(tmp_path, "bivlc", "test.parquet")
    assert table["image"].unique(maintain_order=True).to_list() == [
        f"test.parquet#{n}.{column}" for n in (0, 1) for column in ("image", "negative_image")
    ]
    assert table["slices"][0].to_list() == ["type:swap", "subtype:swap_att"]


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        ("vsr", lines([VSR, {"image": "x.jpg"}]), "line 2.*caption"),
        ("vsr", '{"image": "x', "line 1"),
        ("winoground", lines([{**WINOGROUND, "caption_1": None}]), "line 1.*caption_1"),
        ("svo_probes", "sentence,pos_image_id\na,1\n", "neg_image_id"),
        ("svo_probes", SVO.replace("True", "False"), "row 2"),
        ("cola", [["a", "b", "c"]], "file"),
        ("whatsup", [{"image_path": "x.jpg"}], "caption_options"),
    ],
)
def test_a_wrong_record_is_named_with_its_file(tmp_path, reader, content, message):
    write(tmp_path / "file", content)
    with pytest.raises(AnnotationError, match=f"(?s)file.*{message}|{message}"):
        read(tmp_path, reader, "file")


def test_absent_files_are_an_error_unless_optional(tmp_path):
    for reader in sorted(READERS):
        with pytest.raises(AnnotationError, match=r"not there|has none of"):
            read(tmp_path, reader, "nothing")
    source = {"benchmark": "vsr", "reader": "vsr", "path": "nothing"}
    assert ProbesDataset(str(tmp_path), [source], optional=True).load().height == 0


def test_a_wrong_source_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(DatasetError, match="no reader"):
        ProbesDataset(str(tmp_path), [{"benchmark": "x", "reader": "vrs", "path": "x"}])
    with pytest.raises(ValueError, match="spilt"):
        ProbesDataset(str(tmp_path), [{"benchmark": "x", "reader": "vsr", "path": "x", "spilt": "dev"}])
    with pytest.raises(DatasetError, match="read-only"):
        ProbesDataset(str(tmp_path), []).save(pl.DataFrame())


RETRIEVAL = {
    "list": (
        [{"image": "val2014/1.jpg", "caption": ["a", "b"]}, {"image": "2.jpg", "caption": "c"}],
        {},
        "val2014/1.jpg",
    ),
    "karpathy": (
        {
            "dataset": "coco",
            "images": [
                {
                    "filename": "1.jpg",
                    "filepath": "val2014",
                    "split": "test",
                    "sentences": [{"raw": "a"}, {"raw": "b"}],
                },
                {"filename": "2.jpg", "split": "test", "sentences": [{"raw": "c"}]},
                {"filename": "3.jpg", "split": "restval", "sentences": [{"raw": "d"}]},
            ],
        },
        {},
        "val2014/1.jpg",
    ),
    "coco_captions": (
        {
            "images": [
                {"id": 1, "file_name": "1.jpg"},
                {"id": 2, "file_name": "2.jpg"},
                {"id": 3, "file_name": "3.jpg"},
            ],
            "annotations": [
                {"id": n, "image_id": i, "caption": c}
                for n, (i, c) in enumerate([(1, "a"), (1, "b"), (2, "c"), (3, "d")])
            ],
        },
        {"image_ids": "ids.json"},
        "1.jpg",
    ),
    "paragraphs": (
        [
            {"url": "http://x/1.jpg", "image_id": n, "paragraph": text}
            for n, text in ((1, "a"), (2, "b\n"), (5, "c "), (3, "d"))
        ],
        {"image_ids": "list.json"},
        "1.jpg",
    ),
}


@pytest.mark.parametrize("reader", sorted(RETRIEVAL))
def test_retrieval_readers_yield_images_with_their_texts(tmp_path, reader):
    content, options, first = RETRIEVAL[reader]
    write(tmp_path / "captions.json", content)
    write(tmp_path / "ids.json", {"train": [3], "test": ["1", 2]})
    write(tmp_path / "list.json", [1, 2, 5])
    source = {"benchmark": "coco_karpathy", "reader": reader, "path": "captions.json", "options": options}
    table = RetrievalDataset(str(tmp_path), [source]).load()
    assert table["text"].to_list() == ["a", "b", "c"]
    assert table["image"][0] == first


def test_a_retrieval_split_without_captions_is_an_error(tmp_path):
    write(tmp_path / "captions.json", RETRIEVAL["karpathy"][0])
    source = {"benchmark": "x", "reader": "karpathy", "path": "captions.json", "options": {"split": "tset"}}
    with pytest.raises(AnnotationError, match="no captions"):
        RetrievalDataset(str(tmp_path), [source]).load()
