"""An archive → what a board installs of it: bounded, with paths that lead nowhere else, and its needs."""

import errno
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from indexer.describe import parse_fields
from indexer.model import ListedFile
from indexer.pages.mip import list_needs, place_in_sdist, place_in_wheel
from store.archive import read_members
from store.archive.budget import WHATEVER_IT_TAKES
from store.archive.packed import Packed
from store.distribution import read_contents
from store.errors import BadArchive
from store.names import parse_filename

FILES, BYTES = 1000, 4 << 20  # of a release, at most: more fits on no board
TEXT = 1 << 16  # bytes of a list of requirements


class BoardContents(NamedTuple):
    """What a board installs: files by their path there, and the projects that are needed, with the versions."""

    files: Mapping[str, bytes]
    needs: Mapping[str, str]


def read_board_contents(packages: Path, file: ListedFile) -> BoardContents:
    """Raises whatever a library does; OSError where the disk refuses, or the file is another one by now."""
    with (packages / file.path).open("rb") as archive:
        contents = read_contents(archive, parse_filename(file.filename))
        archive.seek(0)
        packed = Packed(archive, "", WHATEVER_IT_TAKES)
        found, requires = _take(packed, file)
        if {contents.digest, packed.finish()} != {file.distribution.digest}:
            raise OSError(errno.ESTALE, f"{file.path} is another file by now")
    _check_fits(file, found)
    said = parse_fields(contents.metadata).get("requires_dist")
    needs = list_needs(said if isinstance(said, list) else _unconditional(requires))
    return BoardContents(_without_clashes(found), needs)


def _take(packed: Packed, file: ListedFile) -> tuple[dict[str, bytes], bytes]:
    """What goes on a board, up to a little more than fits; and what an egg needs."""
    place = place_in_wheel if file.distribution.kind == "wheel" else place_in_sdist
    found: dict[str, bytes] = {}
    requires, left = b"", BYTES + 1
    for parts, content in read_members(packed, parse_filename(file.filename).suffix):
        if not content or not parts:
            continue
        if path := place(parts) if left and len(found) <= FILES else None:
            found[path] = content(left)
            left -= len(found[path])
        elif parts[-2:-1] and parts[-2].endswith(".egg-info") and parts[-1] == "requires.txt":
            requires = content(TEXT)
    return found, requires


def _check_fits(file: ListedFile, found: Mapping[str, bytes]) -> None:
    if len(found) > FILES or sum(map(len, found.values())) > BYTES:
        expected = f"expected at most {FILES}, and {BYTES >> 20} MiB"
        raise BadArchive(f"{file.filename!r} holds more files than fit on a board; {expected}")


def _without_clashes(found: Mapping[str, bytes]) -> dict[str, bytes]:
    """Without files where others need a directory."""
    directories = {str(parent) for path in found for parent in PurePosixPath(path).parents}
    return {path: content for path, content in found.items() if path not in directories}


def _unconditional(requires: bytes) -> Iterator[str]:
    """The lines of an egg's `requires.txt` before the first section, of an extra or a condition."""
    for line in requires.decode("utf-8", "replace").splitlines():
        if line.lstrip().startswith("["):
            return
        yield line
