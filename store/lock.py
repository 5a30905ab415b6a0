"""One Larder for one data directory."""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from store.data import Data
from store.errors import BadDirectory
from store.explain import outside


@contextlib.contextmanager
def locked(data: Data) -> Iterator[None]:
    """While this lasts no second Larder serves the data directory; the kernel gives the lock back when its holder dies.

    BadDirectory where one does already. A file system without such locks is taken as it is.
    """
    descriptor = os.open(data.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise BadDirectory(f"{outside(data.root, data.root)}: another Larder serves this directory already") from error
    except OSError:
        pass  # not to be had here
    try:
        yield
    finally:
        os.close(descriptor)
