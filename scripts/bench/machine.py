"""The machine: what it is, and how much of it others use while something is measured."""

import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from scripts.bench.processes import TICKS, cpu_seconds
from scripts.bench.results import Sample

T = TypeVar("T")


class Meter:
    """Counts, from its making on, the CPU that neither this process nor anything it started used."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), _busy_seconds(), cpu_seconds(os.getpid())

    def foreign(self) -> float:
        """Cores that others kept busy since then, on average."""
        seconds = max(time.monotonic() - self._began, 1 / TICKS)
        used = _busy_seconds() - self._busy - (cpu_seconds(os.getpid()) - self._own)
        return max(0.0, round(used / seconds, 3))


def metered(measure: Callable[[], float], program: int | None = None) -> Sample:
    """One sample; `program` is the process whose CPU is of interest."""
    meter, before = Meter(), cpu_seconds(program) if program else 0.0
    value = measure()
    spent = round(cpu_seconds(program) - before, 3) if program else None
    return Sample(value, meter.foreign(), spent)


def _busy_seconds() -> float:
    """Of all cores since the start: everything but idling and waiting for disks."""
    user, nice, system, _idle, _waiting, irq, softirq, steal = _cpu_line()[:8]
    return (user + nice + system + irq + softirq + steal) / TICKS


def _cpu_line() -> list[int]:
    with Path("/proc/stat").open() as stat:
        return [int(number) for number in stat.readline().split()[1:]]


def describe(directory: Path) -> dict[str, str]:
    """What one has to know of the machine to compare figures; `directory` is where the files lie."""
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": f"{os.cpu_count()} cores, {_cpu_model()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "filesystem": _filesystem(directory),
        "python": platform.python_version(),
        "nginx": _output("nginx", "-v").rpartition("/")[2],
    }


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _filesystem(path: Path) -> str:
    """The kind of the one that the path lies on."""
    mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    found = [(point, kind) for point, kind in mounts if Path(point) in (path, *path.parents)]
    return max(found, key=lambda mount: len(mount[0]), default=("", "an unknown file system"))[1]


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()
