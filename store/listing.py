"""What a project's simple page lists, as the indexer tells the uploader: it is switched together with the page."""

import json
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from store.repository import Repository

_JSON = json.JSONEncoder().encode


class Listed(NamedTuple):
    """`path` is relative to `packages/`, `digest` is sha256 in hex, `release` the version as it is written.

    `yanked` is the reason, which may be empty; None where the file is not yanked.
    """

    path: str
    digest: str
    release: str
    yanked: str | None = None
    attested: bool = False


def render_listing(entries: Iterable[Listed]) -> bytes:
    """Each file name at the beginning of a line, for `find_listed`."""
    lines = (f"{_JSON(entry.path.rpartition('/')[2])}: {_JSON(entry)}" for entry in entries)
    return "\n".join(("{", ",\n".join(lines), "}", "")).encode()


def read_listing(repository: Repository, project: str) -> dict[str, Listed]:
    """File name → how it is listed; empty where there is no listing, or none that can be read."""
    try:
        found = json.loads(repository.listing(project).read_bytes())
        return {filename: _read_entry(entry) for filename, entry in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def find_listed(repository: Repository, project: str, filename: str) -> Listed | None:
    """How one file is listed, None where it is not; the rest is not parsed for it, however much that is."""
    key = f"\n{_JSON(filename)}: ".encode()
    try:
        content = repository.listing(project).read_bytes()
        found = content.find(key)
        if found < 0:
            return None
        line = content[found + len(key) : content.index(b"\n", found + 1)]
        return _read_entry(json.loads(line.removesuffix(b",")))
    except (OSError, ValueError, TypeError):
        return None


def _read_entry(entry: object) -> Listed:
    """ValueError or TypeError for what is no entry."""
    if not isinstance(entry, list):
        raise TypeError
    path, digest, release, yanked, attested = entry
    if PurePosixPath(str(path)).is_absolute() or ".." in PurePosixPath(str(path)).parts:
        raise ValueError(path)  # no indexer wrote it
    return Listed(str(path), str(digest), str(release), None if yanked is None else str(yanked), attested is True)


def listing_version(repository: Repository, project: str) -> str:
    """Changes whenever the listing does; empty where there is none."""
    try:
        facts = repository.listing(project).stat()
    except OSError:
        return ""
    return f"{facts.st_ino} {facts.st_mtime_ns}"
