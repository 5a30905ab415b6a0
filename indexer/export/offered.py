"""What the pages of a project offer, for a copy to have it."""

import json
from typing import Any, NamedTuple

from store.listing import read_listing
from store.names import PROVENANCE, SIGNATURE
from store.repository import Repository
from store.simple import DETAIL_JSON, DIGEST


class Offered(NamedTuple):
    """A distribution, by its path below `packages/`, and its sha256. `beside` are suffixes of what lies there too."""

    path: str
    digest: str
    beside: tuple[str, ...]
    has_metadata: bool


def read_offered(repository: Repository, project: str) -> list[Offered]:
    """Every file on the project's simple page. OSError or ValueError where that cannot be read."""
    listed = read_listing(repository, project)
    entries = json.loads((repository.project(project) / DETAIL_JSON).read_bytes())["files"]
    return [_read_entry(listed[entry["filename"]].path, entry) for entry in entries]


def _read_entry(path: str, entry: dict[str, Any]) -> Offered:
    beside = {SIGNATURE: "gpg-sig" in entry, PROVENANCE: "provenance" in entry}
    there = tuple(suffix for suffix, is_there in beside.items() if is_there)
    return Offered(path, entry["hashes"][DIGEST], there, "core-metadata" in entry)


def read_digests(page: bytes | None) -> dict[str, str]:
    """What a simple page of a copy says of its files: URL → sha256; nothing where it is no such page."""
    try:
        return {str(entry["url"]): str(entry["hashes"][DIGEST]) for entry in json.loads(page or b"")["files"]}
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
