"""Reading an archive within bounds: whole, unharmed, core metadata inside, and no bomb.

Every member is read once, so a listed file is whole to its last byte. Memory stays flat: nothing
is kept but the metadata text.
"""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from store.errors import BadArchive
from store.names import Claim
from store.unpacked import Unpacked
from store.zip_end import check_zip_end

MEMBER_LIMIT = 30_000
METADATA_LIMIT = 8 << 20  # bytes
CHUNK = 1 << 20  # bytes

_DAMAGE = (
    EOFError,
    OSError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    UnicodeError,
    OverflowError,
)


def read_core_metadata(file: BinaryIO, claim: Claim) -> bytes:
    """The METADATA or PKG-INFO text, after reading the whole archive; BadArchive says what is wrong.

    Wheels: `*.dist-info/METADATA` (PEP 427). Eggs: `EGG-INFO/PKG-INFO`. Sdists: the PKG-INFO
    nearest the top, which for boards' sdists lies in `*.egg-info` only.
    """
    try:
        if claim.suffix in (".whl", ".egg", ".zip"):
            found = _read_zip(file, claim)
        else:
            if claim.suffix == ".tar":
                _check_padded(file)
            found = _read_tar(_open_unpacked(file, claim.suffix), claim)
    except BadArchive:
        raise
    except _DAMAGE as error:
        raise BadArchive(f"{claim.filename!r} is not a whole {claim.suffix} archive: {_one_line(error)}") from error
    if found is None:
        raise BadArchive(f"{claim.filename!r} holds no {_METADATA_OF[claim.kind]}; expected core metadata inside")
    return found


_METADATA_OF = {"wheel": "*.dist-info/METADATA", "egg": "EGG-INFO/PKG-INFO", "sdist": "PKG-INFO"}


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


class _Nearest:
    """The metadata nearest the top of the archive, of what it was shown so far."""

    def __init__(self, claim: Claim) -> None:
        self.kind = claim.kind
        self.depth: int | None = None
        self.text: bytes | None = None

    def wants(self, path: PurePosixPath) -> bool:
        return self._is_metadata(path) and (self.depth is None or len(path.parts) < self.depth)

    def _is_metadata(self, path: PurePosixPath) -> bool:
        parts = path.parts
        if self.kind == "wheel":
            return len(parts) == 2 and parts[0].endswith(".dist-info") and parts[1] == "METADATA"
        if self.kind == "egg":
            return parts == ("EGG-INFO", "PKG-INFO")
        return parts[-1] == "PKG-INFO" and (len(parts) <= 2 or parts[-2].endswith(".egg-info"))

    def keep(self, path: PurePosixPath, text: bytes) -> None:
        if len(text) > METADATA_LIMIT:
            raise BadArchive(f"{str(path)!r} is larger than {METADATA_LIMIT} bytes; expected core metadata")
        if b"Metadata-Version" in text:
            self.depth, self.text = len(path.parts), text


def _check_path(name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        raise BadArchive(f"it names {name!r}, a path outside itself")
    return path


def _check_count(count: int) -> None:
    if count > MEMBER_LIMIT:
        raise BadArchive(f"it holds more than {MEMBER_LIMIT} members; expected at most that many")


def _read_zip(file: BinaryIO, claim: Claim) -> bytes | None:
    check_zip_end(file, MEMBER_LIMIT)
    nearest = _Nearest(claim)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        _check_count(len(members))
        Unpacked.check_declared(sum(member.file_size for member in members), _size(file))
        for member in members:
            path = _check_path(member.filename)
            _read_zip_member(archive, member, path, nearest)
    return nearest.text


def _read_zip_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: PurePosixPath, nearest: _Nearest) -> None:
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadArchive(f"{member.filename!r} is packed by method {member.compress_type}; expected stored or deflated")
    with archive.open(member) as content:
        if path.parts and nearest.wants(path):
            nearest.keep(path, content.read(METADATA_LIMIT + 1))
        while content.read(CHUNK):  # to the end, where zipfile compares the CRC
            pass


def _size(file: BinaryIO) -> int:
    return file.seek(0, io.SEEK_END)


_OPENERS: dict[str, Callable[[BinaryIO], BinaryIO]] = {
    ".tar.gz": lambda file: gzip.GzipFile(fileobj=file),  # type: ignore[dict-item, return-value]
    ".tgz": lambda file: gzip.GzipFile(fileobj=file),  # type: ignore[dict-item, return-value]
    ".tar.bz2": bz2.BZ2File,  # type: ignore[dict-item]
    ".tar": lambda file: file,
}


def _open_unpacked(file: BinaryIO, suffix: str) -> Unpacked:
    file.seek(0)
    return Unpacked(_OPENERS[suffix](file), packed=file)


def _check_padded(file: BinaryIO) -> None:
    """A tar that is not compressed says nothing of its length, but ends in zeros and in a whole record."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 2 * tarfile.BLOCKSIZE))
    if size % tarfile.RECORDSIZE or file.read().strip(b"\0"):
        raise EOFError("its end is missing")


def _read_tar(stream: Unpacked, claim: Claim) -> bytes | None:
    nearest = _Nearest(claim)
    with tarfile.TarFile(fileobj=stream, mode="r") as archive:
        for count, member in enumerate(_walk(archive), start=1):
            _check_count(count)
            path = _check_member(member)
            if member.isreg() and path.parts and nearest.wants(path):
                content = archive.extractfile(member)
                nearest.keep(path, content.read(METADATA_LIMIT + 1) if content else b"")
    if stream.exhausted:  # tarfile forgives a missing end mark; a copy cut off between members has none
        raise EOFError("its end-of-archive mark is missing")
    stream.read_to_end()
    return nearest.text


def _walk(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # tarfile remembers every member it has seen
        yield member


def _check_member(member: tarfile.TarInfo) -> PurePosixPath:
    path = _check_path(member.name)
    if member.issym():
        _check_path(_joined(path.parent, member.linkname))
    elif member.islnk():
        _check_path(member.linkname)
    elif not (member.isreg() or member.isdir()):
        raise BadArchive(f"it holds {member.name!r}, a device; expected files, directories and links")
    return path


def _joined(parent: PurePosixPath, target: str) -> str:
    """Where a symbolic link leads, with `..` taken back as far as the archive reaches."""
    if target.startswith("/"):
        return target
    parts: list[str] = list(parent.parts)
    for part in PurePosixPath(target).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
