"""Downloads of a small and of a large file."""

from scripts.bench.chosen import MIDDLE, SMALL
from scripts.bench.measure.bench import Bench
from scripts.bench.measure.loads import Contestant, measure_loads
from scripts.bench.results import LARDER, LIMIT
from scripts.bench.wrk import Load


def measure(bench: Bench) -> None:
    for _ in bench.rounds("downloads"):
        for key, size in (("file-20k", SMALL), ("file-5m", MIDDLE)):
            _measure(bench, key, size)


def _measure(bench: Bench, key: str, size: int) -> None:
    """In requests a second, or megabytes where the file is large."""
    path = file_path(bench, size)
    unit = (bench.larder.packages / path.rpartition("/")[2]).stat().st_size / 1e6 if size > SMALL else 1
    own = Contestant(LARDER, Load(bench.larder.port, path, (), bench.chosen.seconds), bench.larder.pid)
    limit = Contestant(LIMIT, Load(bench.bare.port, path, (), bench.chosen.seconds), bench.bare.pid)
    for name, sample in measure_loads([own, limit], unit).items():
        bench.results.add(key, name, sample)


def file_path(bench: Bench, size: int) -> str:
    return f"/packages/{bench.distribution_of(size).filename}"
