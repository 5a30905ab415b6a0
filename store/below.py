"""What lies below `packages/`, reached by the descriptors of the directories above it: no link leads anywhere else."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import PurePosixPath

from store.repository import Repository

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # whatever it is, nobody waits for it


@contextlib.contextmanager
def opened_directory(repository: Repository, path: PurePosixPath) -> Iterator[int]:
    """The directory that the file is in."""
    with contextlib.ExitStack() as stack:
        descriptor = os.open(repository.packages, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, descriptor)
        for name in path.parent.parts:
            descriptor = os.open(name, _DIRECTORY, dir_fd=descriptor)
            stack.callback(os.close, descriptor)
        yield descriptor


@contextlib.contextmanager
def opened_file(repository: Repository, path: PurePosixPath) -> Iterator[BufferedReader]:
    """The file, to be read. OSError where it is none, or a link."""
    with opened_directory(repository, path) as directory, contextlib.ExitStack() as stack:
        descriptor = os.open(path.name, _FILE, dir_fd=directory)
        stack.callback(os.close, descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a file")
        yield stack.enter_context(open(descriptor, "rb", closefd=False))


def stat_file(repository: Repository, path: PurePosixPath) -> os.stat_result | None:
    """Of the file at this path below the packages; None where there is none.

    No link may be on the way there; the file itself may be one, as it is served.
    """
    try:
        with opened_directory(repository, path) as directory:
            facts = os.stat(path.name, dir_fd=directory, follow_symlinks=True)
    except OSError:
        return None
    return facts if stat.S_ISREG(facts.st_mode) else None


def is_file(repository: Repository, path: PurePosixPath) -> bool:
    """Whether there is one, as above."""
    return stat_file(repository, path) is not None
