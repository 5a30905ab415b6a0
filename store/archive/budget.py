"""What reading one file may cost: never more than any file of its size may, nor than its reader has to spare."""

import time
from dataclasses import dataclass
from math import inf

from store.archive.limits import check_unpacked
from store.errors import BadArchive

SECONDS = 2.0  # of CPU that reading any file may take
PACE = 5_000_000  # bytes of a larger file for each second more


class TooMuch(Exception):
    """Reading the file takes more than its reader has to spare, which says nothing of the file."""


@dataclass(frozen=True)
class Budget:
    """What a reader has to spare for one file: bytes of the file and bytes unpacked from it, and seconds of CPU."""

    packed: float
    unpacked: float
    seconds: float


WHATEVER_IT_TAKES = Budget(inf, inf, inf)
HERE_AND_NOW = Budget(1 << 20, 4 << 20, 0.005)  # for who has others waiting


def due(packed: int) -> float:
    """Seconds of CPU that reading a file of so many bytes may take."""
    return max(SECONDS, packed / PACE)


class Meter:
    """What the file has cost so far, told as it is read; in one thread, whose time it takes."""

    def __init__(self, packed: int, budget: Budget) -> None:
        if packed > budget.packed:
            raise TooMuch(f"the file has {packed} bytes")
        self._packed = packed
        self._budget = budget
        self._due = due(packed)
        self._began = time.thread_time()
        self._unpacked = 0

    def check(self) -> None:
        """Raise BadArchive where the file took more CPU than it may, TooMuch where more than there was to spare."""
        spent = time.thread_time() - self._began
        if spent > self._budget.seconds:
            raise TooMuch(f"it took {spent:.3f} s of CPU")
        if spent > self._due:
            raise BadArchive(
                f"reading it took {spent:.1f} s of CPU and was not done; expected at most {self._due:.1f} s "
                f"for its {self._packed} bytes"
            )

    def expect(self, seconds: float) -> None:
        """Raise TooMuch where there is not so much CPU to spare for what cannot be broken off."""
        if self._budget.seconds < inf and time.thread_time() - self._began + seconds > self._budget.seconds:
            raise TooMuch(f"it may take {seconds:.3f} s of CPU more")

    def unpack(self, size: int, packed: int) -> None:
        """Note so many bytes more, from `packed` bytes in all so far; raise as `check` and `check_unpacked` do."""
        self._unpacked += size
        if self._unpacked > self._budget.unpacked:
            raise TooMuch(f"it unpacks to {self._unpacked} bytes or more")
        check_unpacked(self._unpacked, packed)
        self.check()
