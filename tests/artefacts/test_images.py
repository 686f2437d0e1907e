"""Photos as they occur: odd modes, turned, broken, missing, in another folder."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from visual_relations.artefacts import images
from visual_relations.artefacts.image_folder import ImageFolder
from visual_relations.artefacts.images import ImageError, open_image

GREY = 100


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "CMYK", "LA", "RGBA", "I;16", "I", "YCbCr"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    value = {"1": 1, "I;16": GREY * 257, "I": GREY * 257}.get(mode, GREY)
    if mode in {"I;16", "I"}:
        image = Image.fromarray(np.full((6, 8), value, np.uint16 if mode == "I;16" else np.int32))
    else:
        image = Image.new("RGB", (8, 6), (value,) * 3).convert(mode)
    path = tmp_path / ("a.tif" if mode in {"CMYK", "I", "YCbCr"} else "a.png")
    image.save(path)
    opened = open_image(path)
    assert opened.mode == "RGB"
    assert opened.size == (8, 6)
    assert all(abs(channel - (GREY if mode != "1" else channel)) <= 2 for channel in opened.getpixel((3, 3)))


def test_transparent_parts_lie_on_white(tmp_path):
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert open_image(tmp_path / "a.png").getpixel((0, 0)) == (255, 255, 255)


def test_exif_turns_a_photo_unless_its_annotations_were_made_on_the_unturned_one(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", exif=exif)
    assert open_image(tmp_path / "a.jpg").size == (6, 8)
    assert open_image(tmp_path / "a.jpg", (6, 8)).size == (6, 8)
    assert open_image(tmp_path / "a.jpg", (8, 6)).size == (8, 6)


def test_what_is_no_whole_image_says_so(tmp_path, monkeypatch):
    (tmp_path / "text.jpg").write_text("not an image")
    (tmp_path / "empty.jpg").write_bytes(b"")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:1500])
    for name, reason in [
        ("text", "cannot identify"),
        ("empty", "cannot identify"),
        ("cut", "truncated"),
        ("no", "no such file"),
    ]:
        with pytest.raises(ImageError, match=reason) as caught:
            open_image(tmp_path / f"{name}.jpg")
        assert f"{name}.jpg" in str(caught.value)
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    with pytest.raises(ImageError, match="64 x 64 are more than 100 pixels"):
        open_image(tmp_path / "whole.jpg")


def test_photos_are_found_in_the_other_folder_and_with_another_extension(tmp_path):
    for place in ("VG_100K/1.jpg", "VG_100K_2/2.jpg", "3.PNG", "4.gif"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / place)
    folder = ImageFolder(tmp_path, ("VG_100K", "VG_100K_2"))
    assert folder.path("VG_100K/1.jpg").name == "1.jpg"
    assert folder.path("VG_100K/2.jpg").parent.name == "VG_100K_2"
    assert folder.path("2.jpg").parent.name == "VG_100K_2"
    assert folder.path("3.jpg").name == "3.PNG"
    assert folder.open("4.jpg").mode == "RGB"
    with pytest.raises(ImageError, match=r"5\.jpg: no such photo in .*VG_100K_2"):
        folder.path("5.jpg")
    assert list(folder.names()) == ["3.PNG", "4.gif", "VG_100K/1.jpg", "VG_100K_2/2.jpg"]
