"""Ways to read an archive that no archive takes, for a process of its own to call."""

import os
import signal
import time
from pathlib import Path

from store.distribution import Contents
from uploader.upload import reading

BEGAN, MAY_END = "read-slowly.began", "read-slowly.may-end"  # in the directory for temporary files


def read_slowly(path: str, filename: str, digest: str) -> Contents:
    """As it should be read, once the test lets it."""
    directory = Path(os.environ["SLOWLY"])
    (directory / BEGAN).touch()
    while not (directory / MAY_END).exists():
        time.sleep(0.01)
    return reading.read_there(path, filename, digest)


def read_and_die(path: str, filename: str, digest: str) -> Contents:
    os.kill(os.getpid(), signal.SIGKILL)
    return reading.read_there(path, filename, digest)


def read_and_crash(path: str, filename: str, digest: str) -> Contents:
    os.abort()


def read_for_ever(path: str, filename: str, digest: str) -> Contents:
    while True:
        pass
