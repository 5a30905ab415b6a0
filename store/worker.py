"""The other end of `store.workers`: a process that does one job after another, as long as somebody is there to ask.

What a job may take is held by the kernel, so that nothing a library does keeps it from ending:
CPU by a timer whose signal ends the process, memory by a limit at which Python raises MemoryError.
"""

import fcntl
import os
import pickle
import resource
import signal
import socket
import struct
import sys
from pathlib import Path

REQUEST = struct.Struct("<Q2d")  # bytes of the pickled job that follows, seconds of CPU, seconds
ANSWER = struct.Struct("<Q?")  # bytes of what follows, and whether that is a result: else it is an exception
OUT_OF_MEMORY = 77  # the status to end with
NICE = 5  # uploads and pages go first

_STATM = Path("/proc/self/statm")
_ENDING = (signal.SIGPROF, signal.SIGALRM, signal.SIGIO, signal.SIGTERM)


def main() -> None:
    """Work for whoever has the other end of the socket whose number is the first argument."""
    memory = int(sys.argv[2])
    _live_as_long_as_the_parent()
    os.nice(NICE)
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        while head := receive(connection, REQUEST.size):
            size, seconds, wall = REQUEST.unpack(head)
            job = receive(connection, size)
            _limit_time(seconds, wall)
            succeeded, answer = _do(job, memory)
            _limit_time(0, 0)
            connection.sendall(ANSWER.pack(len(answer), succeeded) + answer)


def receive(connection: socket.socket, size: int) -> bytes:
    """So many bytes; none where the other end is gone."""
    data = connection.recv(size)
    if len(data) < size and data:
        data = _receive_rest(connection, bytearray(data), size)
    return data


def _receive_rest(connection: socket.socket, data: bytearray, size: int) -> bytes:
    while len(data) < size:
        more = connection.recv(min(size - len(data), 1 << 20))
        if not more:
            return b""
        data += more
    return bytes(data)


def _live_as_long_as_the_parent() -> None:
    """Standard input is a pipe that the parent's end closes at the latest: the kernel's signal for that ends a job."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who sends that to a whole group means the parent
    for number in _ENDING:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)


def _limit_time(seconds: float, wall: float) -> None:
    """End the process after so much CPU, or so much time; never, where that is 0."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, wall)


def _do(job: bytes, memory: int) -> tuple[bool, bytes]:
    """Whether it succeeded, and its result or exception, pickled."""
    try:
        function, args = pickle.loads(job)  # noqa: S301 - from this program; from here on its modules are imported
        _limit_memory(memory)
        return True, pickle.dumps(function(*args), pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:
        return False, _pickled(error)


def _pickled(error: Exception) -> bytes:
    """The exception; one that tells of it where it cannot be sent."""
    try:
        pickled = pickle.dumps(error, pickle.HIGHEST_PROTOCOL)
        pickle.loads(pickled)  # noqa: S301 - its own
    except Exception:
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return pickled


def _limit_memory(more: int) -> None:
    """Let there be `more` bytes of it than there are now, at rest."""
    size = int(_STATM.read_text().split()[5]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = size + more if hard == resource.RLIM_INFINITY else min(size + more, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


if __name__ == "__main__":
    main()
