"""Streams around a tar: what a file holds, unpacked in pieces and checked to the last byte (RFC 1952)."""

import bz2
import struct
from collections.abc import Callable, Iterator

from store.archive.inflate import crc32, inflate
from store.archive.packed import Span

_HEADER = struct.Struct("<2s2B6x")
_TRAILER = struct.Struct("<2L")
_CHECKED, _EXTRA, _NAMED, _COMMENTED = 2, 4, 8, 16  # flags


def unpack(span: Span, suffix: str) -> Iterator[bytes]:
    """The pieces of the tar in a file of this suffix."""
    return _UNPACKERS[suffix](span)


def _unpack_gzip(span: Span) -> Iterator[bytes]:
    """One gzip member or several, with zeros after each, as `gzip` reads them."""
    while _read_header(span):
        crc = size = 0
        for piece in inflate(span):
            crc = crc32(piece, crc)
            size += len(piece)
            yield piece
        _check_trailer(span, crc, size)


def _read_header(span: Span) -> bool:
    """Take a member's header; False at the end of the file."""
    span.meter.check()  # a member may hold nothing
    start = _skip_zeros(span) if span.tell() else span.read(1)
    if not start:
        return False
    magic, method, flags = _HEADER.unpack(start + span.take(_HEADER.size - 1))
    if magic != b"\x1f\x8b":
        raise ValueError(f"Not a gzipped file ({magic!r})")
    if method != 8:
        raise ValueError("Unknown compression method")
    if flags & _EXTRA:
        span.take(int.from_bytes(span.take(2), "little"))
    for _ in range(bool(flags & _NAMED) + bool(flags & _COMMENTED)):
        _skip_text(span)
    if flags & _CHECKED:
        span.take(2)
    return True


def _skip_zeros(span: Span) -> bytes:
    """The first byte that is none, or nothing."""
    while piece := span.read():
        if rest := piece.lstrip(b"\0"):
            span.put_back(rest[1:])
            return rest[:1]
    return b""


def _skip_text(span: Span) -> None:
    while piece := span.read():
        _, end, rest = piece.partition(b"\0")
        if end:
            span.put_back(rest)
            return
    raise EOFError("it ends in the middle of its header")


def _check_trailer(span: Span, crc: int, size: int) -> None:
    expected = _TRAILER.unpack(span.take(_TRAILER.size))
    if expected[0] != crc:
        raise ValueError(f"CRC check failed {expected[0]:#x} != {crc:#x}")
    if expected[1] != size & 0xFFFFFFFF:
        raise ValueError("Incorrect length of data produced")


class _Metered:
    """A span, for a library that takes much of it and much time before it gives anything."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def read(self, size: int) -> bytes:
        self._span.meter.check()
        return self._span.read(size)


def _unpack_bz2(span: Span) -> Iterator[bytes]:
    with bz2.BZ2File(_Metered(span)) as stream:  # type: ignore[call-overload]  # it calls nothing but read
        yield from iter(lambda: stream.read1(1 << 15), b"")


def _unpack_plain(span: Span) -> Iterator[bytes]:
    return iter(span.read, b"")


_UNPACKERS: dict[str, Callable[[Span], Iterator[bytes]]] = {
    ".tar.gz": _unpack_gzip,
    ".tgz": _unpack_gzip,
    ".tar.bz2": _unpack_bz2,
    ".tar": _unpack_plain,
}
