"""What boards install, taken out of archives: by a process beside, for whoever wrote them is a stranger.

A release's directory appears whole. The file that boards ask for by a digest is another name of one in there: so what
is gone of them is there again without an archive being read.
"""

import contextlib
import errno
import gzip
import io
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from indexer.board_contents import BoardContents, read_board_contents
from indexer.model import ListedFile
from indexer.pages.mip import render_package
from store import boards, files
from store.boards import board_file, is_ready, is_source, list_releases, read_source, unpacked
from store.repository import Repository

DIGITS = 64  # of a sha256 in hex, which a file is called by
RESERVE = 64 << 20  # bytes of the disk that are left to the pages

_TOP = "board"  # the directory in an archive for upip, which takes it away
_EGG = f"{_TOP}.egg-info/requires.txt"  # where it looks for what is needed
_WINDOW = 16 + 12  # gzip (RFC 1952) with a window of 4 KiB: there is room for no more on a small board
_BEING_MADE = ".new-"  # how a name begins that nobody is led to


def unpack(repository: Repository, project: str, source: str, file: ListedFile) -> None:
    """Have all there that boards ask for of this release; or why there is nothing.

    OSError where the disk refuses, or where the file is not the one any longer that it was.
    """
    target = unpacked(repository, source)
    if _is_whole(repository, source):
        return
    files.remove(target)
    _check_space(repository.site)
    try:
        contents = read_board_contents(repository.packages, file)
    except OSError:
        raise
    except Exception as error:  # whatever a library makes of hostile bytes
        refuse(repository, project, source, str(error) or repr(error))
        return
    with _begun(repository, project, source) as directory:
        _write(repository, directory, project, file.release, contents)
        directory.rename(target)


def refuse(repository: Repository, project: str, source: str, reason: str) -> None:
    """Say why there is nothing for boards, in the place of it."""
    with _begun(repository, project, source) as directory:
        (directory / boards.NONE).write_text(f"{' '.join(reason.split())[:500]}\n")
        files.remove(unpacked(repository, source))
        directory.rename(unpacked(repository, source))


@contextlib.contextmanager
def _begun(repository: Repository, project: str, source: str) -> Iterator[Path]:
    """A directory that is about to be that of a source; gone at the end, unless it is there."""
    top = unpacked(repository, source).parent
    top.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=top, prefix=_BEING_MADE, ignore_cleanup_errors=True) as begun:
        directory = Path(begun) / source
        directory.mkdir()
        (directory / boards.OF).write_text(project)
        yield directory


def _check_space(site: Path) -> None:
    facts = os.statvfs(site)
    if facts.f_bavail * facts.f_frsize < RESERVE:
        raise OSError(errno.ENOSPC, f"less than {RESERVE >> 20} MiB are left below {site}, which pages need")


def _write(repository: Repository, directory: Path, project: str, release: str, contents: BoardContents) -> None:
    """All files of a release. Nothing stays where that fails."""
    digests = {path: sha256(content).hexdigest() for path, content in contents.files.items()}
    named: list[Path] = []
    try:
        for path, digest in digests.items():
            named += _write_file(board_file(repository, digest), directory / digest, contents.files[path])
        package = render_package(project, release, digests, contents.needs)
        (directory / boards.PACKAGE).write_bytes(package)
        (directory / boards.ARCHIVE).write_bytes(_pack(contents))
    except OSError:
        for name in named:
            name.unlink(missing_ok=True)
        raise


def _write_file(name: Path, path: Path, content: bytes) -> list[Path]:
    """Have it there under both names, and answer with the one that is new: it may be of another release, too."""
    if name.is_file() and name.read_bytes() == content:
        path.unlink(missing_ok=True)
        path.hardlink_to(name)
        return []
    files.write(path, content)
    name.unlink(missing_ok=True)
    _name(path, name)
    return [name]


def _name(path: Path, name: Path) -> None:
    name.parent.mkdir(parents=True, exist_ok=True)
    name.hardlink_to(path)


def _pack(contents: BoardContents) -> bytes:
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


def sweep(repository: Repository) -> None:
    """Remove what no release leads to or is not whole, and files that none needs; have every file there that one does.

    What leads where is read now, for whatever was unpacked a moment ago may be led to by now.
    """
    top = repository.site / boards.UNPACKED
    needed: set[str] = set()
    for directory in list(top.iterdir()) if top.is_dir() else []:
        if directory.name == boards.FILES:
            continue
        if not is_source(directory.name) or not _is_wanted(repository, directory):
            files.remove(directory)
            continue
        for path in filter(_is_file, directory.iterdir()):
            needed.add(path.name)
            if not (name := board_file(repository, path.name)).exists():
                _name(path, name)
    for name in list((top / boards.FILES).glob("*/*")):
        if name.name not in needed:
            name.unlink()


def _is_wanted(repository: Repository, directory: Path) -> bool:
    if not _is_whole(repository, directory.name):
        return False
    project = (directory / boards.OF).read_text()
    releases = list_releases(repository, project)
    return any(read_source(repository, project, release) == directory.name for release in releases)


def _is_whole(repository: Repository, source: str) -> bool:
    return all(is_ready(repository, source, name) for name in (boards.OF, boards.PACKAGE, boards.ARCHIVE))


def _is_file(path: Path) -> bool:
    """Whether it is one that boards ask for."""
    return len(path.name) == DIGITS


def find_faults(repository: Repository) -> Iterator[tuple[Path, str]]:
    """What was unpacked and is not what it was, and why."""
    top = repository.site / boards.UNPACKED
    for directory in sorted(top.iterdir()) if top.is_dir() else []:
        if is_source(directory.name) and not _is_whole(repository, directory.name):
            yield directory / boards.PACKAGE, "is not there, or not all that belongs to it"
    for path in sorted((*top.glob("*/*"), *top.glob(f"{boards.FILES}/*/*"))):
        if _is_file(path) and sha256(path.read_bytes()).hexdigest() != path.name:
            yield path, "is not the file of that digest"
        elif path.name == boards.ARCHIVE and path.stat().st_size and not _is_gzip(path):
            yield path, "cannot be unpacked"
        elif path.name == boards.PACKAGE and path.stat().st_size and not _is_document(path.read_bytes()):
            yield path, "is no document for boards"


def _is_gzip(path: Path) -> bool:
    try:
        return bool(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError, zlib.error):
        return False


def _is_document(content: bytes) -> bool:
    return content.startswith(b'{"v":1,') and content.endswith(b"]}\n")
