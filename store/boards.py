"""What boards install of a release: where it lies once it was taken out of its archive, and how one is led there.

In the page set `boards/<project>/` of a repository's site a link for each release, and one for the latest, leads to
`unpacked/<source>/`, whether there is anything yet or not: an archive is unpacked when the first board asks for it.

    package.json    what mip reads
    upip.tar.gz     what upip unpacks
    <digest>        each file; all of them are in `unpacked/files/`, too
    none            instead of all others: in one line, why there is nothing for boards
"""

import contextlib
import re
from pathlib import Path

from store.repository import Repository

BOARDS, UNPACKED, FILES = "boards", "unpacked", "files"
PACKAGE, ARCHIVE, NONE = "package.json", "upip.tar.gz", "none"
LATEST = "latest"

_LINK = "of@"
_DIGITS = 32  # of the digest, by which an archive is known: with more a link would take a block of the disk
_SOURCE = re.compile(f"[0-9a-f]{{{_DIGITS}}}")


def name_link(release: str) -> str:
    return f"{_LINK}{release}"


def source_of(digest: str) -> str:
    """What an archive is known by."""
    return digest[:_DIGITS]


def is_source(name: str) -> bool:
    return bool(_SOURCE.fullmatch(name))


def target_of(source: str) -> str:
    """Where a link to it leads, from within a page set."""
    return f"../../{UNPACKED}/{source}"


def unpacked(repository: Repository, source: str) -> Path:
    return repository.site / UNPACKED / source


def board_file(repository: Repository, digest: str) -> Path:
    """A file that boards ask for by its digest."""
    return repository.site / UNPACKED / FILES / digest[:2] / digest


def read_sources(repository: Repository, project: str) -> dict[str, str]:
    """By release, as it is written, and for the latest: its source. Nothing where there is none."""
    directory = repository.site / BOARDS / project
    found: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for link in directory.iterdir():
            if link.name.startswith(_LINK):
                found[link.name.removeprefix(_LINK)] = link.readlink().name
    return found
