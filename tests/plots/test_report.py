"""Reports stand alone, escape what they are given and read back."""

import base64
import gzip
import json
import re

import plotly.graph_objects as go
import polars as pl
from PIL import Image

from visual_relations.plots.boxes import Box, draw_boxes
from visual_relations.plots.report import DASH, Card, Line, Section, figure_html, gallery_html, render_page, table_html
from visual_relations.plots.style import BLUE, styled


def test_a_page_asks_for_nothing_from_outside():
    figure = styled(go.Figure(go.Bar(x=[1, 2], y=["</script>", "b"])))
    cards = [Card(Image.new("RGB", (900, 500)), "a <b>", [Line("on", 0.7, "right"), Line("near", 1.7, "wrong")])]
    page = render_page("A & B", [Section("One", figure_html(figure)), Section("Two", gallery_html(cards), "why")])
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "A &amp; B" in page
    assert "a &lt;b&gt;" in page
    assert len(page) < 2_500_000


def test_the_figure_and_its_script_can_be_read_back():
    page = render_page("p", [Section("One", figure_html(go.Figure(go.Bar(x=[1, 2], y=["</script>", "b"]))))])
    spec = re.search(r'<div class="figure"><script type="application/json">(.*?)</script>', page, re.S)
    assert json.loads(spec[1])["data"][0]["y"] == ["</script>", "b"]
    packed = re.search(r'<script id="plotly" type="text/plain">(.*?)</script>', page)[1]
    assert b"Plotly" in gzip.decompress(base64.b64decode(packed))


def test_a_page_without_figures_carries_no_plotly():
    assert len(render_page("p", [Section("Only", "<p>text</p>")])) < 10_000


def test_a_table_shows_dashes_for_nulls_and_escapes_text():
    html = table_html(pl.DataFrame({"model": ["a<b", None], "mR@20": [0.12345, None], "n": [1234, 5]}), digits=2)
    assert "a&lt;b" in html
    assert "<td>0.12</td>" in html
    assert "<td>1,234</td>" in html
    assert html.count(DASH) == 2


def test_pictures_are_embedded_no_larger_than_asked():
    html = gallery_html([Card(Image.new("RGB", (2000, 1000)), "big")], width=100)
    data = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])
    import io

    assert Image.open(io.BytesIO(data)).size == (100, 50)


def test_boxes_beyond_the_picture_are_drawn_at_its_edge():
    image = Image.new("RGB", (200, 100), "white")
    drawn = draw_boxes(
        image, [Box((-50, -20, 900, 80), "dog", BLUE), Box((150, 60, 40, 10), "swapped", BLUE)], width=400
    )
    assert drawn.size == (400, 200)
    assert image.getcolors() == [(20000, (255, 255, 255))]
    assert drawn.getpixel((0, 150)) == (0x00, 0x72, 0xB2)
