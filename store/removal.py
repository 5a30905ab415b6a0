"""Files taken out of `packages/`, and what is remembered of them: no other bytes come under their names unasked."""

import contextlib
import errno
import hashlib
import os
from pathlib import Path, PurePosixPath

from store import files
from store.below import is_file, opened_directory
from store.names import SIDECARS, YANKED
from store.reading import read_start
from store.repository import Repository
from store.syncs import sync_directory
from store.yank import BYTES, read_reason


def remove(repository: Repository, path: PurePosixPath, *, was_listed: bool) -> str:
    """Remove the file and what lies beside it, durably, and answer with its sha256. OSError where that cannot be done.

    That it was listed is remembered first, or on a full disk at last. What is beside it goes after it: no removal that
    is broken off shows a yanked file.
    """
    with opened_directory(repository, path) as directory:
        digest = _digest(path.name, directory)
        before = read_removed(repository, path.name)
        is_remembered = not was_listed or _try_to_remember(repository, path.name, digest)
        try:
            os.unlink(path.name, dir_fd=directory)
        except OSError:
            _restore(repository, path.name, before)
            raise
        for suffix in SIDECARS:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path.name + suffix, dir_fd=directory)
        os.fsync(directory)
    if not is_remembered:
        _try_to_remember(repository, path.name, digest)
    return digest


def _digest(name: str, directory: int) -> str:
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _try_to_remember(repository: Repository, filename: str, digest: str) -> bool:
    """False where the disk is full: then there has to be room first."""
    try:
        _remember(repository, filename, digest)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return False
    return True


def _restore(repository: Repository, filename: str, before: str | None) -> None:
    with contextlib.suppress(OSError):
        if before is None:
            _memory(repository, filename).unlink()
        else:
            _remember(repository, filename, before)


def yank(repository: Repository, path: PurePosixPath, reason: str) -> None:
    """Put the mark beside the file, durably, in the place of one that is there; FileNotFoundError without the file."""
    if not is_file(repository, path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    with files.open_incoming(repository.packages) as incoming:
        incoming.file.write(reason.encode())
        files.make_durable(incoming.file)
        files.place_over(incoming, _mark(repository, path))


def unyank(repository: Repository, path: PurePosixPath) -> None:
    """Take the mark away, if there is one, durably."""
    mark = _mark(repository, path)
    mark.unlink(missing_ok=True)
    sync_directory(mark.parent)


def read_yank(repository: Repository, path: PurePosixPath) -> str | None:
    """The reason that is there for the file; None where it is not yanked."""
    try:
        return read_reason(read_start(_mark(repository, path), BYTES))
    except OSError:
        return None


def read_removed(repository: Repository, filename: str) -> str | None:
    """The sha256 of the file of this name that was listed and then removed; None where there is none."""
    try:
        return _memory(repository, filename).read_text().strip()
    except OSError:
        return None


def _remember(repository: Repository, filename: str, digest: str) -> None:
    memory = _memory(repository, filename)
    files.make_directory(memory.parent)
    files.write(memory, f"{digest}\n".encode(), durable=True)


def _memory(repository: Repository, filename: str) -> Path:
    return repository.packages / ".removed" / filename


def _mark(repository: Repository, path: PurePosixPath) -> Path:
    return repository.packages / path.with_name(path.name + YANKED)
