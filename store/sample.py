"""A file that people write, as it is at one moment: read whole or not at all, and not while it is being written."""

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from store import files

LARGEST = 1 << 20  # bytes


@dataclass(frozen=True)
class Sample:
    """The file at one moment: `mark` is its identity, `content` None where it cannot be read, for a `reason`.

    `is_sure` where nobody has it open for writing.
    """

    mark: tuple[int, ...]
    content: bytes | None
    reason: str = ""
    is_sure: bool = True


def read_sample(path: Path) -> Sample:
    """The file, read once; OSError becomes the reason."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        reason = f"it is a link that leads nowhere ({str(path.readlink())!r})" if path.is_symlink() else ""
        return Sample(read_mark(path), None, reason)
    except OSError as error:
        return Sample(read_mark(path), None, f"it cannot be read: {error.strerror}")
    try:
        return _read_open(descriptor)
    except OSError as error:
        return Sample(read_mark(path), None, f"it cannot be read: {error.strerror}")
    finally:
        os.close(descriptor)


def _read_open(descriptor: int) -> Sample:
    facts = os.fstat(descriptor)
    mark = _mark_of(facts)
    if not stat.S_ISREG(facts.st_mode):
        return Sample(mark, None, "it is no file")
    content = os.read(descriptor, LARGEST + 1)
    if len(content) > LARGEST:
        return Sample(mark, None, f"it has more than {LARGEST} bytes")
    is_being_written = files.is_being_written(descriptor)
    if _mark_of(os.fstat(descriptor)) != mark or is_being_written:
        return Sample((), content)
    return Sample(mark, content, is_sure=is_being_written is False)


def read_mark(path: Path) -> tuple[int, ...]:
    with contextlib.suppress(OSError):
        return _mark_of(path.stat())
    with contextlib.suppress(OSError):
        return (*_mark_of(path.lstat()), 0)
    return ()


def _mark_of(facts: os.stat_result) -> tuple[int, ...]:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
