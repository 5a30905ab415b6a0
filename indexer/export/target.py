"""The directory that a repository is exported to: which one that may be, and how files come and go in it."""

import contextlib
import os
from collections.abc import Container, Iterator
from pathlib import Path

from indexer.export.places import TOPS
from store import files
from store.data import Data
from store.errors import BadDirectory
from store.lock import held

MARK = ".larder-export"  # a file that says whose the rest is
_SAID = f"Made by Larder's export, which replaces and removes what is in {', '.join(TOPS)}.\n"


@contextlib.contextmanager
def claimed(directory: Path, data: Data) -> Iterator["Target"]:
    """The directory, made where there is none, for this export alone. BadDirectory where it may not be written to."""
    _check_apart(directory, data.root)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _check_ours(directory)
        with held(directory, f"{directory}: another export writes here already"):
            files.write(directory / MARK, _SAID.encode())
            yield Target(directory)
    except OSError as error:
        raise BadDirectory(
            f"{error.filename or directory}: {error.strerror}; expected what can be written to"
        ) from error


def _check_apart(directory: Path, root: Path) -> None:
    """What is exported must not become part of what is exported from, nor the other way round."""
    target, source = directory.resolve(), root.resolve()
    if target == source or target in source.parents or source in target.parents:
        raise BadDirectory(f"{directory}: expected a directory neither in nor above the data directory, {root}")


def _check_ours(directory: Path) -> None:
    taken = [name for name in TOPS if os.path.lexists(directory / name)]
    if taken and not (directory / MARK).is_file():
        expected = f"an empty directory, or one that an export made (it has {MARK})"
        raise BadDirectory(f"{directory}: {taken[0]!r} in it was made by somebody else; expected {expected}")


class Target:
    """Paths are relative to the directory. Methods raise OSError where the disk refuses."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for path in self._walk():  # what a link leads to may be anybody's
            if path.is_symlink():
                path.unlink()

    def _walk(self) -> Iterator[Path]:
        """Everything below what is ours, directories after what is in them."""
        for top in TOPS:
            for where, names, filenames in os.walk(self.directory / top, topdown=False):
                yield from (Path(where) / name for name in (*filenames, *names))
                yield Path(where)
            yield self.directory / top

    def write(self, path: str, content: bytes) -> bool:
        """Have the file say this, in one step; False where it does."""
        file = self.directory / path
        with contextlib.suppress(OSError):
            if file.read_bytes() == content:
                return False
        self._make_way(file)
        files.write(file, content)
        return True

    def copy(self, path: str, source: Path, digest: str, said: str | None) -> bool:
        """Have a copy of the file there, in one step; False where there is one, `said` to have this digest.

        AnotherFile where the source has another one.
        """
        file, facts = self.directory / path, source.stat()
        with contextlib.suppress(OSError):
            there = file.stat()
            if (there.st_size, there.st_mtime_ns, said) == (facts.st_size, facts.st_mtime_ns, digest):
                return False
        self._make_way(file)
        files.copy(source, file, digest)
        return True

    def _make_way(self, file: Path) -> None:
        """Make the directories, and remove what stands in the way."""
        if file.is_dir():
            files.remove(file)
        for directory in reversed(file.relative_to(self.directory).parents[:-1]):
            path = self.directory / directory
            if not path.is_dir():
                files.remove(path)
                path.mkdir()

    def remove(self, path: str) -> bool:
        """Remove the file, and the directories that it leaves empty; False where there was none."""
        file = self.directory / path
        try:
            file.unlink()
        except FileNotFoundError:
            return False
        with contextlib.suppress(OSError):  # one is not empty
            for directory in file.relative_to(self.directory).parents[:-1]:
                (self.directory / directory).rmdir()
        return True

    def sweep(self, wanted: Container[str]) -> int:
        """Remove every file but these, and directories without any; how many files that were."""
        removed = 0
        for path in self._walk():
            if path.is_dir():
                with contextlib.suppress(OSError):  # it is not empty
                    path.rmdir()
            elif path.exists() and str(path.relative_to(self.directory)) not in wanted:
                path.unlink()
                removed += 1
        return removed
