"""Whether what is kept of an upstream is still what it was found to be: for `larder verify`."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from store.data import Data
from uploader.placing import read_digest
from uploader.upstream.detail import Digest
from uploader.upstream.kept import SOURCES


def find_damaged(data: Data) -> Iterator[tuple[Path, str]]:
    """Files that do not have the digest that their page says, and why. Nothing of what cannot be read any more."""
    with contextlib.suppress(OSError):
        for repository in data.repositories():
            for sources in sorted(repository.found.glob(f"*/*/{SOURCES}")):
                for path, said in _list_kept(sources):
                    if reason := _find_fault(path, said):
                        yield path, reason


def _list_kept(sources: Path) -> Iterator[tuple[Path, Digest]]:
    """Those files of a page that are kept and have a digest."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        for line in sources.read_text().splitlines()[1:]:
            filename, _, digest, mark = json.loads(line)
            path = sources.with_name(f"{mark}-{filename}")
            if digest and path.is_file():
                yield path, Digest(*digest)


def _find_fault(path: Path, said: Digest) -> str:
    """Empty where it is what it was said to be."""
    try:
        found = read_digest(path, said.algorithm)
    except OSError as error:
        found = f"that cannot be read: {error.strerror}"
    return "" if found == said.value else f"has {said.algorithm} {found}; expected {said.value}"
