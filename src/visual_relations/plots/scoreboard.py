"""The scoreboard as a page, as Markdown and as LaTeX: one board per benchmark, models down, metrics across.

boards = make_boards(table)
page, text, source = boards_page(boards, ...), boards_markdown(boards), boards_latex(boards)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import polars as pl

from visual_relations.plots.report import Section, render_page

# Metrics that have a column, in this order; the table itself has all of them.
SHOWN = (
    *("pairwise_accuracy", "both_positives_win", "precision@1", "multi_object_accuracy"),
    *("text_score", "I2T", "image_score", "T2I", "group_score", "pair_accuracy", "set_accuracy"),
    *("accuracy", "balanced_accuracy", "AUROC"),
    *(f"{direction}@{k}" for direction in ("TR", "IR") for k in (1, 5, 10)),
    *(f"{name}@{k}" for name in ("mR", "R", "zR", "ng-mR", "ng-R") for k in (20, 50, 100)),
    *("A@20", "A@100", "pseudo_label_recall", "foil_accuracy", "mrc_accuracy"),
    *("BLEU-4", "METEOR", "ROUGE-L", "CIDEr", "SPICE"),
)
WHOLE = re.compile(r"^(all|micro|macro:.*)$")
MOST_SLICES = 12  # a kind with more slices (VSR's 64 relations) stays in the table only
KINDS = {"measured": "Ours", "control": "Controls", "published": "Published"}
TITLES = {
    "aro_attribution": "ARO: Visual Genome attribution",
    "aro_order": "ARO: word order",
    "aro_relation": "ARO: Visual Genome relation",
    "bivlc": "BiVLC",
    "coco_karpathy": "COCO retrieval, Karpathy split",
    "cola": "Cola",
    "flickr30k": "Flickr30K retrieval",
    "foils": "one word exchanged",
    "retrieval": "retrieval",
    "stanford_paragraphs": "Stanford Paragraphs retrieval",
    "sugarcrepe": "SugarCrepe",
    "sugarcrepe_pp": "SugarCrepe++",
    "svo_probes": "SVO-Probes",
    "swapped": "subject and object swapped",
    "valse": "VALSE",
    "vsr": "VSR",
    "vsr_random": "VSR, random split",
    "vsr_random_v1": "VSR, random split of the first release",
    "vsr_zeroshot": "VSR, zero-shot split",
    "whatsup_a": "What'sUp A",
    "whatsup_b": "What'sUp B",
    "winoground": "Winoground",
}
# Names and headings may break, so that a phone shows values beside them.
NARROW = "white-space: normal; min-width: 5.5em; max-width: 13em"
MARKS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Cell:
    """One value in per cent with its interval, and the mark of its remark ("" for none)."""

    value: float
    low: float | None
    high: float | None
    mark: str


@dataclass(frozen=True)
class Row:
    """A model on one benchmark: `kind` is "published", "measured" or "control"; one cell per column of its board."""

    kind: str
    model: str
    source: str
    cells: list[Cell | None]


@dataclass(frozen=True)
class Board:
    """One benchmark and split.

    Attributes:
        benchmark: Its readable name; a section of the page.
        title: Split, and what the columns break it down by.
        columns: Their headings.
        rows: Ours, controls, published ones.
        remarks: Mark to remark.
    """

    benchmark: str
    title: str
    columns: list[str]
    rows: list[Row]
    remarks: dict[str, str] = field(default_factory=dict)


def make_boards(table: pl.DataFrame) -> list[Board]:
    """Arrange a scoreboard as boards: whole benchmarks first, then their breakdowns by slices.

    Args:
        table: `SCOREBOARD_SCHEMA`.
    """
    shown = table.filter(pl.col("metric").is_in(SHOWN), pl.col("value").is_not_null(), pl.col("value").is_not_nan())
    whole = pl.col("slice").str.contains(WHOLE.pattern)
    boards = []
    for (benchmark, split, task), part in shown.group_by("benchmark", "split", "task", maintain_order=True):
        title = ", ".join(str(name) for name in (split, task) if name)
        name = benchmark_title(str(benchmark))
        boards.append(_board(name, title, part.filter(whole)))
        parts = part.filter(~whole).with_columns(of=pl.col("slice").str.split(":").list.first())
        for (kind,), slices in parts.group_by("of", maintain_order=True):
            main = min(slices["metric"].unique(), key=SHOWN.index)
            if slices["slice"].n_unique() <= MOST_SLICES:
                heading = f"{title}: {main.replace('_', ' ')} by {kind}"
                boards.append(_board(name, heading, slices.filter(metric=main)))
    measured = {board.benchmark for board in boards if any(row.kind != "published" for row in board.rows)}
    boards.sort(key=lambda board: board.benchmark not in measured)
    return [board for board in (_overview(shown.filter(whole)), *boards) if board.rows]


def benchmark_title(benchmark: str) -> str:
    """A benchmark's readable name; "sample_world/vsr" is a world's own items in the format of VSR."""
    world, _, name = benchmark.rpartition("/")
    title = TITLES.get(name, name.replace("_", " "))
    title = f"{world.replace('_', ' ')}: {title}" if world else title
    return title[:1].upper() + title[1:]


def boards_page(boards: Sequence[Board], title: str, lead: str) -> str:
    """The page; readable on a phone, where tables scroll below a fixed first column."""
    sections: dict[str, str] = {}
    for board in boards:
        sections[board.benchmark] = sections.get(board.benchmark, "") + _html(board)
    return render_page(title, [Section(name, content) for name, content in sections.items()], lead)


def boards_markdown(boards: Sequence[Board]) -> str:
    """All boards as Markdown tables."""
    return "\n".join(_markdown(board) for board in boards)


def boards_latex(boards: Sequence[Board]) -> str:
    """All boards as LaTeX tables (package booktabs)."""
    return "\n".join(_latex(board) for board in boards)


def _board(benchmark: str, title: str, part: pl.DataFrame) -> Board:
    keys = part.select("metric", "slice").unique(maintain_order=True).rows()
    keys.sort(key=lambda key: SHOWN.index(key[0]))
    return _filled(benchmark, title, part, ["metric", "slice"], keys, [_heading(*key) for key in keys])


def _overview(whole: pl.DataFrame) -> Board:
    """The main metric of every benchmark that something of ours was measured on."""
    ours = whole.filter(pl.col("kind") != "published", split="test")
    rank = pl.col("metric").replace_strict(list(SHOWN), list(range(len(SHOWN))), return_dtype=pl.Int64)
    first = (
        ours.with_columns(rank=rank)
        .sort("rank", maintain_order=True)
        .unique(["benchmark", "task"], maintain_order=True)
    )
    place = ["benchmark", "task", "metric", "slice"]
    keys = first.select(place).sort("benchmark", "task").rows()
    headings = [
        ", ".join(name.replace("_", " ") for name in (key[0], key[1], _heading(*key[2:])) if name) for key in keys
    ]
    return _filled(
        "Overview",
        "main metric of every benchmark",
        ours.join(first.select(place), on=place, how="semi"),
        place,
        keys,
        headings,
    )


def _filled(
    benchmark: str,
    title: str,
    part: pl.DataFrame,
    place: list[str],
    keys: Sequence[tuple[str, ...]],
    headings: list[str],
) -> Board:
    """Put the values of a table into rows by model and columns by `place`."""
    remarks = [remark for remark in part["remark"].unique(maintain_order=True) if remark]
    marks = {remark: MARKS[number % len(MARKS)] for number, remark in enumerate(remarks)}
    # A value that two sources publish for one model stands in two rows.
    nth = pl.int_range(pl.len()).over("kind", "model", "variant", *place)
    rows = []
    for kind in KINDS:
        own = part.with_columns(nth=nth).filter(kind=kind)
        for (model, variant, _), cells in own.group_by("model", "variant", "nth", maintain_order=True):
            found = {tuple(cell[name] for name in place): _cell(cell, marks) for cell in cells.iter_rows(named=True)}
            name = f"{model} ({variant})" if variant else str(model)
            sources = "; ".join(cells["source"].unique(maintain_order=True))
            rows.append(Row(kind, name, sources, [found.get(tuple(key)) for key in keys]))
    return Board(benchmark, title, headings, rows, {mark: remark for remark, mark in marks.items()})


def _cell(row: dict[str, Any], marks: dict[str, str]) -> Cell:
    low, high = (None if row[end] is None else 100 * row[end] for end in ("low", "high"))
    return Cell(100 * row["value"], low, high, marks.get(row["remark"], ""))


def _heading(metric: str, name: str) -> str:
    if WHOLE.match(name) is None:
        return name.partition(":")[2].replace("_", " ")
    kind = name.partition(":")[2].replace("_", " ")
    return metric.replace("_", " ") + (f", mean over {kind}s" if kind else "")


def _html(board: Board) -> str:
    head = "".join(f'<th style="{NARROW}">{escape(column)}</th>' for column in board.columns)
    body = "".join(_html_rows(board))
    notes = "".join(f"<p><sup>{mark}</sup> {escape(remark)}</p>" for mark, remark in board.remarks.items())
    if sources := dict.fromkeys(row.source for row in board.rows if row.kind == "published"):
        notes += f"<p>Published: {escape('; '.join(sources))}.</p>"
    table = f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<h3>{escape(board.title)}</h3><div class="scroll">{table}</div>{notes}'


def _html_rows(board: Board) -> Iterator[str]:
    last = ""
    for row in board.rows:
        if row.kind != last:
            last = row.kind
            yield f'<tr><th class="text">{KINDS[row.kind]}</th>{"<th></th>" * len(row.cells)}</tr>'
        values = "".join(f"<td>{_html_cell(cell)}</td>" for cell in row.cells)
        name = f'<td class="text" style="{NARROW}" title="{escape(row.source)}">{escape(row.model)}</td>'
        yield f"<tr>{name}{values}</tr>"


def _html_cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    mark = f"<sup>{cell.mark}</sup>" if cell.mark else ""
    interval = "" if cell.low is None else f"<br><small>{_interval(cell)}</small>"
    return f"{cell.value:.1f}{mark}{interval}"


def _interval(cell: Cell) -> str:
    return "" if cell.low is None or cell.high is None else f"{cell.low:.1f}\N{EN DASH}{cell.high:.1f}"


def _markdown(board: Board) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    lines = [
        f"## {board.benchmark}, {board.title}",
        "",
        line(["", "", *board.columns]),
        "|---|---|" + "---:|" * len(board.columns),
    ]
    for row in board.rows:
        about = row.source if row.kind == "published" else KINDS[row.kind].lower()
        lines.append(line([row.model, about, *(_plain(cell, "<sup>{}</sup>") for cell in row.cells)]))
    notes = [f"<sup>{mark}</sup> {remark}" for mark, remark in board.remarks.items()]
    return "\n".join([*lines, *(["", "<br>".join(notes)] if notes else []), ""])


def _latex(board: Board) -> str:
    columns = " & ".join(["", *map(_latex_text, board.columns)])
    lines = [
        r"\begin{table}",
        rf"\caption{{{_latex_text(f'{board.benchmark}, {board.title}')}}}",
        rf"\begin{{tabular}}{{l{'r' * len(board.columns)}}}",
    ]
    lines += [r"\toprule", columns + r" \\"]
    last = ""
    for row in board.rows:
        if row.kind != last:
            lines.append(r"\midrule")
            last = row.kind
        lines.append(" & ".join([_latex_text(row.model), *(_plain(cell, "$^{{{}}}$") for cell in row.cells)]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\\ $^{{{mark}}}$ {_latex_text(remark)}" for mark, remark in board.remarks.items()]
    return "\n".join([*lines, r"\end{table}", ""])


def _plain(cell: Cell | None, mark: str) -> str:
    if cell is None:
        return ""
    interval = _interval(cell)
    return f"{cell.value:.1f}{mark.format(cell.mark) if cell.mark else ''}{f' [{interval}]' if interval else ''}"


def _latex_text(text: str) -> str:
    return re.sub(r"([&%$#_{}])", r"\\\1", text).replace("~", r"\textasciitilde{}").replace("^", r"\textasciicircum{}")
