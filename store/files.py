"""How a file comes to lie on the disk: whole or not at all, and durable where it has to be. The one writer."""

import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from store.errors import AlreadyExists
from store.syncs import sync_directory

MODE = 0o644
PREFIX = ".incoming-"  # of names that are not there yet; a dot name is never listed nor served
_renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # other C libraries may not have it
_AT_FDCWD, _EXCHANGE = -100, 2  # of renameat2(2)
_NO_UNNAMED = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)  # what open(2) says where there is no O_TMPFILE


class Incoming(NamedTuple):
    """A file on its way into a directory. `path` leads to it, although it may have no name."""

    file: BinaryIO
    path: Path


@contextlib.contextmanager
def open_incoming(directory: Path) -> Iterator[Incoming]:
    """A new file on the file system of `directory`, gone at the end unless it was placed.

    It has no name where the file system can do without: then no crash leaves anything, and nobody is told of it.
    """
    try:
        descriptor = os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, MODE)
    except OSError as error:
        if error.errno not in _NO_UNNAMED:
            raise
        with _open_named(directory) as incoming:
            yield incoming
        return
    with os.fdopen(descriptor, "w+b") as file:
        _let_read(descriptor)
        yield Incoming(file, Path(f"/proc/self/fd/{descriptor}"))


@contextlib.contextmanager
def _open_named(directory: Path) -> Iterator[Incoming]:
    descriptor, name = tempfile.mkstemp(prefix=PREFIX, dir=directory)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            _let_read(descriptor)
            yield Incoming(file, Path(name))
    finally:
        Path(name).unlink(missing_ok=True)


def _let_read(descriptor: int) -> None:
    """Let everyone read the file, whatever the umask: nginx may be another user."""
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != MODE:  # changing it would cost more than all else here
        os.fchmod(descriptor, MODE)


def sweep_incoming(directory: Path) -> None:
    """Remove what a crash left half done in `directory`."""
    for leftover in directory.glob(f"{PREFIX}*"):
        leftover.unlink(missing_ok=True)


def make_durable(file: BinaryIO) -> None:
    """Flush the file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def make_path_durable(path: Path) -> None:
    """Flush the file that is at `path`, and its name, to the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    sync_directory(path.parent)


def place(incoming: Incoming, target: Path) -> None:
    """Give the durable file the name `target`, durably; AlreadyExists where the name is taken.

    link(2) creates the name in one step and cannot overwrite: of many at once, one wins.
    """
    try:
        _link(incoming, target)
    except FileExistsError as error:
        raise AlreadyExists(f"File already exists: {target.name!r} with other bytes") from error
    sync_directory(target.parent)


def place_over(incoming: Incoming, target: Path) -> None:
    """Put the durable file in the place of `target`, in one step and durably.

    It is newer by whole seconds than what was there: nginx makes the ETag of these, and of the size.
    """
    _make_newer(incoming, target)
    new = target.with_name(f"{PREFIX}{secrets.token_hex(8)}")
    _link(incoming, new)
    try:
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
    sync_directory(target.parent)


def _make_newer(incoming: Incoming, target: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        earliest = (target.stat().st_mtime_ns // 10**9 + 1) * 10**9
        if os.fstat(incoming.file.fileno()).st_mtime_ns < earliest:
            os.utime(incoming.file.fileno(), ns=(earliest, earliest))


def _link(incoming: Incoming, target: Path) -> None:
    # linkat(2) with AT_SYMLINK_FOLLOW, which Python calls only where it is given a directory
    os.link(incoming.path, target, src_dir_fd=incoming.file.fileno(), follow_symlinks=True)


def write(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Replace the small file at `path` in one step; `durable` also flushes it and its name."""
    temporary = path.with_name(f"{PREFIX}{path.name}")  # each file below site/, state/ and run/ has one writer
    try:
        with temporary.open("wb") as file:
            file.write(content)
            if durable:
                make_durable(file)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def can_exchange(directory: Path) -> bool:
    """Whether two new directories in this one can be exchanged in one step."""
    one, other = (Path(tempfile.mkdtemp(prefix=PREFIX, dir=directory)) for _ in range(2))
    try:
        return _rename(one, other, _EXCHANGE)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EXDEV):
            raise
        return False
    finally:
        one.rmdir()
        other.rmdir()


def exchange_directory(path: str, directory: str) -> str | None:
    """Have the directory lie at `path`, in one step; where lies now what was there, None where there was nothing."""
    if os.path.lexists(path):
        if not _rename(Path(directory), Path(path), _EXCHANGE):
            raise OSError(errno.EINVAL, "the file system cannot exchange directories", path)
        return directory
    try:
        os.rename(directory, path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.rename(directory, path)
    return None


def switch(link: str, directory: str) -> None:
    """Make the symbolic link lead to `directory`, in one step; whatever else stood in its way is removed."""
    new = f"{directory}/{PREFIX}"
    target = f"{_find_way(os.path.dirname(directory), os.path.dirname(link))}/{os.path.basename(directory)}"
    try:
        os.symlink(target, new)
    except FileExistsError:
        remove(Path(new))
        os.symlink(target, new)
    try:
        os.replace(new, link)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.replace(new, link)
    except IsADirectoryError:
        remove(Path(link))
        os.replace(new, link)


@lru_cache(16)
def _find_way(directory: str, start: str) -> str:
    return os.path.relpath(directory, start)


def exchange(path: Path, new: Path) -> None:
    """Have what is at `new` lie at `path`, and what was there, if anything, at `new`.

    In one step, but where the file system cannot: then for a moment there is nothing at `path`.
    """
    if not os.path.lexists(path):
        new.rename(path)
    elif not _rename(new, path, _EXCHANGE):
        path.rename(aside := new.with_name(f"{new.name}.before"))
        try:
            new.rename(path)
        except OSError:
            aside.rename(path)
            raise
        aside.rename(new)


def _rename(path: Path, other: Path, flags: int) -> bool:
    """renameat2(2); False where there are no such flags."""
    if _renameat2 is None:
        return False
    if _renameat2(_AT_FDCWD, os.fsencode(path), _AT_FDCWD, os.fsencode(other), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS):
        return False
    raise OSError(number, os.strerror(number), str(path), None, str(other))


def is_being_written(descriptor: int) -> bool | None:
    """Whether anybody has the file open for writing: then the kernel gives no lease on it (fcntl(2), F_SETLEASE).

    None where it does not tell: of another owner's file without CAP_LEASE, and on some file systems.
    """
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # ignored, unlike SIGIO, should the lease be broken
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def check_access(directory: Path, path: str) -> None:
    """Raise PermissionError where nginx could not read what is at `path` below the directory.

    access(2) disregards capabilities, which this process may need to get as far as here, and nginx does not have.
    """
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not os.access(path, os.R_OK, dir_fd=descriptor) and os.path.lexists(directory / path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove whatever is at `path`, if anything; OSError where that cannot be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
