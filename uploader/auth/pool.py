"""What is slow by design, such as bcrypt: a few at a time, beside everything else, and fairly among addresses."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from uploader.auth.turns import Turns

THREADS = max(1, (os.cpu_count() or 1) // 2)
NICENESS = 10  # of these threads: whatever else there is to do comes first


class Pool:
    """Threads, and whose turn it is to have one."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "password", initializer=_be_nice)
        self._turns = Turns()

    async def run(self, address: str, work: Callable[[], bool]) -> bool:
        """What `work` finds; Busy where too many wait."""
        async with self._turns.turn(address):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _be_nice() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
