"""What each project says of itself, as the indexer tells the uploader, which searches in it."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from store.repository import Repository

_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


class Searched(NamedTuple):
    """A project, its latest version, and that one's summary; both empty until its archives are read.

    `status` is the marker of its status where that is to be seen (PEP 792), else empty.

    `serial` is when a file of it came last, or a mark beside one, in seconds since 1970: by it mirrors know what they
    have.
    """

    name: str
    version: str = ""
    summary: str = ""
    serial: int = 0
    status: str = ""


def render_searched(projects: Iterable[Searched]) -> bytes:
    """A line for each."""
    return ("[" + ",\n".join(map(_ENCODE, projects)) + "]\n").encode()


def read_searched(repository: Repository) -> tuple[Searched, ...]:
    """All projects, by name; none where there is nothing that can be read."""
    try:
        found = json.loads(repository.searched.read_bytes())
        return tuple(_read_one(*each) for each in found)
    except (OSError, ValueError, TypeError):
        return ()


def _read_one(name: object, version: object, summary: object, serial: str | int, status: object) -> Searched:
    return Searched(str(name), str(version), str(summary), int(serial), str(status))


def searched_version(repository: Repository) -> str:
    """Changes whenever any of it does; empty where there is nothing."""
    try:
        facts = repository.searched.stat()
    except OSError:
        return ""
    return f"{facts.st_ino} {facts.st_mtime_ns}"
