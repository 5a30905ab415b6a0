"""Files that appear by themselves: how long until their simple page lists them."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import cycle, takewhile
from pathlib import Path
from statistics import quantiles

from scripts.bench.chosen import SMALL
from scripts.bench.dataset.fresh import Fresh, invent, make_fresh
from scripts.bench.figures import WAYS, drop_key
from scripts.bench.larder import simple
from scripts.bench.machine import Meter
from scripts.bench.measure.bench import Bench
from scripts.bench.processes import wait_for
from scripts.bench.results import LARDER, Sample
from scripts.bench.talk import Connection
from scripts.bench.uploads import Clients, post

LONG = 30.0  # seconds in which a file has to be listed
PAUSE = 0.0005  # seconds between looks at a page
SELDOM = 0.002  # where many are awaited, and looking takes a part of the machine
BETWEEN = {"": 0.05, "busy": 0.01}  # seconds between one drop and the next
AT_ONCE = 3  # times that many files are dropped at once in each round, for that varies the most
MANY = 8  # clients that upload meanwhile
SPARE = 24  # uploads made ready for each drop

Drop = Callable[[Path, Path], object]
Load = Callable[[Bench], AbstractContextManager[Callable[[], bool]]]


def measure(bench: Bench) -> None:
    """In each way in turn, idle and while uploads come in; the projects are as before afterwards."""
    for _ in bench.rounds("drops"):
        for _ in range(AT_ONCE):
            _measure_at_once(bench)
        bench.larder.rest(0.5)
        _measure_load(bench, "", _nothing)
        _measure_load(bench, "busy", _uploads)


def drop_of(way: str, staging: Path) -> Drop:
    """What puts a copy of a file at a path; a file that is to be renamed is copied beforehand."""
    if way == "rename":
        return lambda file, path: (staging / file.name).rename(path)
    if way == "cp":
        return shutil.copyfile
    return os.link


def _measure_load(bench: Bench, load: str, begin: Load) -> None:
    """Drop as long as the load goes on, which begins when all is ready."""
    drops, meter = _files(bench, bench.chosen.drops * len(WAYS), 11 if load else 10), Meter()
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    staging = _staged(bench, drops)
    with Connection(bench.larder.port) as connection, begin(bench) as goes_on:
        for way, fresh in zip(cycle(WAYS), takewhile(lambda _: goes_on(), drops), strict=False):
            found[way].append(_time_drop(bench, fresh, drop_of(way, staging), connection))
            time.sleep(BETWEEN[load])
    for way, seconds in found.items():
        for quantile, value in (("p50", middle(seconds)), ("p95", high(seconds))):
            bench.results.add(drop_key(way, load, quantile), LARDER, Sample(value * 1000, meter.foreign()))
    bench.larder.remove(each.name for each in drops)


def middle(seconds: list[float]) -> float:
    return quantiles(seconds, n=2, method="inclusive")[0]


def high(seconds: list[float]) -> float:
    return quantiles(seconds, n=20, method="inclusive")[-1]


def _time_drop(bench: Bench, fresh: Fresh, drop: Drop, connection: Connection) -> float:
    """The seconds from the first system call until the page lists it."""
    began = time.monotonic()
    drop(fresh.file, bench.larder.packages / fresh.distribution.filename)
    _wait_listed(fresh, connection)
    return time.monotonic() - began


def _wait_listed(fresh: Fresh, connection: Connection, pause: float = PAUSE) -> None:
    project, filename = fresh.name
    request, wanted = simple(project), f'"{filename}"'.encode()
    wait_for(f"{filename} on its page", lambda: wanted in connection.ask(request).body, LONG, pause)


def _measure_at_once(bench: Bench) -> None:
    drops = _files(bench, bench.chosen.at_once, 12)
    staging = _staged(bench, drops)
    with Connection(bench.larder.port) as connection:
        bench.larder.rest(0.5)
        meter, began, rename = Meter(), time.monotonic(), drop_of("rename", staging)
        for fresh in drops:
            rename(fresh.file, bench.larder.packages / fresh.distribution.filename)
        for fresh in sorted(drops, key=lambda each: each.name):  # about as they come, so that looking takes no time
            _wait_listed(fresh, connection, SELDOM)
        bench.results.add("drop-200", LARDER, Sample(time.monotonic() - began, meter.foreign()))
    bench.larder.remove(each.name for each in drops)


def _files(bench: Bench, count: int, purpose: int) -> list[Fresh]:
    return make_fresh(bench.chosen.cache, invent(bench.of_ten, count, SMALL, purpose))


def _staged(bench: Bench, drops: list[Fresh]) -> Path:
    """A new directory beside the data directory with a copy of each, to be renamed."""
    staging = Path(tempfile.mkdtemp(prefix="staging-", dir=bench.work))
    for fresh in drops:
        shutil.copyfile(fresh.file, staging / fresh.file.name)
    return staging


@contextmanager
def _nothing(_: Bench) -> Iterator[Callable[[], bool]]:
    yield lambda: True


@contextmanager
def _uploads(bench: Bench) -> Iterator[Callable[[], bool]]:
    """While it lasts 8 clients upload, without a pause, till there is nothing left: then what it yields is false."""
    files = _files(bench, bench.chosen.drops * len(WAYS) * SPARE, 13)
    clients = Clients(bench.larder.port, [post(each) for each in files], MANY)
    clients.begin()
    try:
        yield clients.are_busy
    finally:
        clients.stop()
        clients.wait()
        bench.larder.remove(each.name for each in files)
