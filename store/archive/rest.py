"""What only `tarfile` knows of tars: global records, sparse files, older ways to write a number, and what is wrong."""

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from store.archive.headers import holds_long_number
from store.archive.limits import check_link, check_path
from store.archive.member import Member
from store.archive.unpacked import Unpacked
from store.errors import BadArchive, shown

READ_LIMIT = 16 << 20  # bytes of content at once
HEADER_LIMIT = 1 << 20  # bytes of all headers of one member, long names and pax records among them
RECORDS_PACE = 1e-6  # seconds of CPU that reading a byte of them takes at most
GLOBAL_LIMIT = 100  # pax records for all members
UNENDED = "its end-of-archive mark is missing"


def read_rest(stream: Unpacked) -> Iterator[Member]:
    """The members from where the stream is to the end mark."""
    forward = _Forward(stream)
    with tarfile.TarFile(fileobj=cast("io.BytesIO", forward), mode="r") as archive:
        for member in _walk(archive, forward):
            yield _as_member(archive, member)
    if forward.last != bytes(tarfile.BLOCKSIZE):  # tarfile takes a damaged header, or none, for the end
        raise EOFError(UNENDED)


def _walk(archive: tarfile.TarFile, forward: "_Forward") -> Iterator[tarfile.TarInfo]:
    while (member := _next(archive, forward)) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # tarfile remembers every member it has seen
        if len(archive.pax_headers) > GLOBAL_LIMIT:
            raise BadArchive(f"it has more than {GLOBAL_LIMIT} global pax records; expected at most that many")
        yield member


def _next(archive: tarfile.TarFile, forward: "_Forward") -> tarfile.TarInfo | None:
    with forward.within_header():
        return archive.next()


def _as_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Member:
    parts = check_path(member.name)
    if member.issym():
        check_link(parts, member.linkname)
    elif member.islnk():
        check_path(member.linkname)
    elif not (member.isreg() or member.isdir()):
        raise BadArchive(f"it holds {shown(member.name)}, a device; expected files, directories and links")
    content = archive.extractfile(member) if member.isreg() else None
    return Member(parts, content.read if content else None)


class _Forward(io.RawIOBase):
    """The stream as `tarfile` wants it: a file, at which it may ask for no more than there can be.

    `last` is what the last read returned.
    """

    def __init__(self, stream: Unpacked) -> None:
        self._stream = stream
        self._header_left: int | None = HEADER_LIMIT  # bytes; None between headers. TarFile opens with one
        self.last = b""

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()

    @contextmanager
    def within_header(self) -> Iterator[None]:
        """What is read in here is the headers of one member, which `tarfile` holds in memory all at once."""
        self._header_left = HEADER_LIMIT
        yield
        self._header_left = None

    def read(self, size: int = -1, /) -> bytes:
        if self._header_left is None:
            return self._take(size, READ_LIMIT)
        self._stream.meter.expect(size * RECORDS_PACE)
        data = self._take(size, self._header_left)
        self._header_left -= len(data)
        if holds_long_number(data):
            raise BadArchive("a header holds a number of 100 digits or more; expected fewer")
        return data

    def _take(self, size: int, limit: int) -> bytes:
        if not 0 <= size <= limit:
            raise BadArchive(f"a header claims {size} bytes; expected at most {limit}")
        self.last = self._stream.take(size)
        return self.last

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Skip forward; only `tarfile` calls this, and goes back only behind a header that it could not read."""
        if whence != io.SEEK_SET or offset < self.tell():
            raise EOFError(UNENDED)
        self._stream.skip(offset - self.tell())
        return offset
