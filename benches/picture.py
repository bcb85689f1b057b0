"""SVG pictures: bars of ratios, and lines of growth. Colours and greys that can be read on white and on black."""

import math
from dataclasses import dataclass, field
from html import escape
from typing import List, Optional, Tuple

OURS, SHORT, THEIRS, GREY, FAINT = "#3f8fd2", "#d9902f", "#d9902f", "#7d8590", "#7d859040"
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"


class Drawing:
    def __init__(self, width):
        self.width, self.parts = width, []

    def text(self, x, y, words, size=13, anchor="start", colour=GREY, weight=400):
        self.parts.append(
            '<text x="%.1f" y="%.1f" font-size="%g" text-anchor="%s" fill="%s" font-weight="%d">%s</text>'
            % (x, y, size, anchor, colour, weight, escape(words))
        )

    def line(self, x1, y1, x2, y2, colour=FAINT, width=1.0):
        self.parts.append(
            '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%g"/>' % (x1, y1, x2, y2, colour, width)
        )

    def bar(self, x, y, width, height, colour):
        self.parts.append(
            '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" fill="%s"/>' % (x, y, max(width, 1), height, colour)
        )

    def ring(self, x, y, colour):
        self.parts.append('<circle cx="%.1f" cy="%.1f" r="4" fill="none" stroke="%s" stroke-width="2"/>' % (x, y, colour))

    def dot(self, x, y, colour):
        self.parts.append('<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>' % (x, y, colour))

    def path(self, points, colour):
        places = " ".join("%.1f,%.1f" % point for point in points)
        self.parts.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' % (places, colour))

    def svg(self, height, title):
        head = '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="%s" role="img">'
        size = self.width, math.ceil(height)
        return "\n".join([head % (*size, *size, FONT), "<title>%s</title>" % escape(title), *self.parts, "</svg>", ""])


def times(ratio):
    return "%.2gx" % ratio if ratio < 9.95 else "%.0fx" % ratio


# --- bars

@dataclass
class Bar:
    name: str
    ratio: float
    time: str
    target: Optional[float] = None
    cold: Optional[float] = None


LEFT, STEP, ROW = 270, 20, 14


def bars(title, groups: List[Tuple[str, List[Bar]]], width=900):
    """Horizontal bars on a logarithmic axis, in groups. A mark stands at the target; a bar that ends before it has the
    other colour; a ring stands where the other side is cold."""
    groups = [(name, found) for name, found in groups if found]
    values = [value for _, found in groups for bar in found for value in (bar.ratio, bar.cold, bar.target) if value]
    first, last = min(0.8, *values, 1), max(10, *values) * 1.15
    right = width - 120

    def x(value):
        return LEFT + (right - LEFT) * (math.log(value) - math.log(first)) / (math.log(last) - math.log(first))

    drawing, y = Drawing(width), 84
    drawing.text(LEFT, 24, title, 17, weight=600)
    with_target = any(bar.target for _, found in groups for bar in found)
    with_cold = any(bar.cold for _, found in groups for bar in found)
    at = LEFT
    drawing.bar(at, 37, 22, 10, OURS)
    drawing.text(at + 28, 46, "times as fast" + (", target reached" if with_target else ""), 12)
    if with_target:
        drawing.bar(at + 215, 37, 22, 10, SHORT)
        drawing.text(at + 243, 46, "target missed", 12)
        drawing.line(at + 352, 35, at + 352, 49, GREY, 2)
        drawing.text(at + 360, 46, "target", 12)
    if with_cold:
        drawing.ring(at + 424, 42, GREY)
        drawing.text(at + 436, 46, "other side cold", 12)
    top = y - 22
    for name, found in groups:
        drawing.text(16, y, name, 13, weight=600)
        y += 10
        for bar in found:
            colour = SHORT if bar.target and bar.ratio < bar.target else OURS
            drawing.text(LEFT - 8, y + ROW - 3, bar.name.replace(" of __main__", ""), 12, "end")
            start, end = sorted((x(1), x(bar.ratio)))
            drawing.bar(start, y, end - start, ROW, colour)
            if bar.target:
                drawing.line(x(bar.target), y - 2, x(bar.target), y + ROW + 2, GREY, 2)
            if bar.cold:
                drawing.ring(x(bar.cold), y + ROW / 2, GREY)
            furthest = max(end, *(x(value) + 5 for value in (bar.cold, bar.target) if value), end)
            drawing.text(furthest + 6, y + ROW - 3, "%s · %s" % (times(bar.ratio), bar.time), 12)
            y += STEP
        y += 26
    bottom = y - 34
    grid = Drawing(width)
    for power in range(-1, 4):
        for digit in (1, 2, 5):
            value = digit * 10.0**power
            if first <= value <= last:
                grid.line(x(value), top, x(value), bottom, GREY if value == 1 else FAINT)
                grid.text(x(value), bottom + 16, "%gx" % value, 12, "middle")
    drawing.parts[:0] = grid.parts
    return drawing.svg(bottom + 30, title)


# --- lines

@dataclass
class Line:
    name: str
    colour: str
    points: List[Tuple[float, float]]


@dataclass
class Panel:
    title: str
    along: str
    lines: List[Line] = field(default_factory=list)
    """Points of a size and nanoseconds. A line that ends early: this side fails from there on."""
    ends: str = ""


PANEL, HIGH = 290, 210


def ticks(first, last):
    return [10.0**power for power in range(math.floor(math.log10(first)), math.ceil(math.log10(last)) + 1)]


def nanoseconds(value):
    for unit, size in (("ns", 1), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)):
        if value < 1000 * size:
            break
    return "%g %s" % (value / size, unit)


def count(value):
    return "%gM" % (value / 1e6) if value >= 1e6 else "%gk" % (value / 1e3) if value >= 1e3 else "%g" % value


def lines(title, panels: List[Panel], across=3):
    """Small charts of times over sizes, both axes logarithmic."""
    drawing = Drawing(across * (PANEL + 20))
    drawing.text(16, 24, title, 17, weight=600)
    names = {line.name: line.colour for panel in panels for line in panel.lines}
    for n, (name, colour) in enumerate(names.items()):
        drawing.line(16 + 150 * n, 44, 38 + 150 * n, 44, colour, 3)
        drawing.text(44 + 150 * n, 48, name, 13)
    for n, panel in enumerate(panels):
        left, top = 68 + n % across * (PANEL + 16), 94 + n // across * (HIGH + 74)
        draw_panel(drawing, panel, left, top, PANEL - 70, HIGH)
    rows = -(-len(panels) // across)
    return drawing.svg(94 + rows * (HIGH + 74) - 14, title)


def draw_panel(drawing, panel, left, top, width, height):
    sizes = [size for line in panel.lines for size, _ in line.points]
    values = [value for line in panel.lines for _, value in line.points]
    across, up = ticks(min(sizes), max(sizes)), ticks(min(values), max(values))

    def place(value, along):
        spread = math.log(along[-1] / along[0]) or 1
        return math.log(value / along[0]) / spread

    drawing.text(left, top - 12, panel.title, 13, weight=600)
    for value in up:
        y = top + height * (1 - place(value, up))
        drawing.line(left, y, left + width, y)
        drawing.text(left - 6, y + 4, nanoseconds(value), 11, "end")
    for value in across:
        x = left + width * place(value, across)
        drawing.line(x, top, x, top + height)
        drawing.text(x, top + height + 15, count(value), 11, "middle")
    drawing.text(left + width / 2, top + height + 31, panel.along, 12, "middle")
    for line in panel.lines:
        points = [(left + width * place(a, across), top + height * (1 - place(b, up))) for a, b in line.points]
        drawing.path(points, line.colour)
        for point in points:
            drawing.dot(*point, line.colour)
    if panel.ends:
        drawing.text(left + width - 4, top + height - 6, panel.ends, 11, "end")
