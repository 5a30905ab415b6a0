"""Text → disk: atomic, compressed beside it, only when different, and never with a validator used before."""

import contextlib
import gzip
import os
import shutil
import tempfile
from pathlib import Path

SLOT = 4
"""Seconds in a time slot. nginx's ETag is (mtime in seconds, size), so each render of a page has a
slot of its own, and within it each representation (HTML, JSON, and both compressed) a second of its own."""


def next_slot(now: float, last: int) -> int:
    """The slot for a render at `now` (seconds since 1970), after one in slot `last`."""
    return max(int(now) // SLOT, last + 1)


def write_representations(directory: Path, html: str, json: str, slot: int) -> bool:
    """Replace a simple page in both forms, JSON last; False where nothing differs.

    `index.v1html` is the HTML under the name from which nginx takes the other content type.
    """
    texts = {"index.html": html.encode(), "index.json": json.encode()}
    if all(_holds(directory / name, text) for name, text in texts.items()):
        return False
    directory.mkdir(parents=True, exist_ok=True)
    for suffix in ("", ".gz"):
        _link(directory / f"index.v1html{suffix}", f"index.html{suffix}")
    for second, (name, text) in enumerate(texts.items()):
        write_file(directory / name, text, mtime=slot * SLOT + second)
    return True


def are_there(directory: Path) -> bool:
    """Whether a simple page is complete; a crash of the machine can leave files empty."""
    names = ("index.html", "index.json", "index.v1html")
    return all(_size(directory / f"{name}{suffix}") for name in names for suffix in ("", ".gz"))


def write_file(file: Path, content: bytes, mtime: float | None = None) -> None:
    """Replace `file` and `file.gz`; the compressed one, whose time is two seconds on, first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    compressed = gzip.compress(content, compresslevel=6, mtime=0)
    _replace(file.with_name(file.name + ".gz"), compressed, None if mtime is None else mtime + 2)
    _replace(file, content, mtime)


def write_if_different(file: Path, content: bytes) -> bool:
    """Replace `file` and `file.gz` unless they hold this already."""
    if _holds(file, content):
        return False
    write_file(file, content)
    return True


def remove_file(file: Path, top: Path) -> None:
    """Remove `file` and `file.gz`, and the directories below `top` that this leaves empty."""
    file.unlink(missing_ok=True)
    file.with_name(file.name + ".gz").unlink(missing_ok=True)
    for directory in file.parents:
        if directory == top:
            return
        with contextlib.suppress(OSError):
            directory.rmdir()


def remove_directory(directory: Path) -> None:
    """Remove a page with all its forms, in one step as far as readers can see."""
    with contextlib.suppress(FileNotFoundError):
        grave = Path(tempfile.mkdtemp(prefix=".gone-", dir=directory.parent))
        directory.replace(grave / "page")
        shutil.rmtree(grave)
        return
    shutil.rmtree(grave, ignore_errors=True)


def _holds(file: Path, content: bytes) -> bool:
    if not _size(file.with_name(file.name + ".gz")) or _size(file) != len(content):
        return False
    return file.read_bytes() == content


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _link(link: Path, target: str) -> None:
    if not link.is_symlink():
        with contextlib.suppress(FileExistsError):
            link.symlink_to(target)


def _replace(file: Path, content: bytes, mtime: float | None) -> None:
    temporary = file.with_name(f".new-{file.name}")  # the indexer is the only one who writes here
    try:
        temporary.write_bytes(content)
        temporary.chmod(0o644)
        if mtime is not None:
            os.utime(temporary, (mtime, mtime))
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
