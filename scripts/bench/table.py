"""A run as a table: each figure, its limit, the ratio, the spread, and whether it is as aimed at; pure."""

from collections.abc import Sequence

from scripts.bench.figures import FIGURES, TIMES, Figure
from scripts.bench.results import LARDER, LIMIT, Results, Spread, holds

HEAD = ("figure", "Larder", "limit", "ratio", "spread", "CPU", "others", "aim", "holds")
MARKS = {True: "yes", False: "**no**", None: ""}


def number(value: float) -> str:
    """Three digits that matter, and all of them before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 0.1 else f"{value:#.3g}"


def render_rows(results: Results, files: int, group: str = "") -> list[tuple[str, ...]]:
    """The figures that were measured, of one group or of all."""
    figures = (figure for figure in FIGURES if LARDER in results.samples.get(figure.key, {}))
    return [_row(figure, results, files) for figure in figures if group in ("", figure.group)]


def render_peers(results: Results) -> list[tuple[str, ...]]:
    """A head, and every figure that others were measured by as well; empty where none were."""
    names = dict.fromkeys(name for samples in results.samples.values() for name in samples)
    peers = [name for name in names if name not in (LARDER, LIMIT)]
    rows: list[tuple[str, ...]] = [("figure", "Larder", *peers)]
    for figure in FIGURES:
        spreads = [results.spread(figure.key, name) for name in (LARDER, *peers)]
        if any(spreads[1:]):
            rows.append((figure.title, *(_value(spread, figure.unit) for spread in spreads)))
    return rows if peers else []


def render_markdown(rows: Sequence[tuple[str, ...]], head: tuple[str, ...] = HEAD) -> str:
    aligned = "|".join(["---", *["--:"] * (len(head) - 1)])
    return "\n".join([_line(head), f"|{aligned}|", *map(_line, rows)]) + "\n"


def render_text(rows: Sequence[tuple[str, ...]]) -> str:
    """The same in columns, for a terminal; the first row is the head."""
    table = [[cell.replace("*", "") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(_columns(row, widths) for row in table) + "\n"


def _columns(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if not index else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join([first, *others]).rstrip()


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(figure: Figure, results: Results, files: int) -> tuple[str, ...]:
    own, limit, ratio = results.spread(figure.key, LARDER), results.spread(figure.key, LIMIT), results.ratio(figure.key)
    cpu = results.cpu_ratio(figure.key)
    return (
        figure.title,
        _value(own, figure.unit),
        _value(limit, figure.unit),
        f"{number(ratio.median)} {TIMES}" if ratio else "",
        _spread(ratio or own),
        f"{number(cpu)} {TIMES}" if cpu else "",
        f"{results.foreign(figure.key):.2f}",
        figure.aim.text(figure, files) if figure.aim else "",
        MARKS[holds(figure, results, files)],
    )


def _value(spread: Spread | None, unit: str) -> str:
    if spread is None:
        return ""
    return f"{number(spread.median)}{unit}" if unit.startswith("/") else f"{number(spread.median)} {unit}"


def _spread(spread: Spread | None) -> str:
    return f"{number(spread.low)} … {number(spread.high)}" if spread else ""
