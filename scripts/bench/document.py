"""BENCHMARKS.md and its plots, made of the last run of each size; pure but for the two ends."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.bench.figures import FIGURES, GROUPS, REFERENCE, figures_of
from scripts.bench.plot import Bar, render_bars, render_lines
from scripts.bench.results import LARDER, Results, from_json, to_json
from scripts.bench.table import number, render_markdown, render_peers, render_rows
from store import VERSION

GROWING = {
    "index-cold": "cold index, s",
    "restart": "restart, s",
    "drop-rename-p95": "rename to visible, p95, ms",
    "upload-20k-8": "uploads of 20 KB, 8 clients, /s",
    "memory-rest": "memory at rest, MB",
}


@dataclass(frozen=True)
class Run:
    """One run of the benchmark, as its JSON has it."""

    files: int
    rounds: int
    machine: dict[str, str]
    results: Results

    def to_json(self) -> dict[str, Any]:
        facts = {"larder": VERSION, "files": self.files, "rounds": self.rounds, "machine": self.machine}
        return {**facts, "figures": to_json(self.results, self.files)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Run":
        results = from_json(document["figures"])
        return cls(document["files"], document["rounds"], document["machine"], results)


def write_run(run: Run, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(run.to_json(), indent=1, ensure_ascii=False) + "\n")


def read_runs(directory: Path) -> dict[int, Run]:
    """Number of files → the last run of so many, in order of size."""
    runs = [Run.from_json(json.loads(file.read_text())) for file in directory.glob("*.json")]
    return {run.files: run for run in sorted(runs, key=lambda run: run.files)}


def write_document(directory: Path, document: Path) -> None:
    """Write the plots beside the runs, and the document that shows them."""
    runs = read_runs(directory)
    reference = runs.get(REFERENCE) or max(runs.values(), key=lambda run: run.machine["when"])
    (directory / "ratios.svg").write_text(render_ratios(reference))
    (directory / "growth.svg").write_text(render_growth(runs))
    document.write_text(render_document(reference, runs, directory.name))


def render_ratios(run: Run) -> str:
    """How near each figure that has a limit is to it."""
    bars = []
    for figure in FIGURES:
        if ratio := run.results.ratio(figure.key):
            aim = figure.aim.bound(run.files) if figure.aim and figure.aim.of == "ratio" else None
            share = ratio.median if figure.more else 1 / ratio.median if ratio.median else 0.0
            bars.append(Bar(figure.title, share, aim if figure.more or not aim else 1 / aim))
    return render_bars(f"How near to the limit, which is 1 ({run.files:,} files; a mark is what is aimed at)", bars)


def render_growth(runs: Mapping[int, Run]) -> str:
    lines: dict[str, dict[int, float]] = {}
    for files, run in runs.items():
        for key, name in GROWING.items():
            if spread := run.results.spread(key, LARDER):
                lines.setdefault(name, {})[files] = spread.median
    return render_lines("What grows with the number of files, and what does not", lines)


def render_document(run: Run, runs: Mapping[int, Run], directory: str) -> str:
    """The text around the tables."""
    groups = [_render_group(group, text, run) for group, text in GROUPS.items()]
    tables = "\n".join(filter(None, groups))
    peers = _render_peers(run)
    return (
        _HEAD.format(files=run.files, rounds=run.rounds, directory=directory, larder=VERSION, **run.machine)
        + tables
        + peers
        + _GROWTH.format(directory=directory)
        + _render_sizes(runs)
        + _MEANING
    )


def _render_group(group: str, text: str, run: Run) -> str:
    rows = render_rows(run.results, run.files, group)
    limits = dict.fromkeys(figure.limit for figure in figures_of(group) if figure.limit)
    against = f" Limit: {'; '.join(limits)}." if limits else ""
    return f"## {group.capitalize()}\n\n{text}{against}\n\n{render_markdown(rows)}" if rows else ""


def _render_sizes(runs: Mapping[int, Run]) -> str:
    """The growing figures at each size."""
    head = ("figure", *(f"{files:,} files" for files in runs))
    rows = []
    for key, name in GROWING.items():
        spreads = (run.results.spread(key, LARDER) for run in runs.values())
        rows.append((name, *(number(spread.median) if spread else "" for spread in spreads)))
    return render_markdown(rows, head)


def _render_peers(run: Run) -> str:
    head, *rows = render_peers(run.results) or [()]
    return f"\n## Others\n\n{_PEERS}\n{render_markdown(rows, head)}" if rows else ""


_HEAD = """\
# Benchmarks

Larder beside what the same machine can do in the same run, on the same files. `scripts/benchmark` writes this page.

    scripts/benchmark --files 1000 | 10000 | 100000    # some minutes; --quick is one short round, --peers others too

{files:,} files, {rounds} round(s), {when}. {cpu}; {memory} of memory; {kernel}; {filesystem}; Python {python};
nginx {nginx}; Larder {larder}.

![ratios]({directory}/ratios.svg)

"""

_PEERS = """\
pypiserver has the whole data set, devpi only the projects that are asked for. Uploads are measured once, to devpi with
a login token.
"""

_GROWTH = """
## Growth

![growth]({directory}/growth.svg)

"""

_MEANING = """
## What a figure means

- **Larder** and **limit** are medians of the rounds; the two take turns. **ratio** is the median of Larder divided by
  the limit, round by round, and **spread** the least and the most of that (of Larder alone where there is no limit).
  Of what is counted by the second more is better, of all else less.
- **CPU** is what Larder's processes spent for the same work, divided by what the limit's did; of figures a second it
  is counted for each request. It says more than the ratio where others use the machine as well: **others** is how
  many cores they kept busy meanwhile.
- **aim** is what the project has set itself, **holds** whether the median is as good.
- The data set is made of valid wheels and sdists, half and half: ten files a project on average, one project of 200,
  14 to 20 members each, most of them 10 to 60 KB, three in a thousand 5 MB. It lies in the page cache, for both.
- **cold index** begins with the start of `scripts/serve` and ends when `/health` says that all is listed; then every
  page is read and counted. Its limit reads each file once, on all cores: sha256, and the metadata by the standard
  library, of a wheel by way of the zip's directory, of an sdist by unpacking the stream to its end, where its
  checksum is. It checks no member and writes nothing. **CPU until then** counts also what Larder does after that.
- **pages** and **files** are asked for by `wrk` on 32 kept connections, as `/simple/<project>/` with the `Accept` of
  an installer; wrk shares the cores with nginx. Larder and the limit are asked four times in turn. The limit serves the
  same bytes under their own names with no configuration but `sendfile`. The limit of private reading is open reading
  of the same page, in the same turns, from a Larder beside it; the first request of a user is not measured.
- **uploads** are sent by processes that made them ready before, each on a kept connection, with all fields that twine
  sends, into projects of ten files. An upload counts when it is answered 200, and its page is looked at afterwards.
  **CPU** is that of all of Larder's processes, until they are idle again; **bytes written** what they handed to the
  file system. The limit stores the same bytes with PUT, which neither looks at them nor waits for the disk.
- **to visible** is the time from before `rename`, `cp` or `ln` until a client that asks again and again sees the file
  on the project's page.
- **installs** are whole runs of pip and uv, their own start included.
- **memory** is the proportional set size of all processes: at rest after everything else was measured, at its peak
  while indexing and uploads were.
- All of it is loopback.
"""
