"""One process that does jobs, from the side of who asks for them: started, spoken to, ended."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from store.worker import ANSWER, OUT_OF_MEMORY, REQUEST, receive

PATIENCE = 20.0  # seconds that a job may take for each one of CPU, and for what it waits for
GRACE = 5.0  # seconds more in which the process has to end by itself

_BY_OTHERS = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)
_ROOT = str(Path(__file__).resolve().parent.parent)


class WorkerDied(Exception):
    """The process ended, or was ended, before its job was done; the text says why."""


class WorkerKilled(WorkerDied):
    """Somebody else ended the process: that says nothing of the job."""


class Process:
    """A process that is there from the first job on, and again after it ended. One thread's, but for `kill`."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._lock = threading.Lock()  # so that none is started that nobody kills
        self._is_over = False
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def do(self, job: bytes, seconds: float) -> tuple[bool, bytes]:
        """Whether the job succeeded, and its result or exception, pickled; WorkerDied where there is neither."""
        try:
            try:
                return self._ask(job, seconds)
            except (BrokenPipeError, ConnectionResetError):  # it had ended before it read the job: that is not to blame
                self._wait()
                return self._ask(job, seconds)
        except TimeoutError as error:
            self.close()
            raise WorkerDied(_reason(-signal.SIGALRM, seconds, self._memory)) from error
        except (OSError, EOFError) as error:
            code = self._wait()
            kind = WorkerKilled if code in _BY_OTHERS else WorkerDied
            raise kind(str(error) if code is None else _reason(code, seconds, self._memory)) from error

    def _ask(self, job: bytes, seconds: float) -> tuple[bool, bytes]:
        patience = PATIENCE * (1 + seconds)
        connection = self._connect()
        connection.settimeout(patience + GRACE)
        connection.sendall(REQUEST.pack(len(job), seconds, patience) + job)
        return _receive_answer(connection)

    def kill(self) -> None:
        """End it at once, and start no other."""
        with self._lock:
            self._is_over = True
            if self._process:
                self._process.kill()

    def close(self) -> None:
        """End it, and leave nothing of it."""
        if self._process:
            self._process.kill()
        self._wait()

    def _connect(self) -> socket.socket:
        """What leads to the process, which is started where there is none that lives."""
        if self._socket is None or self._process is None or self._process.poll() is not None:
            self.close()
            self._socket, other = socket.socketpair()
            with other:
                self._start(other.fileno())
        return self._socket

    def _start(self, number: int) -> None:
        with self._lock:
            if self._is_over:
                raise EOFError("it was stopped")
            # A standard input that stays empty, and that only the end of this program closes: see `store.worker`.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "store.worker", str(number), str(self._memory)],
                stdin=subprocess.PIPE,
                env=_environment(),
                pass_fds=[number],
            )

    def _wait(self) -> int | None:
        """What it ended with, by itself or in the end by force; None where there was none."""
        if self._socket:
            self._socket.close()
            self._socket = None
        if self._process is None:
            return None
        with self._process as process:
            self._process = None
            try:
                return process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                return process.wait()


def _receive_answer(connection: socket.socket) -> tuple[bool, bytes]:
    if head := receive(connection, ANSWER.size):
        size, succeeded = ANSWER.unpack(head)
        if answer := receive(connection, size):
            return succeeded, answer
    raise EOFError("it ended")


def _environment() -> dict[str, str]:
    """That of this program, in which the rooms are found whatever made this program find them."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {**os.environ, "PYTHONPATH": os.pathsep.join((_ROOT, *(path for path in paths if path not in ("", _ROOT))))}


def _reason(code: int, seconds: float, memory: int) -> str:
    if code == -signal.SIGPROF:
        return f"it took more than {seconds:g} s of CPU"
    if code == -signal.SIGALRM:
        return f"it was not done after {PATIENCE * (1 + seconds):g} s"
    if code == OUT_OF_MEMORY:
        return f"it needed more than {memory >> 20} MiB of memory"
    return f"its process was ended by {signal.Signals(-code).name}" if code < 0 else f"its process ended with {code}"
