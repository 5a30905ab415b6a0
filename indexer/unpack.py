"""What boards install, taken out of archives: by a process beside, for whoever wrote them is a stranger.

A release's directory appears whole. The file that boards ask for by a digest is another name of one in there: so what
is gone of them is there again without an archive being read.
"""

import gzip
import io
import tarfile
import tempfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from indexer.describe import read_fields
from indexer.model import ListedFile
from indexer.pages.mip import list_needs, place_in_sdist, place_in_wheel, render_package
from store import boards, files
from store.archive import read_members
from store.archive.budget import WHATEVER_IT_TAKES
from store.archive.packed import Packed
from store.boards import board_file, source_of, unpacked
from store.errors import BadArchive, Refused
from store.names import parse_filename
from store.repository import Repository

FILES, BYTES = 1000, 4 << 20  # of a release, at most: more fits on no board
TEXT = 1 << 16  # bytes of a list of requirements
DIGITS = 64  # of a sha256 in hex, which a file is called by

_TOP = "board"  # the directory in an archive for upip, which takes it away
_EGG = f"{_TOP}.egg-info/requires.txt"  # where it looks for what is needed
_WINDOW = 16 + 12  # gzip (RFC 1952) with a window of 4 KiB: there is room for no more on a small board
_BEING_MADE = ".new-"  # how a name begins that nobody is led to


class Contents(NamedTuple):
    """What a board installs: files by their path there, and the projects that are needed, with the versions."""

    files: Mapping[str, bytes]
    needs: Mapping[str, str]


def unpack(repository: Repository, project: str, file: ListedFile) -> None:
    """Have all there that boards ask for of this archive; or why there is nothing. OSError where the disk refuses."""
    target = unpacked(repository, source_of(file.distribution.digest))
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=_BEING_MADE, ignore_cleanup_errors=True) as begun:
        directory = Path(begun) / target.name
        directory.mkdir()
        try:
            contents = _read(repository.packages, file)
        except Refused as error:
            files.write(directory / boards.NONE, f"{error}\n".encode())
        else:
            _write(repository, directory, project, file, contents)
        directory.rename(target)


def _read(packages: Path, file: ListedFile) -> Contents:
    place = place_in_wheel if file.distribution.kind == "wheel" else place_in_sdist
    found: dict[str, bytes] = {}
    requires, left = b"", BYTES
    with (packages / file.path).open("rb") as archive:
        packed = Packed(archive, file.distribution.digest, WHATEVER_IT_TAKES)
        for parts, content in read_members(packed, parse_filename(file.filename).suffix):
            if content and parts and (path := place(parts)):
                found[path] = content(left + 1)
                left -= len(found[path])
            elif content and parts[-2:-1] and parts[-2].endswith(".egg-info") and parts[-1] == "requires.txt":
                requires = content(TEXT)
            if left < 0 or len(found) > FILES:
                expected = f"expected at most {FILES}, and {BYTES >> 20} MiB"
                raise BadArchive(f"{file.filename!r} holds more files than fit on a board; {expected}")
    said = read_fields(packages, file).get("requires_dist")
    return Contents(found, list_needs(said if isinstance(said, list) else _unconditional(requires)))


def _unconditional(requires: bytes) -> Iterator[str]:
    """The lines of an egg's `requires.txt` before the first section, of an extra or a condition."""
    for line in requires.decode("utf-8", "replace").splitlines():
        if line.lstrip().startswith("["):
            return
        yield line


def _write(repository: Repository, directory: Path, project: str, file: ListedFile, contents: Contents) -> None:
    digests = {path: sha256(content).hexdigest() for path, content in contents.files.items()}
    for path, digest in digests.items():
        _write_file(board_file(repository, digest), directory / digest, contents.files[path])
    (directory / boards.PACKAGE).write_bytes(render_package(project, file.release, digests, contents.needs))
    (directory / boards.ARCHIVE).write_bytes(_pack(contents))


def _write_file(name: Path, path: Path, content: bytes) -> None:
    """Have it there under both names; a file that is there already may be of another release, too."""
    if name.is_file() and name.read_bytes() == content:
        path.unlink(missing_ok=True)
        path.hardlink_to(name)
        return
    files.write(path, content)
    name.unlink(missing_ok=True)
    _name(path, name)


def _name(path: Path, name: Path) -> None:
    name.parent.mkdir(parents=True, exist_ok=True)
    name.hardlink_to(path)


def _pack(contents: Contents) -> bytes:
    """An archive as upip can read it with little memory: plain ustar, in a gzip that looks back 4 KiB at most."""
    requires = "".join(f"{name}{_pin(version)}\n" for name, version in sorted(contents.needs.items())).encode()
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in sorted({**contents.files, **({_EGG: requires} if requires else {})}.items()):
            member = tarfile.TarInfo(f"{_TOP}/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    packer = zlib.compressobj(9, zlib.DEFLATED, _WINDOW)
    return packer.compress(tar.getvalue()) + packer.flush()


def _pin(version: str) -> str:
    return "" if version == boards.LATEST else f"=={version}"


def sweep(repository: Repository, wanted: Collection[str]) -> None:
    """Remove what is of none of these sources, and what no release needs; have every file there that one does."""
    top = repository.site / boards.UNPACKED
    needed: set[str] = set()
    for directory in list(top.iterdir()) if top.is_dir() else []:
        if directory.name == boards.FILES:
            continue
        if directory.name not in wanted:
            files.remove(directory)
            continue
        for path in filter(_is_file, directory.iterdir()):
            needed.add(path.name)
            if not (name := board_file(repository, path.name)).exists():
                _name(path, name)
    for name in list((top / boards.FILES).glob("*/*")):
        if name.name not in needed:
            name.unlink()


def _is_file(path: Path) -> bool:
    """Whether it is one that boards ask for."""
    return len(path.name) == DIGITS


def find_faults(repository: Repository) -> Iterator[tuple[Path, str]]:
    """What was unpacked and is not what it was, and why."""
    top = repository.site / boards.UNPACKED
    for path in sorted((*top.glob("*/*"), *top.glob(f"{boards.FILES}/*/*"))):
        if _is_file(path) and sha256(path.read_bytes()).hexdigest() != path.name:
            yield path, "is not the file of that digest"
        elif path.name == boards.ARCHIVE and not _is_gzip(path):
            yield path, "cannot be unpacked"


def _is_gzip(path: Path) -> bool:
    try:
        return bool(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError, zlib.error):
        return False
