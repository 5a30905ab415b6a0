"""Distributions that lie elsewhere in the data directory than in `packages/`: nobody would ever see them."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from store.data import Data
from store.names import is_ignored, possible_projects
from store.repository import Repository

INTERVAL = 2.0  # seconds between two looks
DEPTH = 3
ENTRIES = 1000  # that one look takes in at most
SHOWN = 100


def find_misplaced(data: Data, repositories: Iterable[Repository]) -> tuple[str, ...]:
    """Their paths below the data directory, sorted; a bounded look, for anything may lie there."""
    ours = {repository.packages for repository in repositories}
    ours |= {data.files, data.upstream, data.site, data.state, data.run, data.htpasswd.parent}
    found = (path for path in islice(_walk(data.root, ours, DEPTH), ENTRIES) if possible_projects(path.name))
    return tuple(sorted(str(path.relative_to(data.root)) for path in found)[:SHOWN])


def _walk(directory: Path, ours: set[Path], depth: int) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = Path(entry.path)
        if is_ignored(entry.name) or path in ours:
            continue
        yield path
        if depth > 1 and entry.is_dir(follow_symlinks=False):
            yield from _walk(path, ours, depth - 1)
