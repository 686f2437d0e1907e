"""Self-contained HTML reports: sections of tables, figures and picture cards in one file that needs no network.

Interactive figures are plotly's own JSON; its script travels along compressed (2 MB instead of 5) and only in pages
that have a figure. Pages read well on a phone: tables scroll sideways, cards flow into as many columns as fit.

    page = render_page("CREPE", [Section("Models", table_html(metrics)), Section("Curves", figure_html(curves))])
"""

from __future__ import annotations

import base64
import gzip
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Literal

import plotly.graph_objects as go
import plotly.offline
import polars as pl
from PIL import Image

DASH = "\N{EN DASH}"
_MARKS = {"right": "✓ ", "wrong": "✗ ", "": ""}

# Plotly is unpacked by the browser's own DecompressionStream (every browser since 2023).
_DRAW_FIGURES = """<script>
(async () => {
  const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), c => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  for (const element of document.querySelectorAll("div.figure")) {
    const { data, layout } = JSON.parse(element.querySelector("script").textContent);
    Plotly.newPlot(element, data, layout, { responsive: true, displayModeBar: false });
  }
})();
</script>"""


@dataclass(frozen=True)
class Section:
    """One heading of a page. `html` comes from the functions below; `intro` is plain text and may be empty."""

    title: str
    html: str
    intro: str = ""


@dataclass(frozen=True)
class Line:
    """One line under a picture: a text, a share between 0 and 1 drawn as a bar, and whether it is right or wrong."""

    text: str
    share: float | None = None
    mark: Literal["", "right", "wrong"] = ""


@dataclass(frozen=True)
class Card:
    """One picture of a gallery with its title and lines."""

    image: Image.Image | None
    title: str
    lines: Sequence[Line] = ()


def render_page(title: str, sections: Sequence[Section], lead: str = "") -> str:
    """Lay sections out as one HTML document without any outside reference.

    Args:
        title: Heading of the page, plain text.
        sections: In reading order; a list of links to them opens the page.
        lead: Plain text under the heading: what was run, on what.

    Returns:
        The document.
    """
    body = "\n".join(_section_html(section) for section in sections)
    template = Template(files("visual_relations.plots").joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(title),
        lead=f'<p class="lead">{escape(lead)}</p>' if lead else "",
        navigation=_navigation_html(sections),
        sections=body,
        scripts=_plotly_html() if 'class="figure"' in body else "",
    )


def figure_html(figure: go.Figure) -> str:
    """Embed a plotly figure; `render_page` adds the script that draws it."""
    # A "<" inside JSON could close the script element; its escape is the same JSON.
    spec = figure.to_json().replace("<", "\\u003c")
    return f'<div class="figure"><script type="application/json">{spec}</script></div>'


def table_html(table: pl.DataFrame, digits: int = 3) -> str:
    """Write a frame as an HTML table.

    Args:
        table: Columns of text, numbers or booleans; a null shows as a dash.
        digits: Decimals of floating-point columns.
    """
    text = {name: dtype == pl.String for name, dtype in table.schema.items()}
    head = "".join(_cell("th", escape(name), text=text[name]) for name in table.columns)
    rows = (
        "".join(_cell("td", _format(value, digits), text=text[name]) for name, value in row.items())
        for row in table.iter_rows(named=True)
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def gallery_html(cards: Iterable[Card], width: int = 420) -> str:
    """Write cards as a grid.

    Args:
        cards: Pictures with their lines.
        width: Largest width in pixels at which a picture is embedded (JPEG); smaller ones keep their size.
    """
    return f'<div class="gallery">{"".join(_card_html(card, width) for card in cards)}</div>'


def _section_html(section: Section) -> str:
    intro = f"<p>{escape(section.intro)}</p>" if section.intro else ""
    return f'<section id="{_slug(section.title)}"><h2>{escape(section.title)}</h2>{intro}{section.html}</section>'


def _navigation_html(sections: Sequence[Section]) -> str:
    links = "".join(f'<a href="#{_slug(section.title)}">{escape(section.title)}</a> ' for section in sections)
    return f"<nav>{links}</nav>" if len(sections) > 1 else ""


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-")


def _cell(tag: str, content: str, *, text: bool) -> str:
    return f'<{tag} class="text">{content}</{tag}>' if text else f"<{tag}>{content}</{tag}>"


def _format(value: object, digits: int) -> str:
    if value is None:
        return DASH
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else escape(str(value))


def _card_html(card: Card, width: int) -> str:
    picture = f'<img alt="{escape(card.title)}" src="{_data_url(card.image, width)}">' if card.image else ""
    lines = "".join(_line_html(line) for line in card.lines)
    caption = f'<figcaption><div class="title">{escape(card.title)}</div>{lines}</figcaption>'
    return f'<figure class="card">{picture}{caption}</figure>'


def _line_html(line: Line) -> str:
    bar = "" if line.share is None else f'<i style="width:{100 * min(max(line.share, 0.0), 1.0):.0f}%"></i>'
    share = "" if line.share is None else f"<span>{100 * line.share:.0f} %</span>"
    return f'<div class="row {line.mark}">{bar}<span>{_MARKS[line.mark]}{escape(line.text)}</span>{share}</div>'


def _data_url(image: Image.Image, width: int) -> str:
    small = image.convert("RGB")
    small.thumbnail((width, width))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


@cache
def _plotly_html() -> str:
    packed = base64.b64encode(gzip.compress(plotly.offline.get_plotlyjs().encode(), mtime=0)).decode()
    return f'<script id="plotly" type="text/plain">{packed}</script>\n{_DRAW_FIGURES}'
