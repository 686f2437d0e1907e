"""Vehicles, seen from the side and driving to the right. Windows can be left clear, for people behind them."""

from __future__ import annotations

from visual_relations.pipelines.sample_world.canvas import Colour, Sketch, shade

TYRE: Colour = (42, 42, 48)
RIM: Colour = (190, 194, 200)
GLASS: Colour = (176, 216, 236)
CLEAR: Colour = (0, 0, 0, 0)


def _wheel(sketch: Sketch, x: float, radius: float) -> None:
    with sketch.part("wheel" if "wheel" not in sketch.parts else "other wheel"):
        sketch.ellipse(x, radius, radius, fill=TYRE)
    sketch.ellipse(x, radius, radius * 0.5, fill=RIM)


def car(sketch: Sketch, pose: str, paint: Colour) -> None:
    """A car; with the pose `occupied` one looks through its windows."""
    glass = CLEAR if pose == "occupied" else GLASS
    sketch.polygon([(-0.42, 0.30), (-0.28, 0.56), (0.16, 0.56), (0.36, 0.30)], paint)
    with sketch.part("window"):
        sketch.polygon([(-0.33, 0.32), (-0.24, 0.51), (-0.05, 0.51), (-0.05, 0.32)], glass)
    sketch.polygon([(0.0, 0.32), (0.0, 0.51), (0.13, 0.51), (0.27, 0.32)], glass)
    sketch.limb([(-0.60, 0.22), (0.58, 0.22)], 0.20, paint)
    sketch.rectangle(-0.64, 0.17, 0.64, 0.21, shade(paint, 0.7))
    sketch.ellipse(0.64, 0.26, 0.04, 0.045, (255, 240, 170))
    sketch.rectangle(-0.70, 0.24, -0.66, 0.30, (220, 40, 40))
    _wheel(sketch, -0.36, 0.135)
    _wheel(sketch, 0.38, 0.135)
    sketch.mark(seat=(-0.12, 0.12), roof=(-0.06, 0.56), rear=(-0.70, 0.2), front=(0.70, 0.2))


def bus(sketch: Sketch, pose: str, paint: Colour) -> None:
    """A long bus with a row of windows."""
    glass = CLEAR if pose == "occupied" else GLASS
    sketch.limb([(-0.82, 0.30), (0.82, 0.30)], 0.26, paint)
    sketch.limb([(-0.85, 0.70), (0.85, 0.70)], 0.20, paint)
    sketch.rectangle(-0.95, 0.30, 0.95, 0.70, paint)
    sketch.rectangle(-0.95, 0.33, 0.95, 0.37, shade(paint, 1.7))
    for index in range(5):
        left = -0.88 + index * 0.30
        with sketch.part("window" if index == 0 else "other window"):
            sketch.rectangle(left, 0.44, left + 0.24, 0.70, glass)
    with sketch.part("door"):
        sketch.rectangle(0.66, 0.20, 0.86, 0.70, shade(GLASS, 0.8))
    sketch.rectangle(0.755, 0.20, 0.765, 0.70, shade(paint, 0.6))
    sketch.ellipse(0.94, 0.28, 0.03, 0.05, (255, 240, 170))
    _wheel(sketch, -0.56, 0.14)
    _wheel(sketch, 0.46, 0.14)
    sketch.mark(seat=(-0.16, 0.15), roof=(0.0, 0.8), rear=(-0.95, 0.25), front=(0.95, 0.25))


def truck(sketch: Sketch, pose: str, paint: Colour) -> None:
    """A truck: a cab and an open flat bed that can bear a load."""
    sketch.rectangle(-0.85, 0.22, 0.40, 0.32, (96, 98, 104))
    sketch.rectangle(-0.85, 0.32, -0.80, 0.44, (120, 88, 60))
    sketch.rectangle(-0.85, 0.30, 0.30, 0.36, (150, 110, 74))
    sketch.polygon([(0.34, 0.20), (0.34, 0.80), (0.62, 0.80), (0.72, 0.50), (0.86, 0.46), (0.86, 0.20)], paint)
    with sketch.part("window"):
        sketch.polygon([(0.44, 0.50), (0.44, 0.74), (0.60, 0.74), (0.68, 0.50)], CLEAR if pose == "occupied" else GLASS)
    sketch.ellipse(0.85, 0.32, 0.03, 0.05, (255, 240, 170))
    _wheel(sketch, -0.55, 0.15)
    _wheel(sketch, 0.60, 0.15)
    sketch.mark(seat=(0.5, 0.18), roof=(-0.25, 0.36), bed=(-0.25, 0.36), rear=(-0.88, 0.25), front=(0.88, 0.25))


def _spoked_wheel(sketch: Sketch, x: float, radius: float) -> None:
    with sketch.part("wheel" if "wheel" not in sketch.parts else "other wheel"):
        sketch.ellipse(x, radius, radius, fill=TYRE)
        sketch.ellipse(x, radius, radius * 0.80, fill=CLEAR)
    sketch.limb([(x - radius * 0.8, radius), (x + radius * 0.8, radius)], 0.012, RIM)
    sketch.limb([(x, radius * 0.2), (x, radius * 1.8)], 0.012, RIM)


def bike(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A bicycle with two spoked wheels and an open frame."""
    _spoked_wheel(sketch, -0.30, 0.20)
    _spoked_wheel(sketch, 0.32, 0.20)
    frame = [(-0.30, 0.20), (-0.12, 0.46), (0.22, 0.46), (0.0, 0.20), (-0.30, 0.20)]
    sketch.limb(frame, 0.035, paint)
    sketch.limb([(0.0, 0.20), (-0.13, 0.50)], 0.035, paint)
    sketch.limb([(0.32, 0.20), (0.22, 0.46), (0.20, 0.58), (0.27, 0.60)], 0.035, shade(paint, 0.7))
    sketch.ellipse(-0.13, 0.52, 0.09, 0.03, TYRE)
    sketch.mark(seat=(-0.12, 0.55), rear=(-0.48, 0.3), front=(0.5, 0.3), handle=(0.26, 0.6))


def motorcycle(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A motorcycle: fat tyres, engine, tank and exhaust."""
    sketch.limb([(-0.10, 0.16), (-0.52, 0.14)], 0.05, RIM)
    _wheel(sketch, -0.34, 0.17)
    _wheel(sketch, 0.38, 0.17)
    sketch.limb([(0.38, 0.17), (0.24, 0.54), (0.17, 0.60)], 0.045, RIM)
    sketch.ellipse(0.0, 0.22, 0.16, 0.12, (110, 112, 120))
    sketch.ellipse(0.08, 0.42, 0.18, 0.10, paint)
    sketch.limb([(-0.36, 0.42), (-0.08, 0.40)], 0.08, (55, 45, 45))
    sketch.polygon([(-0.52, 0.34), (-0.30, 0.40), (-0.14, 0.34), (-0.32, 0.28)], paint)
    sketch.ellipse(0.30, 0.50, 0.05, 0.06, (255, 240, 170))
    sketch.mark(seat=(-0.16, 0.46), rear=(-0.5, 0.25), front=(0.55, 0.25), handle=(0.18, 0.6))


def skateboard(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A skateboard with turned-up ends."""
    for x in (-0.16, 0.16):
        sketch.ellipse(x, 0.035, 0.04, fill=(250, 250, 245))
        sketch.ellipse(x, 0.035, 0.02, fill=TYRE)
    sketch.limb([(-0.29, 0.13), (-0.20, 0.085), (0.20, 0.085), (0.29, 0.13)], 0.04, paint)
    sketch.mark(seat=(0.0, 0.10), rear=(-0.3, 0.1), front=(0.3, 0.1))


def boat(sketch: Sketch, pose: str, paint: Colour) -> None:
    """A sailing boat; without its sail when people sit in it."""
    if pose != "rowing":
        sketch.limb([(0.0, 0.25), (0.0, 1.02)], 0.035, (120, 85, 55))
        sketch.polygon([(0.03, 0.34), (0.03, 1.0), (0.46, 0.38)], (250, 248, 240))
        sketch.polygon([(-0.03, 0.38), (-0.03, 0.92), (-0.34, 0.40)], shade(paint, 1.45))
    sketch.polygon([(-0.62, 0.28), (0.66, 0.28), (0.46, 0.0), (-0.46, 0.0)], paint)
    sketch.polygon([(-0.62, 0.28), (0.66, 0.28), (0.63, 0.23), (-0.59, 0.23)], shade(paint, 1.5))
    sketch.mark(seat=(-0.12, 0.12), roof=(-0.3, 0.28), rear=(-0.6, 0.2), front=(0.64, 0.2))


def train(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """A steam engine with one carriage, on its rails."""
    sketch.rectangle(-1.05, 0.0, 1.05, 0.025, (120, 110, 105))
    sketch.rectangle(-1.0, 0.20, -0.12, 0.66, shade(paint, 1.3))
    sketch.rectangle(-1.03, 0.66, -0.09, 0.71, shade(paint, 0.6))
    for index in range(3):
        with sketch.part("window" if index == 0 else "other window"):
            sketch.rectangle(-0.93 + index * 0.27, 0.38, -0.74 + index * 0.27, 0.60, GLASS)
    sketch.rectangle(-0.12, 0.22, 0.0, 0.26, TYRE)
    sketch.rectangle(0.0, 0.18, 0.36, 0.78, paint)
    sketch.rectangle(-0.04, 0.78, 0.40, 0.83, shade(paint, 0.6))
    sketch.rectangle(0.08, 0.52, 0.28, 0.72, GLASS)
    sketch.limb([(0.36, 0.36), (0.88, 0.36)], 0.30, paint)
    sketch.rectangle(0.74, 0.48, 0.86, 0.76, TYRE)
    sketch.rectangle(0.71, 0.74, 0.89, 0.80, shade(paint, 0.6))
    sketch.ellipse(1.02, 0.36, 0.03, 0.05, (255, 240, 170))
    for x in (-0.85, -0.32):
        _wheel(sketch, x, 0.11)
    for x in (0.16, 0.46, 0.78):
        _wheel(sketch, x, 0.13)
    sketch.mark(roof=(-0.55, 0.71), rear=(-1.0, 0.3), front=(1.05, 0.3), seat=(-0.5, 0.2))


def plane(sketch: Sketch, _pose: str, paint: Colour) -> None:
    """An aeroplane in flight."""
    sketch.polygon([(-0.52, 0.06), (-0.64, 0.32), (-0.50, 0.32), (-0.34, 0.08)], paint)
    sketch.polygon([(0.0, 0.06), (-0.16, 0.26), (-0.05, 0.26), (0.20, 0.06)], shade(paint, 0.8))
    sketch.limb([(-0.50, 0.03), (0.48, 0.0)], 0.17, (240, 242, 246))
    sketch.rectangle(-0.54, -0.04, 0.50, -0.01, paint)
    for x in (-0.28, -0.14, 0.0, 0.14, 0.28):
        sketch.ellipse(x, 0.04, 0.028, fill=(70, 110, 160))
    sketch.polygon([(0.42, 0.07), (0.52, 0.06), (0.55, 0.01), (0.42, 0.01)], (70, 110, 160))
    sketch.polygon([(0.06, -0.03), (-0.24, -0.26), (-0.10, -0.26), (0.26, -0.03)], paint)
    sketch.mark(roof=(0.0, 0.1), rear=(-0.6, 0.0), front=(0.6, 0.0), mouth=(0.0, 0.0))
