"""How a file comes to lie on the disk: whole or not at all, and durable where it has to be. The one writer."""

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from store.errors import AlreadyExists, AnotherFile
from store.syncs import sync_directory

MODE = 0o644
PIECE = 1 << 20  # bytes read at once
PREFIX = ".incoming-"  # of names that are not there yet; a dot name is never listed nor served
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


def sweep_incoming(directory: Path, age: float = 0.0) -> None:
    """Remove what a crash left half done in `directory`, `age` seconds ago or earlier."""
    for leftover in directory.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):
            if not age or leftover.lstat().st_mtime < time.time() - age:
                leftover.unlink()


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
    _make_newer(incoming.file, target)
    new = target.with_name(f"{PREFIX}{secrets.token_hex(8)}")
    _link(incoming, new)
    try:
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
    sync_directory(target.parent)


def _make_newer(file: BinaryIO, target: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        make_newer_than(file, target.stat().st_mtime_ns // 10**9)


def make_newer_than(file: BinaryIO, seconds: int) -> None:
    """Have the file be of a later second than this one."""
    earliest = (seconds + 1) * 10**9
    if os.fstat(file.fileno()).st_mtime_ns < earliest:
        os.utime(file.fileno(), ns=(earliest, earliest))


def _link(incoming: Incoming, target: Path) -> None:
    # linkat(2) with AT_SYMLINK_FOLLOW, which Python calls only where it is given a directory
    os.link(incoming.path, target, src_dir_fd=incoming.file.fileno(), follow_symlinks=True)


def make_directory(path: Path) -> None:
    """Have a directory there, durably. One that root makes is whose that above it is: the programs write in there."""
    if path.is_dir() and not path.is_symlink():
        return
    path.mkdir(exist_ok=True)
    if path.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    if os.geteuid() == 0:
        above = path.parent.stat()
        os.chown(path, above.st_uid, above.st_gid, follow_symlinks=False)
    sync_directory(path.parent)


def write(path: Path, content: bytes, *, durable: bool = False, newer: bool = False) -> None:
    """Replace the small file at `path` in one step; `durable` also flushes it and its name.

    With `newer` it is so by whole seconds, as by `place_over`.
    """
    temporary = path.with_name(f"{PREFIX}{path.name}")  # each file that is written so has one writer
    try:
        with _open_new(temporary) as file:
            file.write(content)
            if newer:
                file.flush()
                _make_newer(file, path)
            if durable:
                make_durable(file)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def copy(source: Path, target: Path, digest: str) -> None:
    """Have a copy of the file lie at `target`, with its time, in one step; it is durable, and its name may not be.

    AnotherFile, and nothing is changed, where its sha256 is another.
    """
    temporary = target.with_name(f"{PREFIX}{target.name}")
    try:
        with open(source, "rb", opener=_open_without_waiting) as file, _open_new(temporary) as new:
            facts = os.fstat(file.fileno())
            found = copy_bytes(file, new)
            if found != digest:
                raise AnotherFile(f"{source}: has sha256 {found}; expected {digest}, as its page says")
            make_durable(new)
            os.utime(new.fileno(), ns=(facts.st_mtime_ns, facts.st_mtime_ns))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def copy_bytes(file: BinaryIO, new: BinaryIO) -> str:
    """Copy all that follows in the file; the sha256 of that."""
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
        new.write(piece)
    return digest.hexdigest()


def _open_without_waiting(path: str, flags: int) -> int:
    """Should it be a pipe meanwhile."""
    return os.open(path, flags | os.O_NONBLOCK)


def _open_new(path: Path) -> BinaryIO:
    """What is left there of a crash is removed; what a link leads to is not touched."""
    path.unlink(missing_ok=True)
    return path.open("xb")


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


def remove_at_once(path: Path) -> None:
    """The same in one step, for what may be exchanged or filled at this moment."""
    aside = path.with_name(f"{PREFIX}{secrets.token_hex(8)}")
    with contextlib.suppress(FileNotFoundError):
        path.rename(aside)
        remove(aside)
