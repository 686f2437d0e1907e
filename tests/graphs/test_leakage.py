"""Photos are recognised by their ids, whatever an evaluation set calls them."""

import polars as pl
import pytest

from visual_relations.graphs.leakage import PhotoIds, evaluation_images, photo_ids


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("val2014/COCO_val2014_000000391895.jpg 391895", PhotoIds(coco=frozenset({"391895"}))),
        (
            '{"image": "000000296471.jpg", "image_link": "http://x/train2017/000000296471.jpg"}',
            PhotoIds(coco=frozenset({"296471"})),
        ),
        ('"v7w_2383458.jpg"', PhotoIds(visual_genome=frozenset({"2383458"}))),
        ("VG_100K_2/2404579.jpg", PhotoIds(visual_genome=frozenset({"2404579"}))),
        ("2113966890_c65030a7e7_o.jpg", PhotoIds(flickr=frozenset({"2113966890"}))),
        ("http://farm4.staticflickr.com/3545/3411897599_c3ae826bbb_z.jpg", PhotoIds(flickr=frozenset({"3411897599"}))),
        ("VisualDialog_val2018_000000185565.jpg, admiring_20.jpg, 12 dogs.", PhotoIds()),
        ("https://sample.world/images/10.png", PhotoIds(visual_genome=frozenset({"10"}))),
    ],
)
def test_names_of_photos_give_their_ids(text: str, expected: PhotoIds):
    assert photo_ids(text) == expected


def test_images_are_matched_by_any_of_their_ids():
    images = pl.DataFrame(
        {
            "file_name": ["VG_100K/1.jpg", "2.jpg", "3.jpg", "9_0123456789_b.jpg", "val2017/000000000005.jpg"],
            "coco_id": [None, 77, None, None, None],
            "flickr_id": [None, None, "88", None, None],
        }
    )
    evaluation = PhotoIds(frozenset({"77", "5"}), frozenset({"1"}), frozenset({"88", "9"}))
    reasons = evaluation_images(images, evaluation).to_list()
    assert reasons == [
        "Visual Genome image 1 is used for evaluation",
        "COCO image 77 is used for evaluation",
        "Flickr image 88 is used for evaluation",
        None,  # Flickr ids have at least four digits
        "COCO image 5 is used for evaluation",
    ]


def test_nothing_is_held_out_without_evaluation_sets():
    images = pl.DataFrame({"file_name": ["1.jpg"], "coco_id": [None], "flickr_id": [None]})
    assert evaluation_images(images, PhotoIds()).to_list() == [None]
    assert len(PhotoIds()) == 0
