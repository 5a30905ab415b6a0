"""What lies below `packages/`, reached by the descriptors of the directories above it: no link leads anywhere else."""

import contextlib
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import PurePosixPath

from store.repository import Repository

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # whatever it is, nobody waits for it


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
    """The file, to be read; itself it may be a link, as it is served."""
    with (
        opened_directory(repository, path) as directory,
        os.fdopen(os.open(path.name, _FILE, dir_fd=directory), "rb") as file,
    ):
        yield file


def is_file(repository: Repository, path: PurePosixPath) -> bool:
    """Whether a file is at this path below the packages, with no link on the way there."""
    try:
        with opened_directory(repository, path) as directory:
            return stat.S_ISREG(os.stat(path.name, dir_fd=directory, follow_symlinks=True).st_mode)
    except OSError:
        return False
