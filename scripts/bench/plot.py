"""Plots as SVG, readable on light and on dark pages; pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """\
<style>
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .axis { stroke: #8c959f; stroke-width: 1; } .grid { stroke: #d0d7de; stroke-width: 1; }
  .limit { stroke: #cf222e; stroke-width: 1.5; } .bar { fill: #0969da; } .aim { fill: #bf8700; }
  .line0 { stroke: #0969da; fill: #0969da; } .line1 { stroke: #bf8700; fill: #bf8700; }
  .line2 { stroke: #1a7f37; fill: #1a7f37; } .line3 { stroke: #8250df; fill: #8250df; }
  .line4 { stroke: #cf222e; fill: #cf222e; } polyline { fill: none !important; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .grid { stroke: #30363d; } .bar { fill: #4493f8; } .aim { fill: #d29922; }
  }
</style>
"""
_ROW, _LEFT, _WIDTH, _RIGHT = 20, 340, 380, 70  # pixels: a bar with its gap, its name, the scale, its value
_HEIGHT, _TOP = 300, 30
_LEAST = 0.001  # of the limit: what is less is drawn as that
_APART = 15  # pixels between the names of lines


@dataclass(frozen=True)
class Bar:
    """How near to the limit: 1 is as good as it; `aim` is what is aimed at, on the same scale."""

    name: str
    share: float
    aim: float | None = None


@dataclass(frozen=True)
class Scale:
    """A logarithmic axis: values from `low` to `high` on so many pixels."""

    low: float
    high: float
    pixels: float

    def at(self, value: float) -> float:
        inside = min(self.high, max(self.low, value))
        return self.pixels * math.log(inside / self.low) / math.log(self.high / self.low)

    def ticks(self) -> list[float]:
        """The powers of ten on it."""
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        return [10.0**power for power in range(first, last + 1)]


def scale_of(values: Sequence[float], pixels: float) -> Scale:
    """From the power of ten below all values to the one above."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return Scale(10.0**low, 10.0 ** max(high, low + 1), pixels)


def render_bars(title: str, bars: Sequence[Bar]) -> str:
    """One bar for each figure, the limit as a line at 1, what is aimed at as a mark."""
    scale = scale_of([1.0, *(max(bar.share, _LEAST) for bar in bars)], _WIDTH)
    height = _TOP + _ROW * len(bars) + 30
    parts = [_text(10, 18, title)]
    for tick in scale.ticks():
        parts += [_line("limit" if tick == 1 else "grid", _LEFT + scale.at(tick), _TOP, height - 22, vertical=True)]
        parts += [_text(_LEFT + scale.at(tick), height - 8, f"{tick:g}", "middle")]
    for index, bar in enumerate(bars):
        parts += _bar(bar, _TOP + index * _ROW, scale)
    return _svg(_LEFT + _WIDTH + _RIGHT, height, parts)


def _bar(bar: Bar, top: float, scale: Scale) -> list[str]:
    parts = [
        _text(_LEFT - 8, top + 14, bar.name, "end"),
        f'<rect class="bar" x="{_LEFT}" y="{top + 3}" width="{scale.at(bar.share):.1f}" height="{_ROW - 6}"/>',
        _text(_LEFT + _WIDTH + 8, top + 14, f"{bar.share:.2g}" if bar.share < 1 else f"{bar.share:.3g}"),
    ]
    if bar.aim:
        parts.append(
            f'<rect class="aim" x="{_LEFT + scale.at(bar.aim) - 1.5:.1f}" y="{top}" width="3" height="{_ROW}"/>'
        )
    return parts


def render_lines(title: str, lines: Mapping[str, Mapping[int, float]]) -> str:
    """One line for each name: number of files → value, both axes logarithmic."""
    files = sorted({count for points in lines.values() for count in points})
    across = Scale(files[0], max(files[-1], files[0] * 10), _WIDTH + 60)
    up = scale_of([value for points in lines.values() for value in points.values() if value > 0], _HEIGHT)
    bottom, left = _TOP + _HEIGHT, 70
    parts = [_text(10, 18, title)]
    for tick in up.ticks():
        parts.append(_line("grid", left, bottom - up.at(tick), left + across.pixels))
        parts.append(_text(left - 8, bottom - up.at(tick) + 4, f"{tick:g}", "end"))
    parts += [_text(left + across.at(count), bottom + 20, f"{count:,} files", "middle") for count in files]
    drawn = [
        [(left + across.at(count), bottom - up.at(value)) for count, value in sorted(points.items()) if value > 0]
        for points in lines.values()
    ]
    for index, points in enumerate(drawn):
        parts += _polyline(f"line{index % 5}", points)
    parts += _names(list(lines), [points[-1] for points in drawn])
    return _svg(left + across.pixels + 250, bottom + 40, parts)


def _polyline(kind: str, at: Sequence[tuple[float, float]]) -> list[str]:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    dots = [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in at]
    return [f'<polyline class="{kind}" points="{points}"/>', *dots]


def _names(names: Sequence[str], ends: Sequence[tuple[float, float]]) -> list[str]:
    """Each beside the end of its line, or above that where another name is there already."""
    parts, above = [], math.inf
    for y, x, name in sorted(((y, x, name) for name, (x, y) in zip(names, ends, strict=True)), reverse=True):
        above = min(y + 4, above - _APART)
        parts.append(_text(x + 10, above, name))
    return parts


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(kind: str, x: float, y: float, end: float, *, vertical: bool = False) -> str:
    x2, y2 = (x, end) if vertical else (end, y)
    return f'<line class="{kind}" x1="{x:.1f}" y1="{y:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{_STYLE}' + "\n".join(parts) + "\n</svg>\n"
