"""Cold index and restart, beside reading every file once and looking at each."""

import os
import time
from contextlib import suppress
from pathlib import Path

from scripts.bench import floor
from scripts.bench.larder import NEVER, Larder
from scripts.bench.machine import Meter
from scripts.bench.measure.bench import Bench, timed
from scripts.bench.measure.memory import Peaks
from scripts.bench.processes import cpu_seconds, wait_for
from scripts.bench.results import LARDER, LIMIT, Sample
from scripts.bench.talk import Connection, ask

SETTLED = 1.0  # seconds without work after which nothing is left to be done


def measure(bench: Bench) -> None:
    """Leaves a Larder that runs, with everything listed."""
    for _ in bench.rounds("cold index and restart"):
        _measure_floor(bench)
        _measure_cold(bench)
        bench.larder.stop()
        _measure_restart(bench)


def _measure_floor(bench: Bench) -> None:
    files = sorted(bench.larder.packages.iterdir())
    meter, before = Meter(), cpu_seconds(os.getpid())
    seconds = timed(lambda: floor.read_all(files))
    spent, foreign = cpu_seconds(os.getpid()) - before, meter.foreign()
    bench.results.add("index-cold", LIMIT, Sample(seconds, foreign, spent))
    bench.results.add("index-cpu", LIMIT, Sample(spent, foreign))


def _measure_cold(bench: Bench) -> None:
    """From nothing but files until all is listed."""
    bench.larder.stop()
    bench.larder.forget()
    meter = Meter()
    bench.larder.start()
    with Peaks(bench.larder, bench.peaks):
        first = _wait_for_first(bench.larder)
        seconds = bench.larder.wait_healthy()
        settled = bench.larder.rest(SETTLED)
    foreign, spent = meter.foreign(), cpu_seconds(bench.larder.pid)
    check_all_listed(bench)
    bench.results.add("index-cold", LARDER, Sample(seconds, foreign, spent))
    bench.results.add("index-settled", LARDER, Sample(settled, foreign))
    bench.results.add("index-cpu", LARDER, Sample(spent, foreign))
    bench.results.add("index-first", LARDER, Sample(first, foreign))


def _wait_for_first(larder: Larder) -> float:
    """Until one project is listed, whichever it is: the seconds since the start."""

    def is_listed() -> bool:
        with suppress(OSError):
            found = next(larder.paths.default.projects.iterdir(), Path())
            return bool(found.name) and ask(larder.port, f"/simple/{found.name}/").status == 200
        return not larder.pid

    wait_for("a first project", is_listed, NEVER)
    return time.monotonic() - larder.began


def check_all_listed(bench: Bench) -> None:
    """RuntimeError unless every file is on the page of its project."""
    with Connection(bench.larder.port) as connection:
        for project, count in bench.projects.items():
            listed = len(bench.larder.listed(project, connection))
            if listed != count:
                raise RuntimeError(f"{project} lists {listed} files; expected {count}")


def _measure_restart(bench: Bench) -> None:
    meter = Meter()
    looked = timed(lambda: floor.stat_all(bench.larder.packages))
    bench.results.add("restart", LIMIT, Sample(looked, meter.foreign()))
    meter = Meter()
    bench.larder.start()
    bench.results.add("restart", LARDER, Sample(bench.larder.wait_healthy(), meter.foreign()))
    reconciled = bench.larder.reconciled()
    if reconciled is not None:
        bench.results.add("restart-reconciled", LARDER, Sample(reconciled))
