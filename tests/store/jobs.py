"""What workers are asked to do in the tests: their processes import this, and nothing of pytest."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import NoReturn

from store.errors import BadArchive


class Picky(Exception):
    """An exception that can be pickled, and not be made again."""

    def __init__(self, name: str, value: int) -> None:
        super().__init__(f"{name}={value}")


class Unwelcome:
    """A result that can be pickled, and not be made again outside the process it comes from."""

    def __init__(self) -> None:
        self.pid = os.getpid()

    def __setstate__(self, state: dict[str, int]) -> None:
        if state["pid"] != os.getpid():
            raise ValueError("not here")


def raise_picky() -> NoReturn:
    raise Picky("x", 1)


def raise_locked() -> NoReturn:
    raise ValueError("no use", threading.Lock())


def leave() -> NoReturn:
    raise SystemExit(3)


def refuse(reason: str) -> NoReturn:
    raise BadArchive(reason)


def burn(seconds: float) -> None:
    """Take so much CPU."""
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass


def spin() -> NoReturn:
    while True:
        pass


def ignore_and_spin() -> NoReturn:
    """As a library might, that has a handler for every signal it can."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    spin()


def grow(size: int) -> int:
    return len(bytearray(size))


def swallow(size: int) -> str:
    """What reading an archive makes of a MemoryError."""
    try:
        return str(grow(size))
    except MemoryError:
        return "refused"


def keep(directory: str, name: str, seconds: float = 0.0) -> str:
    """Leave a file that says it was here."""
    Path(directory, name).touch()
    time.sleep(seconds)
    return name


def nice() -> int:
    return os.nice(0)


def read_of(path: str) -> bytes:
    return Path(path).read_bytes()
