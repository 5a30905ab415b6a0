"""Files taken out of `packages/`, and what is remembered of them: no other bytes come under their names by themselves.

A file is reached by the descriptors of the directories above it, so that no link leads anywhere else.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from store import files
from store.names import SIGNATURE, YANKED
from store.repository import Repository
from store.syncs import sync_directory

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def is_file(repository: Repository, path: PurePosixPath) -> bool:
    """Whether a file is at this path below the packages, with no link on the way there."""
    try:
        with _opened(repository, path) as directory:
            return stat.S_ISREG(os.stat(path.name, dir_fd=directory, follow_symlinks=True).st_mode)
    except OSError:
        return False


def remove(repository: Repository, path: PurePosixPath, digest: str) -> None:
    """Remove the file, which has this sha256, and what lies beside it, durably. OSError where that cannot be done.

    That it was here is remembered first. What is beside it goes last: no broken off removal shows a yanked file.
    """
    _remember(repository, path.name, digest)
    with _opened(repository, path) as directory:
        try:
            os.unlink(path.name, dir_fd=directory)
        except PermissionError:
            _memory(repository, path.name).unlink()
            raise
        for suffix in (SIGNATURE, YANKED):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path.name + suffix, dir_fd=directory)
        os.fsync(directory)


def yank(repository: Repository, path: PurePosixPath, reason: str) -> None:
    """Put the mark beside the file, durably, in the place of one that is there."""
    with files.open_incoming(repository.packages) as incoming:
        incoming.file.write(reason.encode())
        files.make_durable(incoming.file)
        files.place_over(incoming, _mark(repository, path))


def unyank(repository: Repository, path: PurePosixPath) -> None:
    """Take the mark away, if there is one, durably."""
    mark = _mark(repository, path)
    mark.unlink(missing_ok=True)
    sync_directory(mark.parent)


def read_removed(repository: Repository, filename: str) -> str | None:
    """The sha256 of the file of this name that was removed; None where none was."""
    try:
        return _memory(repository, filename).read_text().strip()
    except OSError:
        return None


def _remember(repository: Repository, filename: str, digest: str) -> None:
    memory = _memory(repository, filename)
    if not memory.parent.is_dir():
        memory.parent.mkdir(exist_ok=True)
        sync_directory(memory.parent.parent)
    files.write(memory, f"{digest}\n".encode(), durable=True)


def _memory(repository: Repository, filename: str) -> Path:
    return repository.packages / ".removed" / filename


def _mark(repository: Repository, path: PurePosixPath) -> Path:
    return repository.packages / path.with_name(path.name + YANKED)


@contextlib.contextmanager
def _opened(repository: Repository, path: PurePosixPath) -> Iterator[int]:
    """The directory that the file is in."""
    with contextlib.ExitStack() as stack:
        descriptor = os.open(repository.packages, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, descriptor)
        for name in path.parent.parts:
            descriptor = os.open(name, _DIRECTORY, dir_fd=descriptor)
            stack.callback(os.close, descriptor)
        yield descriptor
