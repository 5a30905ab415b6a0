"""Work on all cores."""

import multiprocessing
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

_FORK = multiprocessing.get_context("fork")  # what was made ready is there in each process, without being copied

T = TypeVar("T")


def do_all(work: Callable[[T], object], jobs: Iterable[T], together: int = 1) -> None:
    """Do each of them, so many at a time in one process; none is begun any more where one fails or all are to end."""
    # a handler of this process's would have each of those raise wherever it is
    pool = ProcessPoolExecutor(mp_context=_FORK, initializer=signal.signal, initargs=(signal.SIGTERM, signal.SIG_DFL))
    try:
        for _ in pool.map(work, jobs, chunksize=together):
            pass
    finally:
        pool.shutdown(cancel_futures=True)
