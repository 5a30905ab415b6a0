"""The directory that a repository is exported to: which one that may be, and how files come and go in it."""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from indexer.export.places import TOPS
from store import files
from store.data import Data
from store.errors import BadDirectory
from store.lock import held

MARK = ".larder-export"  # a file that says whose the rest is
_SAID = f"Made by Larder's export, which replaces and removes what is in {', '.join(TOPS)}."


@contextlib.contextmanager
def claimed(directory: Path, data: Data, repository: str) -> Iterator["Target"]:
    """The directory, made where there is none, for this export alone. BadDirectory where it may not be written to."""
    _check_apart(directory, data)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _check_ours(directory, repository)
        with held(directory, f"{directory}: another export writes here already"):
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                target = Target(directory, descriptor, _render_mark(repository))
                target.check()
                yield target
            finally:
                os.close(descriptor)
    except OSError as error:
        raise BadDirectory(f"{error.filename or directory}: {error.strerror}; expected what can be written") from error


def _check_apart(directory: Path, data: Data) -> None:
    """What is exported must become no part of what is exported from, nor of another export, nor the other way round."""
    target = Path(os.path.realpath(directory))
    for source in (data.root, data.site, data.state, *(each.packages for each in data.repositories())):
        real = Path(os.path.realpath(source))
        if target == real or target in real.parents or real in target.parents:
            raise BadDirectory(f"{directory}: expected a directory neither in nor above {source}")
    for parent in target.parents:
        if (parent / MARK).is_file():
            raise BadDirectory(f"{directory}: lies in what an export made, {parent}; expected a directory elsewhere")
    if os.path.lexists(directory) and not directory.is_dir():
        raise BadDirectory(f"{directory}: is no directory; expected one, or nothing")


def _check_ours(directory: Path, repository: str) -> None:
    taken, mark = [name for name in TOPS if os.path.lexists(directory / name)], directory / MARK
    if taken and not mark.is_file():
        expected = f"an empty directory, or one that an export made (it has {MARK})"
        raise BadDirectory(f"{directory}: {taken[0]!r} in it was made by somebody else; expected {expected}")
    if taken and mark.read_bytes() != _render_mark(repository):
        expected = f"that of {repository!r}, or an empty directory"
        raise BadDirectory(
            f"{directory}: it has the export of another repository ({MARK} says so); expected {expected}"
        )


def _render_mark(repository: str) -> bytes:
    return f"{_SAID}\nRepository: {repository}\n".encode()


class Target:
    """Paths are relative to the directory, which stays the same whatever is put in its place.

    Methods raise OSError where the disk refuses.
    """

    def __init__(self, path: Path, descriptor: int, mark: bytes) -> None:
        self._path = path
        self._descriptor = descriptor
        self._mark = mark
        self._directory = Path(f"/proc/self/fd/{descriptor}")

    def check(self) -> None:
        """See to it that it says whose it is; BadDirectory where another directory is in its place."""
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(self._descriptor), self._path.stat()):
                self.write(MARK, self._mark)
                return
        raise BadDirectory(f"{self._path}: was moved or replaced; expected what this export began with")

    def explain(self, error: Exception) -> str:
        """The error in words for people, who know the directory by its path."""
        return str(error).replace(str(self._directory), str(self._path))

    def read(self, path: str) -> bytes | None:
        """What the file says; None where there is none, with no link on the way."""
        if not self._is_straight(path):
            return None
        try:
            descriptor = os.open(self._directory / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, descriptor)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            return stack.enter_context(open(descriptor, "rb", closefd=False)).read()

    def write(self, path: str, content: bytes) -> bool:
        """Have the file say this, in one step; False where it does."""
        if self.read(path) == content:
            return False
        files.write(self._make_way(path), content)
        return True

    def copy(self, path: str, source: Path, digest: str, said: str | None) -> bool:
        """Have a copy of the file there, in one step; False where there is one, `said` to have this digest.

        AnotherFile where the source has another one.
        """
        facts = source.stat()
        with contextlib.suppress(OSError):
            there = (self._directory / path).lstat()
            known, wanted = (there.st_size, there.st_mtime_ns, said), (facts.st_size, facts.st_mtime_ns, digest)
            if stat.S_ISREG(there.st_mode) and self._is_straight(path) and known == wanted:
                return False
        files.copy(source, self._make_way(path), digest)
        return True

    def _parents(self, path: str) -> list[Path]:
        """The directories that lead to the file, the first first."""
        return [self._directory / parent for parent in reversed(Path(path).parents[:-1])]

    def _is_straight(self, path: str) -> bool:
        """Whether no link leads to the file."""
        return not any(map(os.path.islink, self._parents(path)))

    def _make_way(self, path: str) -> Path:
        """Make the directories, and remove what stands in the way."""
        for directory in self._parents(path):
            if directory.is_symlink() or not directory.is_dir():
                files.remove(directory)
                directory.mkdir()
        file = self._directory / path
        if file.is_dir() and not file.is_symlink():
            files.remove(file)
        return file

    def remove(self, path: str) -> bool:
        """Remove the file, and the directories that it leaves empty; False where there was none."""
        if not self._is_straight(path):
            return False
        try:
            (self._directory / path).unlink()
        except FileNotFoundError:
            return False
        with contextlib.suppress(OSError):  # one is not empty
            for directory in reversed(self._parents(path)):
                directory.rmdir()
        return True

    def sweep(self, is_wanted: Callable[[str], bool]) -> tuple[int, dict[str, str]]:
        """Remove every file that is not wanted, and directories without any; how many, and why others could not be."""
        removed, failed = 0, dict[str, str]()
        for path in self._walk(failed):
            try:
                if path.is_dir() and not path.is_symlink():
                    with contextlib.suppress(OSError):  # it is not empty
                        path.rmdir()
                elif not is_wanted(str(path.relative_to(self._directory))):
                    path.unlink(missing_ok=True)
                    removed += 1
            except OSError as error:
                failed[str(path.relative_to(self._directory))] = error.strerror or str(error)
        return removed, failed

    def _walk(self, failed: dict[str, str]) -> Iterator[Path]:
        """Everything that is ours, what leads to others first, and directories after what is in them."""

        def note(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                failed[os.path.relpath(error.filename, self._directory)] = error.strerror or str(error)

        for top in (self._directory / name for name in sorted(TOPS, reverse=True)):
            inside = () if top.is_symlink() else os.walk(top, topdown=False, onerror=note)
            for where, names, filenames in inside:
                yield from (Path(where) / name for name in (*filenames, *names))
            if os.path.lexists(top):
                yield top
        left = (self._directory / f"{files.PREFIX}{name}" for name in (*TOPS, MARK))  # by a crash
        yield from filter(os.path.lexists, left)
