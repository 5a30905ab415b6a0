"""What boards install of a release: where it lies once it was taken out of its archive, and how one is led there.

In the page set `boards/<project>/` of a repository's site a link for each release, and one for the latest, leads to
`unpacked/<source>/`, whether there is anything yet or not: an archive is unpacked when the first board asks for it.

    project         whose it is
    package.json    what mip reads
    upip.tar.gz     what upip unpacks
    <digest>        each file; all of them are in `unpacked/files/`, too
    none            instead of the last three: in one line, why there is nothing for boards
"""

import contextlib
import re
from pathlib import Path

from store.repository import Repository

BOARDS, UNPACKED, FILES = "boards", "unpacked", "files"
PACKAGE, ARCHIVE, NONE, OF = "package.json", "upip.tar.gz", "none", "project"
LATEST = "latest"

_LINK = "of@"
DIGITS = 32  # of a source: with more a link would take a block of the disk
_SOURCE = re.compile(f"[0-9a-f]{{{DIGITS}}}")


def name_link(release: str) -> str:
    return f"{_LINK}{release}"


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


def is_ready(repository: Repository, source: str, name: str) -> bool:
    """Whether there is something of that name of the source, or why there is not."""
    directory = unpacked(repository, source)
    return any(_size(directory / each) > 0 for each in (name, NONE))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def list_releases(repository: Repository, project: str) -> list[str]:
    """Those that boards are led to, as they are written, and the latest. Nothing where there is none."""
    with contextlib.suppress(OSError):
        names = (link.name for link in (repository.site / BOARDS / project).iterdir())
        return [name.removeprefix(_LINK) for name in names if name.startswith(_LINK)]
    return []


def read_source(repository: Repository, project: str, release: str) -> str:
    """What boards are led to; empty where that is nothing."""
    with contextlib.suppress(OSError):
        return (repository.site / BOARDS / project / name_link(release)).readlink().name
    return ""
