"""The scoreboard's page and exports, and how the page looks in a real browser."""

from __future__ import annotations

import html
import re
import shutil
import subprocess

import pytest
from PIL import Image

from visual_relations.datasets.metric_table import PublishedResultsDataset
from visual_relations.metrics.scoreboard import scoreboard
from visual_relations.metrics.table import metric_table
from visual_relations.plots.scoreboard import boards_latex, boards_markdown, boards_page, make_boards

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


# Reports the width of the content, the number of tables, and of texts too small to read.
FRAME = """<body style="margin: 0">
<iframe style="border: 0" width="{width}" height="1600" srcdoc="{page}"></iframe>
<script>onload = () => {{
  const page = document.querySelector("iframe").contentDocument;
  const size = element => parseFloat(getComputedStyle(element).fontSize);
  const small = [...page.querySelectorAll("td, th, p, small")].filter(element => size(element) < 11);
  document.title = [page.documentElement.scrollWidth, page.querySelectorAll("table").length, small.length].join(" ");
}}</script>
</body>"""


def measured():
    rows = []
    for model, variant, value in (("clip", "", 0.62), ("rex_vlm_100%", "", 0.71), ("clip", "blank pictures", 0.5)):
        shared = {"model": model, "variant": variant, "count": 300, "low": value - 0.05, "high": value + 0.05}
        for benchmark, metric, protocol in (
            ("sample_world/valse", "pairwise_accuracy", "comparison"),
            ("valse", "pairwise_accuracy", "comparison"),
            ("sample_world/vsr", "accuracy", "threshold from dev"),
            ("sample_world", "TR@1", "retrieval"),
        ):
            rows.append({**shared, "benchmark": benchmark, "metric": metric, "protocol": protocol, "value": value})
            rows[-1]["slice"] = "micro"
        rows += [
            {**rows[-4], "slice": f"piece:{piece}", "value": value + step}
            for piece, step in (("existence", 0.1), ("plurals", -0.1))
        ]
        rows.append({**shared, "benchmark": "valse", "metric": "coverage", "protocol": "coverage", "value": 0.03})
    return metric_table(rows)


@pytest.fixture(scope="module")
def boards():
    published = PublishedResultsDataset("visual_relations.pipelines.evaluation.published").load()
    return make_boards(scoreboard(measured(), published, ["blank pictures"]))


def test_ours_come_first_after_an_overview_and_every_column_is_filled(boards):
    assert boards[0].benchmark == "Overview"
    kinds = [{row.kind for row in board.rows} for board in boards]
    ours = {board.benchmark for board, kind in zip(boards, kinds, strict=True) if kind != {"published"}}
    assert [board.benchmark not in ours for board in boards] == sorted(board.benchmark not in ours for board in boards)
    for board in boards:
        assert all(len(row.cells) == len(board.columns) for row in board.rows)
        assert all(any(row.cells[place] for row in board.rows) for place in range(len(board.columns)))
        assert len({(row.kind, row.model, row.source) for row in board.rows}) == len(board.rows)


def test_a_cell_that_covers_little_carries_a_mark_and_the_board_explains_it(boards):
    board = next(board for board in boards if (board.benchmark, board.title) == ("VALSE", "test"))
    ours = [row for row in board.rows if row.kind != "published"]
    marks = {cell.mark for row in ours for cell in row.cells if cell}
    assert marks <= board.remarks.keys()
    assert {board.remarks[mark] for mark in marks} == {"covers 3.0% of the items"}
    assert not any(cell.mark for row in board.rows if row.kind == "published" for cell in row.cells if cell)


def test_markdown_and_latex_hold_every_value(boards):
    markdown, latex = boards_markdown(boards), boards_latex(boards)
    for text in (markdown, latex):
        assert text.count("71.0") >= 4
        assert "66.0\N{EN DASH}76.0" in text
    assert "| clip (blank pictures) | controls |" in markdown
    assert "REX-VLM paper" in markdown
    assert r"rex\_vlm\_100\%" in latex
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == len(boards)
    for table in re.findall(r"\\toprule\n(.*?)\\bottomrule", latex, re.S):
        assert len({re.sub(r"\\&", "", line).count("&") for line in table.splitlines() if line != r"\midrule"}) == 1


def test_the_page_needs_nothing_from_outside(boards):
    page = boards_page(boards, "Scoreboard", "all models")
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert "REX-VLM 13M (fixed steps)" in page


def browse(folder, page, *arguments):
    return subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", *arguments, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_fits_the_screen_of_a_phone_and_of_a_desk(boards, tmp_path, width):
    # In a frame, because a browser window cannot be as narrow as a phone.
    page = boards_page(boards, "Scoreboard", "Every model on every benchmark.")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width, page=html.escape(page)), encoding="utf-8")
    dom = browse(tmp_path, frame, "--virtual-time-budget=5000", "--dump-dom")
    content_width, tables, small = map(int, re.search(r"<title>(\d+) (\d+) (\d+)</title>", dom).groups())
    assert content_width <= width
    assert (tables, small) == (len(boards), 0)
    picture = tmp_path / f"scoreboard_{width}.png"
    browse(tmp_path, frame, f"--window-size={max(width, 500)},1600", f"--screenshot={picture}")
    shown = Image.open(picture).convert("L").crop((0, 0, width, 1600))
    assert len(shown.getcolors()) > 50  # text was drawn, not a blank page
