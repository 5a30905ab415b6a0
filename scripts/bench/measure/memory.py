"""Memory of each program at rest, and the most it was seen to use."""

import multiprocessing
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Self

from scripts.bench.figures import PROGRAMS
from scripts.bench.larder import Larder, programs_of
from scripts.bench.machine import Meter
from scripts.bench.measure.bench import Bench, say
from scripts.bench.processes import descendants, pss
from scripts.bench.results import LARDER, LIMIT, Sample

PAUSE = 0.25  # seconds between looks for the peak
MEGABYTE = 1e6


def measure(bench: Bench) -> None:
    """At rest after all that was measured before; at its peak while indexing and uploads were."""
    say("memory")
    bench.larder.rest(bench.chosen.rest)
    meter, used = Meter(), memory(bench.larder.pid)
    for when, found in (("rest", used), ("peak", bench.peaks)):
        for name in ("", *PROGRAMS) if found else ():
            key = f"memory-{when}-{name}".rstrip("-")
            bench.results.add(key, LARDER, Sample(found.get(name, 0) / MEGABYTE))
    bare = pss(descendants(bench.bare.pid)) / MEGABYTE
    bench.results.add("memory-rest", LIMIT, Sample(bare, meter.foreign()))


def memory(supervisor: int) -> dict[str, int]:
    """Program → bytes; all of them but nginx under the name of nothing."""
    found = {name: pss(pids) for name, pids in programs_of(supervisor).items()}
    return {"": sum(size for name, size in found.items() if name != "nginx"), **found}


class Peaks:
    """While it lasts a process of its own looks again and again; the most it saw goes into `peaks`."""

    def __init__(self, larder: Larder, peaks: dict[str, int]) -> None:
        self._peaks = peaks
        self._end, self._theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=_watch, args=(larder.pid, self._theirs), daemon=True
        )

    def __enter__(self) -> Self:
        self._process.start()
        self._theirs.close()  # so that it is heard of when it dies
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, EOFError):  # it may have been ended, as this process is
            self._end.send(None)
            _keep_most(self._peaks, self._end.recv())
        self._process.join()


def _watch(supervisor: int, end: "Connection[Any, Any]") -> None:
    """Until something is sent."""
    most = memory(supervisor)
    while not end.poll(PAUSE):
        _keep_most(most, memory(supervisor))
    end.send(most)


def _keep_most(most: dict[str, int], seen: dict[str, int]) -> None:
    for name, size in seen.items():
        most[name] = max(size, most.get(name, 0))
