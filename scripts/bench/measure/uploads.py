"""Uploads of three sizes, durable and listed, beside a bare PUT of the same files."""

from collections.abc import Callable
from dataclasses import dataclass

from scripts.bench.chosen import MIDDLE, SMALL
from scripts.bench.dataset.fresh import Fresh, invent, make_fresh
from scripts.bench.machine import Meter
from scripts.bench.measure.bench import Bench
from scripts.bench.measure.memory import Peaks
from scripts.bench.processes import bytes_written, cpu_seconds
from scripts.bench.results import LARDER, LIMIT, Sample
from scripts.bench.talk import Connection
from scripts.bench.uploads import Burst, Upload, post, put, upload_all

MANY = 8  # clients
SETTLED = 0.5  # seconds without work after which all that an upload causes is done


@dataclass(frozen=True)
class Load:
    """Files that so many clients upload, and which figures come of it."""

    files: list[Fresh]
    clients: int
    key: str
    cpu: str = ""
    written: str = ""

    @property
    def size(self) -> int:
        return sum(each.file.stat().st_size for each in self.files)

    def value(self, burst: Burst) -> float:
        """In the figure's unit: seconds for one, megabytes or files a second for more."""
        if len(self.files) == 1:
            return burst.seconds
        return (self.size / 1e6 if "5m" in self.key else len(self.files)) / burst.seconds


@dataclass(frozen=True)
class Server:
    """Who takes uploads."""

    name: str
    port: int
    pid: int
    request: Callable[[Fresh], Upload]


def measure(bench: Bench) -> None:
    """The projects have as many files afterwards as before."""
    larder = Server(LARDER, bench.larder.port, bench.larder.pid, post)
    limit = Server(LIMIT, bench.bare.port, bench.bare.pid, put)
    loads = _loads(bench)
    for turn in bench.rounds("uploads"):
        for load in loads:
            for server in (limit, larder) if turn % 2 else (larder, limit):
                _measure(bench, load, server)


def measure_at(bench: Bench, server: Server) -> None:
    """The same files once, at somebody else's, where they stay."""
    for load in _loads(bench):
        _measure(bench, load, server)


def _loads(bench: Bench) -> list[Load]:
    chosen, projects = bench.chosen, bench.of_ten

    def fresh(count: int, size: int, purpose: int) -> list[Fresh]:
        return make_fresh(chosen.cache, invent(projects, count, size, purpose))

    several = chosen.each_client * MANY
    return [
        Load(fresh(several // 3, SMALL, 0), 1, "upload-20k-1", "upload-20k-1-cpu"),
        Load(fresh(several, SMALL, 1), MANY, "upload-20k-8", "upload-20k-8-cpu", "upload-20k-written"),
        Load(
            fresh(chosen.each_of_middle * MANY, MIDDLE, 2), MANY, "upload-5m-8", "upload-5m-8-cpu", "upload-5m-written"
        ),
        Load(fresh(1, chosen.large, 3), 1, "upload-500m-1"),
    ]


def _measure(bench: Bench, load: Load, server: Server) -> None:
    uploads = [server.request(each) for each in load.files]
    bench.larder.rest(SETTLED)
    meter, spent, written = Meter(), cpu_seconds(server.pid), bytes_written(server.pid)
    with Peaks(bench.larder, bench.peaks):
        burst = upload_all(server.port, uploads, load.clients)
    foreign = meter.foreign()
    if server.name == LARDER:
        _check_listed(bench, load.files)
    bench.larder.rest(SETTLED)
    spent, written = cpu_seconds(server.pid) - spent, bytes_written(server.pid) - written
    _add(bench, load, server.name, Sample(load.value(burst), foreign, spent / len(load.files)), written)
    bench.larder.remove(each.name for each in load.files)
    bench.bare.forget_put()


def _add(bench: Bench, load: Load, name: str, sample: Sample, written: int) -> None:
    bench.results.add(load.key, name, sample)
    if load.cpu:
        bench.results.add(load.cpu, name, Sample((sample.cpu or 0) * 1000, sample.foreign))
    if load.written:
        bench.results.add(load.written, name, Sample(written / load.size, sample.foreign))


def _check_listed(bench: Bench, files: list[Fresh]) -> None:
    """RuntimeError unless each is on its project's page, as its answer said."""
    with Connection(bench.larder.port) as connection:
        for project, filename in (each.name for each in files):
            if filename not in bench.larder.listed(project, connection):
                raise RuntimeError(f"{filename} was answered with 200 and is not listed")
