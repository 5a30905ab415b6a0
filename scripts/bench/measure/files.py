"""Downloads of a small and of a large file."""

from scripts.bench.chosen import MIDDLE, SMALL
from scripts.bench.measure.bench import Bench
from scripts.bench.measure.pages import measure_load
from scripts.bench.results import LARDER, LIMIT
from scripts.bench.wrk import Load


def measure(bench: Bench) -> None:
    for turn in bench.rounds("downloads"):
        for key, size in (("file-20k", SMALL), ("file-5m", MIDDLE)):
            _measure(bench, key, size, turn)


def _measure(bench: Bench, key: str, size: int, turn: int) -> None:
    """In requests a second, or megabytes where the file is large."""
    path = file_path(bench, size)
    unit = (bench.larder.packages / path.rpartition("/")[2]).stat().st_size / 1e6 if size > SMALL else 1
    contestants = [(LARDER, bench.larder.port, bench.larder.pid), (LIMIT, bench.bare.port, bench.bare.pid)]
    for name, port, pid in contestants[:: -1 if turn % 2 else 1]:
        bench.results.add(key, name, measure_load(Load(port, path, (), bench.chosen.seconds), pid, unit))


def file_path(bench: Bench, size: int) -> str:
    return f"/packages/{bench.distribution_of(size).filename}"
