"""What published files do beside their documentation, and what damaged ones do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl
import pytest
from kedro.io import DatasetError
from PIL import Image

from visual_relations.datasets.annotations import (
    AliasDataset,
    EvaluationPhotosDataset,
    GQADataset,
    InteractionwiseDataset,
    OpenImagesDataset,
    PSGDataset,
    ReleasedFeaturesDataset,
    VG150Dataset,
    VisualGenomeDataset,
    VisualGenomeRelationshipsDataset,
    VRDDataset,
    parallel,
)
from visual_relations.datasets.annotations.files import AnnotationError
from visual_relations.graphs.tables import RawGraphs

BOX = {"x": 1, "y": 2, "w": 3, "h": 4}


def write(path: Path, content: Any) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def item(key: Any, **more: Any) -> dict[str, Any]:
    return {"object_id": key, "names": ["man"], **BOX, **more}


def link(key: Any, subject: Any, target: Any, predicate: Any = "on") -> dict[str, Any]:
    return {"relationship_id": key, "predicate": predicate, "subject_id": subject, "object_id": target}


def record(number: Any, objects: Any = (), relationships: Any = ()) -> dict[str, Any]:
    return {"image_id": number, "objects": list(objects), "relationships": list(relationships)}


def scene_graphs(folder: Path, records: Any, images: Any = None, **more: Any) -> RawGraphs:
    known = [{"image_id": 1, "width": 10, "height": 10}] if images is None else images
    return VisualGenomeDataset(
        write(folder / "scene_graphs.json", records), write(folder / "image_data.json", known), **more
    ).load()


def reasons(raw: RawGraphs) -> list[str]:
    return raw.rejected["reason"].to_list()


class TestVisualGenome:
    def test_missing_and_null_attributes_are_none(self, tmp_path: Path):
        objects = [item(1), item(2, attributes=None), item(3, attributes=["red", "big"])]
        assert scene_graphs(tmp_path, [record(1, objects)]).objects["attributes"].to_list() == [[], [], ["red", "big"]]

    def test_further_names_are_kept(self, tmp_path: Path):
        raw = scene_graphs(tmp_path, [record(1, [item(1, names=["man", "guy"]), item(2, names=[])])])
        assert raw.objects.select("name", "other_names").rows() == [("man", ["guy"]), (None, [])]

    def test_ids_may_be_numbers_or_strings(self, tmp_path: Path):
        raw = scene_graphs(tmp_path, [record(1, [item(1), item("b")], [link("r", 1, "b")])])
        assert raw.objects["object_id"].to_list() == ["1", "b"]
        assert raw.relations.row(0) == ("1", "r", "1", "b", "on")

    def test_the_photos_folder_is_kept_and_ids_elsewhere_are_read(self, tmp_path: Path):
        images = [
            {"image_id": 1, "width": 8, "height": 9, "url": "https://x/VG_100K_2/1.jpg", "coco_id": 5, "flickr_id": 6},
            {"id": 2, "width": 8, "height": 9, "url": "https://x/images/2.png", "coco_id": None},
        ]
        raw = scene_graphs(tmp_path, [], images)
        assert raw.images.select("image_id", "file_name", "coco_id", "flickr_id").rows() == [
            ("1", "VG_100K_2/1.jpg", 5, "6"),
            ("2", "2.png", None, None),
        ]

    def test_an_image_without_metadata_and_one_without_a_graph_both_stay(self, tmp_path: Path):
        raw = scene_graphs(tmp_path, [record(9, [item(1)])])
        assert raw.images.select("image_id", "width").rows() == [("1", 10), ("9", None)]
        assert raw.n_records["image"] == 2

    def test_an_object_that_does_not_fit_goes_alone(self, tmp_path: Path):
        objects = [item(1), {**item(2), "x": "left"}, "man", item(3, names="man"), {**item(4), "w": "5"}]
        raw = scene_graphs(tmp_path, [record(1, objects, [link(1, 1, 4), {"predicate": "on"}])])
        assert raw.objects["object_id"].to_list() == ["1", "4"], "numbers in quotes are numbers"
        assert raw.rejected["kind"].to_list() == ["object"] * 3 + ["relation"]
        assert "Expected `float`, got `str` - at `$.x`" in reasons(raw)
        assert raw.rejected["image_id"].unique().to_list() == ["1"]
        assert raw.n_records == {"image": 1, "object": 5, "relation": 2}

    def test_a_record_that_does_not_fit_takes_its_children_along(self, tmp_path: Path):
        broken = {"image_id": None, "objects": [item(1), item(2)], "relationships": [link(1, 1, 2)]}
        raw = scene_graphs(tmp_path, [record(1), broken, 5])
        assert raw.rejected["kind"].to_list() == ["image", "object", "object", "relation", "image"]
        assert raw.n_records == {"image": 3, "object": 2, "relation": 1}

    def test_a_second_graph_of_an_image_is_rejected(self, tmp_path: Path):
        raw = scene_graphs(tmp_path, [record(1, [item(1)]), record("1", [item(2)])])
        assert raw.objects["object_id"].to_list() == ["1"]
        assert reasons(raw) == ["this image occurs twice", "its image occurs twice"]

    def test_splits_are_assigned_and_contradictions_named(self, tmp_path: Path):
        images = [{"image_id": n, "width": 9, "height": 9} for n in (1, 2, 3)]
        splits = write(tmp_path / "splits.json", {"train": [1], "test": ["2", 77]})
        assert scene_graphs(tmp_path, [], images, splits=splits).images["split"].to_list() == ["train", "test", ""]
        write(tmp_path / "splits.json", {"train": [1], "test": [1]})
        with pytest.raises(AnnotationError, match=r"splits\.json: image 1 is in 'train' and in 'test'"):
            scene_graphs(tmp_path, [], images, splits=splits)

    def test_parts_read_by_several_processes_are_the_whole(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        records = [record(n, [item(1), "bad", item(2)], [link(1, 1, 2)]) for n in range(9)]
        alone = scene_graphs(tmp_path, records)
        monkeypatch.setattr(parallel, "WORTH_IT", 0)
        monkeypatch.setattr(parallel, "_n_cpus", lambda: 2)
        together = scene_graphs(tmp_path, records)
        assert together.objects.equals(alone.objects)
        assert together.relations.equals(alone.relations)
        assert together.rejected.equals(alone.rejected)
        assert together.n_records == alone.n_records
        repeated = scene_graphs(tmp_path, [*records, record(0)])
        assert reasons(repeated).count("this image occurs twice") == 1, "even in another process's part"


class TestVisualGenomeReleases:
    def read(self, folder: Path, **files: Any) -> RawGraphs:
        paths = {role: write(folder / f"{role}.json", content) for role, content in files.items()}
        images = write(folder / "image_data.json", [{"image_id": 1, "width": 10, "height": 10}])
        return VisualGenomeRelationshipsDataset(images, **paths).load()

    def test_ends_unknown_to_the_objects_file_become_objects(self, tmp_path: Path):
        subject, target = ({"object_id": key, "name": "hat", **BOX} for key in (1, 2))
        relation = {"relationship_id": 7, "predicate": "on", "subject": subject, "object": target}
        raw = self.read(
            tmp_path,
            objects=[{"image_id": 1, "objects": [item(1)]}],
            relationships=[{"image_id": 1, "relationships": [relation]}],
        )
        assert raw.objects.select("object_id", "name").rows() == [("1", "man"), ("2", "hat")]

    def test_attributes_join_the_object_of_the_same_id(self, tmp_path: Path):
        raw = self.read(
            tmp_path,
            objects=[{"image_id": 1, "objects": [item(1)]}],
            attributes=[{"image_id": 1, "attributes": [item(1, attributes=["red"]), item(5)]}],
        )
        assert raw.objects.select("object_id", "attributes").rows() == [("1", ["red"]), ("5", [])]

    def test_repeated_and_nameless_ids_are_rejected(self, tmp_path: Path):
        nameless = {"names": ["man"], **BOX}
        relation = {"relationship_id": 7, "predicate": "on", "subject": nameless, "object": item(1)}
        raw = self.read(
            tmp_path,
            objects=[
                {"image_id": 1, "objects": [item(1), item(1), nameless]},
                {"objects": []},
                {"id": 1, "objects": []},
            ],
            relationships=[{"image_id": 1, "relationships": [relation, {**relation, "relationship_id": None}]}],
        )
        assert reasons(raw) == [
            "its object_id occurs twice in this file",
            "neither `object_id` nor `id`",
            "neither `image_id` nor `id`",
            "this image occurs twice",
            "an end has no id",
            "an end has no id",
        ]

    def test_a_reader_without_files_is_refused(self):
        with pytest.raises(DatasetError):
            VisualGenomeRelationshipsDataset("")


class TestVG150:
    def read(self, folder: Path, **changes: Any) -> RawGraphs:
        arrays = {
            "split": [0, 0, 2, 0, 2],
            "img_to_first_box": [0, 2, 4, -1, 6],
            "img_to_last_box": [1, 3, 5, -1, 6],
            "img_to_first_rel": [0, 1, 2, -1, -1],
            "img_to_last_rel": [0, 1, 3, -1, -1],
            "boxes_1024": [[50, 50, 20, 20]] * 7,
            "labels": [[1], [2], [1], [2], [1], [2], [1]],
            "relationships": [[0, 1], [2, 3], [4, 5], [5, 5]],
            "predicates": [[1], [1], [1], [1]],
        } | changes
        with h5py.File(folder / "vg.h5", "w") as file:
            for name, values in arrays.items():
                if values is not None:
                    file[name] = np.array(values)
        dicts = {
            "idx_to_label": {"1": "dog", "2": "man"},
            "idx_to_predicate": {"1": "on"},
            "idx_to_attribute": {"1": "red", "2": "big"},
        }
        images = [{"image_id": n, "width": 1024, "height": 512} for n in (10, 11, 1592, 12, 13, 14)]
        return VG150Dataset(
            str(folder / "vg.h5"),
            write(folder / "dicts.json", dicts),
            write(folder / "image_data.json", images),
            n_validation=1,
        ).load()

    def test_splits_are_cut_as_scene_graph_benchmark_cuts_them(self, tmp_path: Path):
        raw = self.read(tmp_path)
        assert dict(raw.images.select("image_id", "split").rows()) == {
            "10": "val",
            "11": "train",
            "12": "test",
            "13": "",
            "14": "",
        }
        assert raw.vocabulary == {"objects": ["dog", "man"], "predicates": ["on"]}
        assert raw.rejected.row(0, named=True)["image_id"] == "1592"

    def test_attributes_are_read_where_the_file_has_them(self, tmp_path: Path):
        attributes = np.zeros((7, 10), dtype=int)
        attributes[0, :2] = [2, 1]
        assert self.read(tmp_path, attributes=attributes).objects["attributes"].to_list()[:2] == [["big", "red"], []]

    def test_rows_outside_all_images_and_unknown_classes_are_rejected(self, tmp_path: Path):
        raw = self.read(
            tmp_path,
            img_to_last_box=[1, 3, 5, -1, -1],
            img_to_first_box=[0, 2, 4, -1, -1],
            labels=[[1], [3], [1], [2], [1], [2], [1]],
            predicates=[[1], [0], [1], [1]],
        )
        assert sorted(reasons(raw))[:3] == [
            "it belongs to no image",
            "label 3 is not in the dictionary",
            "predicate 0 is not in the dictionary",
        ]

    def test_another_releases_image_data_is_noticed(self, tmp_path: Path):
        with pytest.raises(AnnotationError, match=r"vg\.h5 has 4 images, but .*image_data\.json has 5"):
            self.read(tmp_path, split=[0, 0, 2, 0])

    def test_a_file_that_is_no_h5_or_lacks_an_array_is_named(self, tmp_path: Path):
        with pytest.raises(AnnotationError, match=r"vg\.h5 lacks \['predicates'\]"):
            self.read(tmp_path, predicates=None)
        write(tmp_path / "vg.h5", "text")
        with pytest.raises(AnnotationError, match=r"vg\.h5 is no readable h5 file.*Fetch it again"):
            VG150Dataset(*(str(tmp_path / name) for name in ("vg.h5", "dicts.json", "image_data.json"))).load()


class TestOtherFormats:
    def test_gqa_splits_come_from_the_files_and_an_image_is_read_once(self, tmp_path: Path):
        graph = {"width": 9, "height": 9, "objects": {"5": {"name": "man", **BOX, "relations": []}}}
        files = {
            split: write(tmp_path / f"{split}.json", dict.fromkeys(keys, graph))
            for split, keys in (("train", "12"), ("val", "23"))
        }
        raw = GQADataset(files).load()
        assert raw.images.select("image_id", "split").rows() == [("1", "train"), ("2", "train"), ("3", "val")]
        assert reasons(raw) == ["this image occurs twice", "its image occurs twice"]

    def test_gqa_rejects_a_relation_without_its_object(self, tmp_path: Path):
        relations = [{"object": "6", "name": "on"}, {"name": "on"}, 7]
        graph = {
            "width": 9,
            "height": 9,
            "objects": {"5": {"name": "man", **BOX, "relations": relations}, "6": {"name": 1}},
        }
        raw = GQADataset({"train": write(tmp_path / "a.json", {"1": graph})}).load()
        assert raw.relations["relation_id"].to_list() == ["5-0"]
        assert sorted(raw.rejected["kind"]) == ["object", "relation", "relation"]

    def test_positions_survive_a_rejected_object(self, tmp_path: Path):
        good = {"cls": 0, "bbox": [1, 2, 3, 4]}
        graph = {
            "objs": [good, {"cls": "?"}, good, {"cls": 9, "bbox": [1, 2, 3, 4]}],
            "rels": [{"sub": 2, "obj": 0, "pred": [0, 7]}, {"sub": 0, "obj": 2, "pred": []}],
        }
        names = [write(tmp_path / f"{n}.json", ["man"]) for n in "ab"]
        content = [["VG_100K/1.jpg", graph], [None, None], ["VG_100K/1.jpg", graph], "?"]
        raw = InteractionwiseDataset(*names, {"test": write(tmp_path / "c.json", content)}).load()
        assert raw.objects["object_id"].to_list() == ["0", "2"]
        assert raw.relations.row(0) == ("1", "0-0", "2", "0", "man")
        assert "predicate class 7, but there are 1 names, counted from 0" in reasons(raw)

    def test_psg_tests_on_its_list_and_knows_coco_ids(self, tmp_path: Path):
        image = {
            "image_id": "9",
            "file_name": "val2017/000000000139.jpg",
            "width": 9,
            "height": 9,
            "annotations": [{"bbox": [1, 2, 3, 4], "category_id": 1}, {"bbox": [1, 2], "category_id": 0}],
            "relations": [[0, 0, 0], [0, 0, 5], [0]],
        }
        other = {**image, "image_id": 10}
        content = {
            "data": [image, other, image],
            "thing_classes": ["man"],
            "stuff_classes": ["sky"],
            "predicate_classes": ["on"],
            "test_image_ids": [9],
        }
        raw = PSGDataset(write(tmp_path / "psg.json", content)).load()
        assert raw.images.select("image_id", "split", "coco_id").rows() == [("9", "test", 139), ("10", "train", 139)]
        assert raw.objects["name"].to_list() == ["sky", "sky"]
        assert raw.relations.height == 2

    def test_vrd_knows_flickr_ids_and_names_classes_out_of_range(self, tmp_path: Path):
        end = {"category": 0, "bbox": [2, 4, 1, 3]}
        relations = [{"predicate": 0, "subject": end, "object": end}, {"predicate": 1, "subject": end, "object": end}]
        names = [write(tmp_path / f"{n}.json", ["man"]) for n in "ab"]
        content = write(tmp_path / "c.json", {"4392556686_44d71ff5a0_o.jpg": relations})
        raw = VRDDataset(*names, {"train": content}, {}).load()
        assert raw.images.row(0, named=True)["flickr_id"] == "4392556686"
        assert reasons(raw) == ["predicate class 1, but there are 1 names, counted from 0"]

    def test_released_pairs_fit_their_swapped_size_and_name_bad_lines(self, tmp_path: Path):
        pair = {
            "img_name": "1.jpg",
            "im_width": 600,
            "im_height": 800,
            "sub_bbox": [0, 0, 800, 600],
            "obj_bbox": [8, 6, 16, 12],
            "sub_id": 0,
            "obj_id": 0,
            "gt_predicate_id": 0,
        }
        lines = [pair, {**pair, "sub_id": -1}, {**pair, "obj_id": 3}]
        path = write(tmp_path / "t.jsonl", "\n".join(map(json.dumps, lines)) + "\n{broken\n")
        dicts = write(tmp_path / "d.json", {"idx_to_label": {"1": "man"}, "idx_to_predicate": {"1": "on"}})
        raw = ReleasedFeaturesDataset({"train": path}, dicts).load()
        assert raw.images.select("width", "height").row(0) == (800, 600)
        assert raw.relations["relation_id"].to_list() == ["train:0"]
        assert [reason[:7] for reason in reasons(raw)] == ["line 2:", "obj_id ", "line 4:"]

    def test_open_images_turns_is_into_attributes_and_needs_the_photo(self, tmp_path: Path):
        Image.new("RGB", (100, 50)).save(tmp_path / "a.jpg")
        box = "0.1,0.5,0.2,0.4"
        lines = [
            "ImageID,LabelName1,LabelName2,XMin1,XMax1,YMin1,YMax1,XMin2,XMax2,YMin2,YMax2,RelationshipLabel",
            f"a,/m/1,/m/2,{box},{box},on",
            f"a,/m/1,/m/wood,{box},{box},is",
            f"gone,/m/1,/m/2,{box},{box},on",
            f"a,/m/9,/m/2,{box},{box},on",
            f"a,/m/1,/m/2,{box},0.1,left,0.2,0.4,on",
        ]
        write(tmp_path / "t.csv", "\n".join(lines))
        write(tmp_path / "c.csv", "/m/1,Table\n/m/2,Cup\n")
        write(tmp_path / "at.csv", "/m/wood,Wooden\n")
        raw = OpenImagesDataset(
            {"train": str(tmp_path / "t.csv")}, str(tmp_path / "c.csv"), str(tmp_path), str(tmp_path / "at.csv")
        ).load()
        assert raw.objects.select("name", "attributes").rows() == [("Table", ["Wooden"]), ("Cup", [])]
        assert raw.objects.select("x1", "x2", "y1", "y2").row(0) == pytest.approx((10, 50, 10, 20))
        assert raw.relations.height == 1
        assert raw.n_records["relation"] == 5
        assert raw.rejected["kind"].to_list().count("image") == 1

    def test_open_images_names_missing_columns(self, tmp_path: Path):
        path = write(tmp_path / "t.csv", "ImageID,LabelName\na,b\n")
        with pytest.raises(AnnotationError, match=r"t\.csv lacks the columns"):
            OpenImagesDataset({"train": path}, path, str(tmp_path)).load()


class TestDamage:
    def test_truncated_json_names_the_last_whole_record_and_the_remedy(self, tmp_path: Path):
        whole = json.dumps([record(1), record(2), record(3)])
        with pytest.raises(
            AnnotationError,
            match=r"scene_graphs\.json: .*truncated, after record 2 \(image_id 2\)\. Fetch the file again",
        ):
            scene_graphs(tmp_path, whole[: whole.index('"image_id": 3') + 5])
        with pytest.raises(AnnotationError, match=r"scene_graphs\.json: .*the very beginning"):
            scene_graphs(tmp_path, "")
        with pytest.raises(AnnotationError, match=r"a\.json: .*after record 1 \('7'\)"):
            GQADataset({"train": write(tmp_path / "a.json", '{"7": {}, "8": {"wid')}).load()

    def test_another_format_is_named(self, tmp_path: Path):
        with pytest.raises(AnnotationError, match=r"scene_graphs\.json should hold a list of records.*another release"):
            scene_graphs(tmp_path, {"1": {}})

    def test_a_wrong_field_everywhere_stops_with_the_first_record(self, tmp_path: Path):
        graphs = [{"image_id": 1, "things": [], "relationships": []}]
        images = write(tmp_path / "image_data.json", [{"image": 1}])
        with pytest.raises(AnnotationError, match=r"no record could be read.*missing required field"):
            VisualGenomeDataset(write(tmp_path / "scene_graphs.json", graphs), images).load()

    def test_a_missing_file_is_named(self, tmp_path: Path):
        with pytest.raises(AnnotationError, match=r"nowhere\.json is not there"):
            GQADataset({"train": str(tmp_path / "nowhere.json")}).load()

    def test_bytes_that_are_no_text_are_a_rejected_record(self, tmp_path: Path):
        (tmp_path / "scene_graphs.json").write_bytes(
            b'[{"image_id": 1, "objects": [], "relationships": [{"predicate": "\xff"}]}]'
        )
        images = write(tmp_path / "image_data.json", [{"image_id": 1, "width": 9, "height": 9}])
        raw = VisualGenomeDataset(str(tmp_path / "scene_graphs.json"), images).load()
        assert "not valid JSON" in reasons(raw)[0]

    def test_readers_do_not_write(self, tmp_path: Path):
        with pytest.raises(DatasetError, match="read-only"):
            GQADataset({"train": str(tmp_path / "a.json")}).save({})


def test_aliases_and_evaluation_photos_may_be_absent_but_not_misplaced(tmp_path: Path):
    assert AliasDataset().load() == {}
    assert len(EvaluationPhotosDataset().load()) == 0
    for dataset in (AliasDataset(str(tmp_path / "x.txt")), EvaluationPhotosDataset(str(tmp_path / "y"))):
        with pytest.raises(AnnotationError, match="is not there"):
            dataset.load()
    write(tmp_path / "a.txt", "near,next to \n")
    (tmp_path / "probes").mkdir()
    write(tmp_path / "probes" / "b.jsonl", '{"image": "000000000007.jpg"}\n')
    write(tmp_path / "probes" / "c.csv", "a,v7w_12.jpg\n")
    assert AliasDataset(str(tmp_path / "a.txt")).load() == {"next to": "near"}
    photos = EvaluationPhotosDataset(str(tmp_path / "probes")).load()
    assert photos.coco == {"7"}
    assert photos.visual_genome == {"12"}


def test_tables_keep_their_types_when_empty(tmp_path: Path):
    raw = scene_graphs(tmp_path, [])
    assert raw.objects.schema["attributes"] == pl.List(pl.String)
    assert raw.images.schema["coco_id"] == pl.Int64
