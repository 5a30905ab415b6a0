"""How one directory, or link, comes to lie in the place of another, in one step."""

import ctypes
import errno
import os
import tempfile
from functools import lru_cache
from pathlib import Path

from store.files import PREFIX, remove

_renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # other C libraries may not have it
_AT_FDCWD, _EXCHANGE = -100, 2  # of renameat2(2)


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
