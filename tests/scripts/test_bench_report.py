"""What the benchmark makes of its samples: ratios, aims, a table, plots, a page."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from scripts.bench.document import Run, read_runs, render_growth, write_document, write_run
from scripts.bench.figures import FIGURES, GROUPS, Figure
from scripts.bench.plot import Bar, Scale, render_bars, render_lines
from scripts.bench.results import LARDER, LIMIT, Results, Sample, from_json, holds, to_json
from scripts.bench.table import HEAD, number, render_markdown, render_peers, render_rows, render_text
from scripts.bench.wrk import parse_rate

MACHINE = {key: key for key in ("cpu", "memory", "kernel", "filesystem", "python", "nginx")}


def figure(key: str) -> Figure:
    [found] = [each for each in FIGURES if each.key == key]
    return found


def results(**values: tuple[list[float], list[float]]) -> Results:
    """Samples of Larder and of the limit; `index_cold` is the figure index-cold."""
    found = Results()
    for key, series in values.items():
        for name, samples in zip((LARDER, LIMIT), series, strict=True):
            for value in samples:
                found.add(key.replace("_", "-"), name, Sample(value, 0.25, value / 10))
    return found


def run(files: int, when: str = "2026-01-01") -> Run:
    """One in which every figure was measured, and is as good as its limit."""
    found = Results()
    for each in FIGURES:
        found.add(each.key, LARDER, Sample(5.0))
        if each.limit:
            found.add(each.key, LIMIT, Sample(5.0))
    return Run(files, 3, {**MACHINE, "when": when}, found)


def test_a_ratio_is_taken_round_by_round() -> None:
    ratio = results(index_cold=([2.0, 9.0, 6.0], [1.0, 3.0, 4.0])).ratio("index-cold")
    assert ratio is not None
    assert (ratio.median, ratio.low, ratio.high) == (2.0, 1.5, 3.0)


def test_there_is_no_ratio_to_what_is_too_little_to_be_told() -> None:
    assert results(index_cold=([2.0], [0.0])).ratio("index-cold") is None
    assert results(drop_200=([2.0], [])).ratio("drop-200") is None


@pytest.mark.parametrize(
    ("key", "own", "limit", "files", "held"),
    [
        ("index-cold", 1.5, 1.0, 10_000, True),
        ("index-cold", 1.6, 1.0, 10_000, False),
        ("page-20-html", 96.0, 100.0, 10_000, True),
        ("page-20-html", 94.0, 100.0, 10_000, False),
        ("restart", 0.6, 0.1, 10_000, False),
        ("restart", 0.6, 0.1, 100_000, True),
        ("upload-20k-1", 151.0, 3000.0, 1_000, True),
        ("install-pip-cold", 9.0, 1.0, 1_000, None),
    ],
)
def test_a_figure_holds_when_it_is_as_good_as_is_aimed_at(
    key: str, own: float, limit: float, files: int, held: bool | None
) -> None:
    found = Results({key: {LARDER: [Sample(own)], LIMIT: [Sample(limit)]}})
    assert holds(figure(key), found, files) is held


def test_an_aim_says_its_bound_and_its_unit() -> None:
    texts = {key: (aim := figure(key).aim) and aim.text(figure(key), 100_000) for key in ("restart", "page-20-html")}
    assert texts == {"restart": "≤ 2 s", "page-20-html": "≥ 0.95 ×"}  # noqa: RUF001 - the sign


def test_every_figure_is_of_one_group_and_has_a_name_of_its_own() -> None:
    assert {each.group for each in FIGURES} == set(GROUPS)
    assert len({each.key for each in FIGURES}) == len({each.title for each in FIGURES}) == len(FIGURES)


def test_what_was_written_as_json_is_read_again() -> None:
    found = results(index_cold=([2.0, 3.0], [1.0, 1.0]))
    document = json.loads(json.dumps(to_json(found, 1_000)))
    assert document["index-cold"]["ratio"] == {"median": 2.5, "low": 2.0, "high": 3.0}
    assert document["index-cold"]["holds"] is False
    assert from_json(document) == found


def test_a_row_has_values_limit_ratio_spread_cost_and_aim() -> None:
    [row] = render_rows(results(index_cold=([2.0, 3.0], [1.0, 1.0])), 1_000)
    cells = dict(zip(HEAD, row, strict=True))
    assert cells == {
        "figure": "cold index, until all is listed",
        "Larder": "2.50 s",
        "limit": "1.00 s",
        "ratio": "2.50 ×",  # noqa: RUF001
        "spread": "2.00 … 3.00",
        "CPU": "2.50 ×",  # noqa: RUF001
        "others": "0.25",
        "aim": "≤ 1.5 ×",  # noqa: RUF001
        "holds": "**no**",
    }


def test_a_table_has_a_line_for_each_row_and_columns_in_line() -> None:
    rows = render_rows(results(index_cold=([2.0], [1.0]), drop_200=([0.15], [])), 1_000)
    assert render_markdown(rows).count("\n") == 4
    lines = render_text([HEAD, *rows]).splitlines()
    assert len({line.rindex(end) + len(end) for line, end in zip(lines, ("holds", "no", "yes"), strict=True)}) == 1


def test_others_are_shown_where_they_were_measured() -> None:
    found = results(file_20k=([100.0], [120.0]))
    assert render_peers(found) == []
    found.add("file-20k", "devpi", Sample(8.0))
    assert render_peers(found) == [("figure", "Larder", "devpi"), ("download of 20 KB", "100/s", "8.00/s")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0001234, "0.000123"),
        (0.0412, "0.0412"),
        (0.5, "0.500"),
        (1.234, "1.23"),
        (56.78, "56.8"),
        (999.4, "999"),
        (12345, "12,345"),
    ],
)
def test_a_number_has_three_digits_that_matter(value: float, text: str) -> None:
    assert number(value) == text


def test_a_scale_is_logarithmic_and_ends_where_it_ends() -> None:
    scale = Scale(0.01, 1.0, 200)
    assert [scale.at(value) for value in (0.001, 0.01, 0.1, 1, 5)] == pytest.approx([0, 0, 100, 200, 200])
    assert scale.ticks() == pytest.approx([0.01, 0.1, 1])


def test_a_plot_of_bars_names_each_and_marks_aims() -> None:
    svg = render_bars("Ratios & more", [Bar("a <page>", 0.5, 0.9), Bar("an upload", 0.0), Bar("a file", 1.2)])
    found = ET.fromstring(svg)
    texts = [text.text for text in found.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Ratios & more", "a <page>", "an upload", "a file", "0.5", "1.2"} <= set(texts)
    assert svg.count('class="bar"') == 3
    assert svg.count('class="aim"') == 1
    assert "prefers-color-scheme: dark" in svg


def test_a_plot_of_growth_has_a_line_for_each_name() -> None:
    svg = render_lines("Growth", {"index, s": {1_000: 0.5, 10_000: 5.0}, "restart, s": {1_000: 0.3}})
    points = [
        line.get("points", "").split() for line in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}polyline")
    ]
    assert [len(each) for each in points] == [2, 1]
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in points[0])
    assert x2 > x1
    assert y2 < y1  # up is more


def test_the_page_shows_the_largest_usual_run_and_all_sizes(tmp_path: Path) -> None:
    for files in (1_000, 10_000, 100_000):
        write_run(run(files), tmp_path / "benchmarks" / f"{files}.json")
    assert list(read_runs(tmp_path / "benchmarks")) == [1_000, 10_000, 100_000]
    write_document(tmp_path / "benchmarks", tmp_path / "BENCHMARKS.md")
    text = (tmp_path / "BENCHMARKS.md").read_text()
    assert "10,000 files, 3 round(s), 2026-01-01. cpu; memory of memory;" in text
    assert all(f"\n## {group.capitalize()}\n" in text for group in GROUPS)
    assert all(f"\n| {each.title} | " in text for each in FIGURES)
    assert "| figure | 1,000 files | 10,000 files | 100,000 files |" in text
    assert "{" not in text.replace("{SSHA}", "")
    for name in ("ratios", "growth"):
        assert f"(benchmarks/{name}.svg)" in text
        ET.parse(tmp_path / "benchmarks" / f"{name}.svg")


def test_a_single_run_can_be_plotted() -> None:
    ET.fromstring(render_growth({1_000: run(1_000)}))


def test_what_wrk_says_is_a_rate_only_where_all_was_answered() -> None:
    said = "Running 10m test\n  Requests/sec:  41234.56\nTransfer/sec: 12.3MB\n"
    assert parse_rate(said) == 41234.56
    with pytest.raises(RuntimeError, match="not answered as expected"):
        parse_rate(said + "  Non-2xx or 3xx responses: 7\n")
