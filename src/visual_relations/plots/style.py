"""One look for every figure: a palette that colour-blind readers can tell apart, and a plotly template.

The palette is Okabe and Ito's (2008), ordered so that neighbouring series differ in lightness as well as in hue.
"""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, YELLOW, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#F0E442",
    "#7A7A7A",
)
PALETTE = (BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, GREY, YELLOW)
RIGHT, WRONG, TRUTH = GREEN, VERMILLION, BLUE
SUBJECT, OBJECT = VERMILLION, BLUE

# One hue from white to dark: also readable in grey print.
SEQUENTIAL = ((0.0, "#ffffff"), (0.15, "#d6e8f5"), (0.5, "#56b4e9"), (1.0, "#003b5c"))
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"

TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 13, "color": "#222222"},
        "colorway": PALETTE,
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "hoverlabel": {"font": {"family": FONT}},
        "margin": {"l": 8, "r": 12, "t": 44, "b": 8},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "left", "x": 0.0},
        "xaxis": {"automargin": True, "gridcolor": "#e6e6e6", "zerolinecolor": "#bbbbbb", "title": {"standoff": 8}},
        "yaxis": {"automargin": True, "gridcolor": "#e6e6e6", "zerolinecolor": "#bbbbbb", "title": {"standoff": 8}},
        "colorscale": {"sequential": SEQUENTIAL},
    }
)


def styled(figure: go.Figure, title: str = "", height: int = 420) -> go.Figure:
    """Give a figure the project's look.

    Args:
        figure: A plotly figure; changed in place.
        title: Heading inside the figure; leave empty where the page already has one.
        height: Pixels. The width follows the page.

    Returns:
        The same figure.
    """
    return figure.update_layout(template=TEMPLATE, height=height, title={"text": title, "x": 0.0, "xref": "paper"})


def colours(names: list[str]) -> Mapping[str, str]:
    """Assign palette colours to names by position, the same list always giving the same colours."""
    return {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(names)}
