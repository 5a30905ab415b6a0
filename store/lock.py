"""One Larder for one data directory, and whatever else there may be one of for a directory."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from store.data import Data
from store.errors import BadDirectory
from store.explain import outside


@contextlib.contextmanager
def locked(data: Data) -> Iterator[None]:
    """While this lasts no second Larder serves the data directory; the kernel gives the lock back when its holder dies.

    BadDirectory where one does already. A file system without such locks is taken as it is.
    """
    with held(data.root, f"{outside(data.root, data.root)}: another Larder serves this directory already"):
        yield


@contextlib.contextmanager
def held(directory: Path, otherwise: str) -> Iterator[None]:
    """The same for any directory; BadDirectory says `otherwise`."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise BadDirectory(otherwise) from error
    except OSError:
        pass  # not to be had here
    try:
        yield
    finally:
        os.close(descriptor)
