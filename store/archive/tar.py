"""Tar files, plain and compressed: read forward once, to the end mark and the decompressor's last byte."""

import bz2
import gzip
import io
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, BinaryIO

from store.archive.limits import CHUNK, check_count, check_path, check_unpacked
from store.errors import BadArchive, shown

READ_LIMIT = 16 << 20  # bytes of content at once
HEADER_LIMIT = 1 << 20  # bytes of all headers of one member, long names and pax records among them
GLOBAL_LIMIT = 100  # pax records for all members

_LONG_NUMBER = re.compile(rb"[0-9]{100}")

_OPENERS: dict[str, Callable[[BinaryIO], BinaryIO]] = {
    ".tar.gz": lambda file: gzip.GzipFile(fileobj=file),  # type: ignore[dict-item, return-value]
    ".tgz": lambda file: gzip.GzipFile(fileobj=file),  # type: ignore[dict-item, return-value]
    ".tar.bz2": bz2.BZ2File,  # type: ignore[dict-item]
    ".tar": lambda file: file,
}


def read_tar(file: BinaryIO, suffix: str) -> Iterator[tuple[PurePosixPath, IO[bytes] | None]]:
    """The members in the order they lie in; see `read_members`."""
    if suffix == ".tar":
        _check_padded(file)
    file.seek(0)
    stream = _Unpacked(_OPENERS[suffix](file), packed=file)
    with tarfile.TarFile(fileobj=stream, mode="r") as archive:
        for count, member in enumerate(_walk(archive, stream), start=1):
            check_count(count)
            yield _check_member(member), archive.extractfile(member) if member.isreg() else None
    if stream.last != bytes(tarfile.BLOCKSIZE):  # tarfile takes a damaged header, or none, for the end
        raise EOFError("its end-of-archive mark is missing")
    stream.read_to_end()


def _check_padded(file: BinaryIO) -> None:
    """A tar that is not compressed says nothing of its length, but ends in zeros and in a whole record."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 2 * tarfile.BLOCKSIZE))
    if size % tarfile.RECORDSIZE or file.read().strip(b"\0"):
        raise EOFError("its end is missing")


def _walk(archive: tarfile.TarFile, stream: "_Unpacked") -> Iterator[tarfile.TarInfo]:
    while (member := _next(archive, stream)) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # tarfile remembers every member it has seen
        if len(archive.pax_headers) > GLOBAL_LIMIT:
            raise BadArchive(f"it has more than {GLOBAL_LIMIT} global pax records; expected at most that many")
        yield member


def _next(archive: tarfile.TarFile, stream: "_Unpacked") -> tarfile.TarInfo | None:
    with stream.within_header():
        return archive.next()


def _check_member(member: tarfile.TarInfo) -> PurePosixPath:
    path = check_path(member.name)
    if member.issym():
        check_path(_joined(path.parent, member.linkname))
    elif member.islnk():
        check_path(member.linkname)
    elif not (member.isreg() or member.isdir()):
        raise BadArchive(f"it holds {shown(member.name)}, a device; expected files, directories and links")
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


class _Unpacked(io.RawIOBase):
    """A forward-only file over a decompressor; raises BadArchive where it unpacks to too much.

    The bound follows what has been read of the packed file, so a bomb is found out early. `last` is
    what the last read returned.
    """

    def __init__(self, source: BinaryIO, packed: BinaryIO) -> None:
        self._source = source
        self._packed = packed
        self._at = 0
        self._header_left: int | None = HEADER_LIMIT  # bytes; None between headers. TarFile opens with one
        self.last = b""

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    @contextmanager
    def within_header(self) -> Iterator[None]:
        """What is read in here is the headers of one member, which `tarfile` holds in memory all at once."""
        self._header_left = HEADER_LIMIT
        yield
        self._header_left = None

    def read(self, size: int = -1, /) -> bytes:
        if self._header_left is None:
            return self._take(size, READ_LIMIT)
        data = self._take(size, self._header_left)
        self._header_left -= len(data)
        if _LONG_NUMBER.search(data):  # CVE-2024-6232: the time tarfile takes grows with its square
            raise BadArchive("a header holds a number of 100 digits or more; expected fewer")
        return data

    def _take(self, size: int, limit: int) -> bytes:
        if not 0 <= size <= limit:
            raise BadArchive(f"a header claims {size} bytes; expected at most {limit}")
        data = self.last = self._source.read(size)
        self._at += len(data)
        check_unpacked(self._at, self._packed.tell())
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Skip forward by reading; only `tarfile` calls this, and it never goes back."""
        while whence == io.SEEK_SET and self._at < offset:
            if not self._take(min(CHUNK, offset - self._at), CHUNK):
                raise EOFError("it ends in the middle of a member")
        return self._at

    def read_to_end(self) -> None:
        """Read the rest, so that the decompressor has checked its last byte."""
        while self._take(CHUNK, CHUNK):
            pass
