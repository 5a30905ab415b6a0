"""Load on one address by wrk, for as short a time as is asked for."""

import re
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass

from scripts.bench.talk import HOST

PATIENCE = 60  # seconds that it may take to end
_RATE = re.compile(r"Requests/sec: +([\d.]+)")
_ERRORS = re.compile(r"Non-2xx or 3xx responses: (\d+)")


@dataclass(frozen=True)
class Load:
    """Whose page or file, with which headers, for how long and on how many connections."""

    port: int
    path: str
    headers: tuple[str, ...] = ()
    seconds: float = 2.0
    connections: int = 32

    def command(self) -> list[str]:
        headers = [part for header in self.headers for part in ("-H", header)]
        threads = str(min(2, self.connections))
        url = f"http://{HOST}:{self.port}{self.path}"
        return ["wrk", "-t", threads, "-c", str(self.connections), "-d", "600s", "--timeout", "30s", *headers, url]


def rate(load: Load) -> float:
    """Requests answered in a second; RuntimeError where an answer was not what was asked for."""
    process = subprocess.Popen(load.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        time.sleep(load.seconds)
        said = _end(process)
    finally:
        process.kill()
    return parse_rate(said)


def _end(process: "subprocess.Popen[str]") -> str:
    """Have it say what it counted: it sleeps through a signal that comes before it has begun to."""
    for _ in range(PATIENCE):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=1)[0]
    raise RuntimeError(f"wrk did not end within {PATIENCE} s")


def parse_rate(said: str) -> float:
    """The requests in a second that wrk tells of."""
    found, errors = _RATE.search(said), _ERRORS.search(said)
    if errors or not found:
        raise RuntimeError(f"wrk was not answered as expected:\n{said}")
    return float(found[1])
