"""The directories of a store: gone through by descriptors, so that no link in it leads out, whoever moves what."""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from store.file_store import FileStore
from store.syncs import sync_directory
from uploader.files.address import Address

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextlib.contextmanager
def opened(store: FileStore, parts: Sequence[str]) -> Iterator[Path]:
    """The directory, by a path that goes on leading to it. OSError where there is none, or a link is on the way."""
    descriptor = os.open(store.directory, _DIRECTORY)  # people may have a whole store elsewhere
    try:
        for part in parts:
            descriptor = _step(descriptor, part)
        yield _path_of(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened_nearest(address: Address) -> Iterator[Path]:
    """The same of what there is on the way to a file."""
    descriptor = os.open(address.store.directory, _DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            for part in address.parts[:-1]:
                descriptor = _step(descriptor, part)
        yield _path_of(descriptor)
    finally:
        os.close(descriptor)


def _step(descriptor: int, part: str) -> int:
    """The directory below, in the place of the other, which is closed: many may be on their way for long."""
    below = os.open(part, _DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
    os.close(descriptor)
    return below


def _path_of(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}")


@contextlib.contextmanager
def opened_made(address: Address) -> Iterator[Path]:
    """The directory of a file, made durably where it was not there; gone again where this ends with an error."""
    made: list[Path] = []
    with contextlib.ExitStack() as stack:
        path = _open(address.store.directory, stack, 0)
        try:
            for part in address.parts[:-1]:
                with contextlib.suppress(FileExistsError):
                    (path / part).mkdir()
                    made.append(path / part)
                    sync_directory(path)
                path = _open(path / part, stack, os.O_NOFOLLOW)
            yield path
        except BaseException:
            for directory in reversed(made):
                with contextlib.suppress(OSError):
                    directory.rmdir()
            raise


def _open(path: Path, stack: contextlib.ExitStack, flags: int) -> Path:
    descriptor = os.open(path, _DIRECTORY | flags)
    stack.callback(os.close, descriptor)
    return _path_of(descriptor)


def look(path: Path) -> os.stat_result | None:
    """What is there, be it a link; None where nothing is."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def is_file(facts: os.stat_result | None) -> bool:
    return facts is not None and stat.S_ISREG(facts.st_mode)


def is_directory(facts: os.stat_result | None) -> bool:
    return facts is not None and stat.S_ISDIR(facts.st_mode)
