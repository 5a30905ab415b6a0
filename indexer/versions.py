"""The directories that page sets are made in, and lie in once they were replaced.

Their names say of which set they are, and of which slot. Those that are made one after the other lie together in a
batch, a directory with a number.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from indexer.spread import spread

SOME = 200  # directories and files begun in one batch


def name_version(name: str, slot: int) -> str:
    return f"{name.replace('/', '@')}@{slot}"


def find_slots(versions: Path) -> dict[str, int]:
    """By page set, the last slot that a directory bears: no validator may be used twice, whatever was forgotten."""
    slots: dict[str, int] = {}
    for path in list_versions(versions):
        name, _, slot = path.name.replace("@", "/", path.name.count("@") - 1).rpartition("@")
        if slot.isdecimal() and len(slot) < 16:
            slots[name] = max(int(slot), slots.get(name, 0))
    return slots


def list_versions(versions: Path) -> Iterator[Path]:
    """What lies there, and in batches; and the batches with nothing in them."""
    for path in _list(versions):
        inside = _list(path) if _is_batch(path) else []
        yield from inside or [path]


def _list(directory: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(directory.iterdir())
    return []


def _is_batch(path: Path) -> bool:
    return path.name.isdecimal() and path.is_dir() and not path.is_symlink()


class Batches:
    """Where directories and files are begun: many beside each other, and then many more anywhere else on the disk.

    ext4 makes a file beside its directory, and passes over every inode there that was freed in the last minutes: where
    pages come and go that takes ten times as long as to write them. A directory somewhere else is free of that, but
    takes eight times as long to make as one beside its parent.
    """

    def __init__(self, versions: Path) -> None:
        self._versions = versions
        self._directory = ""
        self._begun = 0

    def begin(self, name: str) -> str:
        """A path for a new directory or file of this name. OSError where the disk refuses."""
        if self._begun >= SOME or not _is_directory(self._directory):
            self._directory, self._begun = self._open(), 0
        self._begun += 1
        return f"{self._directory}/{name}"

    def is_open(self, path: Path) -> bool:
        return str(path) == self._directory

    def _open(self) -> str:
        self._versions.parent.mkdir(parents=True, exist_ok=True)
        for directory in (self._versions.parent, self._versions):
            directory.mkdir(exist_ok=True)
            spread(directory)
        numbers = [int(path.name) for path in _list(self._versions) if path.name.isdecimal()]
        batch = self._versions / str(max(numbers, default=0) + 1)
        batch.mkdir()
        return str(batch)


def _is_directory(path: str) -> bool:
    """Whether it is one itself, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False
