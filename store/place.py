"""Appears whole or not at all, never overwrites: how a file comes to lie in the data directory."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from store.errors import AlreadyExists


@contextlib.contextmanager
def open_incoming(directory: Path) -> Iterator[BinaryIO]:
    """A new file in `directory`, on the packages' file system; gone at the end, placed or not."""
    descriptor, name = tempfile.mkstemp(dir=directory)
    os.close(descriptor)
    path = Path(name)
    try:
        path.chmod(0o644)
        with path.open("r+b") as file:
            yield file
    finally:
        path.unlink(missing_ok=True)


def sweep(directory: Path) -> None:
    """Remove what a crash left in `directory`."""
    for leftover in directory.iterdir():
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def make_durable(file: BinaryIO) -> None:
    """Flush the file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def place(source: Path, target: Path) -> None:
    """Give durable `source` the name `target`, durably; raise AlreadyExists where the name is taken.

    link(2) creates the name in one step and cannot overwrite: of many at once, one wins.
    """
    try:
        os.link(source, target)
    except FileExistsError as error:
        raise AlreadyExists(f"File already exists: {target.name!r} with other bytes") from error
    sync_directory(target.parent)


def replace(source: Path, target: Path) -> None:
    """Put durable `source` in the place of `target`, in one step and durably."""
    source.replace(target)
    sync_directory(target.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
