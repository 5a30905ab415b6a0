"""What a project's simple page lists, as the indexer tells the uploader: it is switched together with the page."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from store.repository import Repository


class Listed(NamedTuple):
    """`path` is relative to `packages/`, `digest` is sha256 in hex."""

    path: str
    digest: str


def render_listing(entries: Iterable[Listed]) -> bytes:
    by_filename = {entry.path.rpartition("/")[2]: entry for entry in entries}
    return json.dumps(by_filename, indent=0).encode() + b"\n"


def read_listing(repository: Repository, project: str) -> dict[str, Listed]:
    """File name → how it is listed; empty where there is no listing, or none that can be read."""
    try:
        found = json.loads(repository.listing(project).read_bytes())
        return {str(filename): Listed(str(path), str(digest)) for filename, (path, digest) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def listing_version(repository: Repository, project: str) -> str:
    """Changes whenever the listing does; empty where there is none."""
    try:
        return str(repository.project(project).readlink())
    except OSError:
        return ""
