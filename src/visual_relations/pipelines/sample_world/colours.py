"""The colours of the sample world by their everyday names."""

from __future__ import annotations

PAINT = {
    "red": (214, 48, 49),
    "blue": (45, 105, 205),
    "green": (60, 160, 75),
    "yellow": (247, 200, 50),
    "orange": (240, 135, 40),
    "purple": (135, 75, 175),
    "pink": (245, 140, 180),
    "white": (245, 245, 242),
    "black": (45, 45, 52),
    "brown": (135, 85, 50),
    "gray": (140, 145, 152),
}
BRIGHT = ("red", "blue", "green", "yellow", "orange", "purple", "pink")
SKIN = ((250, 214, 180), (228, 178, 136), (176, 120, 80), (120, 78, 52))
HAIR = ((52, 36, 28), (110, 66, 36), (226, 186, 96), (30, 30, 34))
