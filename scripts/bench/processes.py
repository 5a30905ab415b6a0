"""Programs that were started here, and what the kernel knows of them: CPU, memory, bytes written."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 30.0  # seconds a program has to end by itself

T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, condition: Callable[[], T], seconds: float, pause: float = 0.01) -> T:
    """The first truthy value of `condition`; TimeoutError where there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(pause)
    return value


@dataclass
class Program:
    """One program and all that it starts; its output goes to a file."""

    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
        """Start it in a session of its own, and come back at once."""
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    @property
    def pid(self) -> int:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"a program does not run that should:\n{self.log.read_text()}")
        return self.process.pid

    def stop(self) -> None:
        """End it, its own way first; what is left of its session goes with it."""
        if self.process is None:
            return
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None


def descendants(root: int) -> set[int]:
    """The process and all below it, as they are now."""
    parents = _parents()
    found, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        grown = bool(more)
        found |= more
    return found


def children(root: int) -> list[int]:
    return [pid for pid, parent in _parents().items() if parent == root]


def _parents() -> dict[int, int]:
    pids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208 - often, and only names
    return {pid: int(stat[1]) for pid in pids if (stat := _stat(pid))}


def _stat(pid: int) -> list[str]:
    """The fields behind the name: state, parent, …; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_seconds(root: int) -> float:
    """User and system time of the process, of all below it, and of those of them that have ended."""
    stats = filter(None, map(_stat, descendants(root)))
    return sum(sum(map(int, stat[11:15])) for stat in stats) / TICKS


def pss(pids: Iterable[int]) -> int:
    """Bytes of memory, each page shared among those that use it."""
    return sum(_field(pid, "smaps_rollup", "Pss:") * 1024 for pid in pids)


def bytes_written(root: int) -> int:
    """What the process, all below it and those of them that have ended sent to disks."""
    return sum(_field(pid, "io", "write_bytes:") for pid in descendants(root))


def _field(pid: int, file: str, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""
