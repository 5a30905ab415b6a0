"""Zip files: every member read to its checksum, each from bytes that are its own."""

import struct
from collections.abc import Iterator
from itertools import pairwise

from store.archive.directory import UTF8, Entry, read_directory
from store.archive.inflate import crc32, inflate, inflate_at_once
from store.archive.limits import check_path, check_unpacked
from store.archive.member import Member
from store.archive.packed import Packed, Span
from store.errors import BadArchive, shown

_LOCAL = struct.Struct("<4s2xH18x2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _DESCRIBED, _PATCHED, _STRONGLY_ENCRYPTED = 1 << 0, 1 << 3, 1 << 5, 1 << 6
SMALL = 1 << 18  # bytes, packed or not, of a member that is unpacked at once: most are
_UNREADABLE = _ENCRYPTED | _PATCHED | _STRONGLY_ENCRYPTED


def read_zip(packed: Packed) -> Iterator[Member]:
    """The members in the directory's order; see `read_members`."""
    entries, end = read_directory(packed)
    check_unpacked(sum(entry.size for entry in entries), packed.size)
    ends = _find_ends(entries, end)
    for entry in entries:
        if not entry.size:  # where there is something, every piece of it is metered
            packed.meter.check()
        yield from _read_member(packed, entry, ends[entry.offset])


def _find_ends(entries: list[Entry], end: int) -> dict[int, int]:
    """Where, for a member that begins there, the next one does, or the directory."""
    offsets = sorted(entry.offset for entry in entries)
    if offsets and offsets[-1] >= end:
        raise ValueError("a member begins beyond its directory")
    ends = dict(pairwise((*offsets, end)))
    if len(ends) < len(offsets):
        raise ValueError("Overlapped entries: two begin at one place (possible zip bomb)")
    return ends


def _read_member(packed: Packed, entry: Entry, end: int) -> Iterator[Member]:
    name = entry.name
    parts = check_path(name)
    _check_readable(entry, name)
    start = _find(packed, entry, name, end)
    if entry.size <= SMALL and entry.packed <= SMALL:
        content = _unpack_at_once(packed, start, entry, name)
        yield Member(parts, None if name.endswith("/") else lambda limit: content[:limit])
    else:
        pieces = _unpack(packed, start, entry, name)
        yield Member(parts, None if name.endswith("/") else lambda limit: _gather(pieces, limit))
        for _ in pieces:  # to the end, where the checksum is compared
            pass
    data_end = start + entry.packed
    if entry.flags & _DESCRIBED and entry.crc and packed.read(data_end, min(4, end - data_end)) == bytes(4):
        raise EOFError(f"{shown(name)} is not followed by what describes it")


def _gather(pieces: Iterator[bytes], limit: int) -> bytes:
    text = b""
    while len(text) < limit and (piece := next(pieces, b"")):
        text += piece
    return text[:limit]


def _check_readable(entry: Entry, name: str) -> None:
    if entry.method not in (_STORED, _DEFLATED):
        raise BadArchive(f"{shown(name)} is packed by method {entry.method}; expected stored or deflated")
    if entry.flags & _UNREADABLE:
        raise BadArchive(f"{shown(name)} is encrypted, or a patch; expected what can be read as it is")
    if not name:
        raise ValueError("a member has no name")


def _find(packed: Packed, entry: Entry, name: str, end: int) -> int:
    """Where the member's bytes begin: after a header of its own, and so that they end before what begins next."""
    signature, flags, name_size, extra_size = _LOCAL.unpack(packed.read(entry.offset, _LOCAL.size))
    if signature != b"PK\x03\x04":
        raise ValueError(f"Bad magic number for file header of {shown(name)}")
    raw_name = packed.read(entry.offset + _LOCAL.size, name_size)
    if raw_name != entry.raw_name or ((flags ^ entry.flags) & UTF8 and not raw_name.isascii()):
        raise ValueError(f"File name in directory {shown(name)} and header differ.")
    start = entry.offset + _LOCAL.size + name_size + extra_size
    if start + entry.packed > end:
        raise ValueError(f"Overlapped entries: {shown(name)} (possible zip bomb)")
    return int(start)


def _is_stored(entry: Entry) -> bool:
    return entry.method == _STORED or not entry.packed  # some writers say that nothing is deflated


def _unpack_at_once(packed: Packed, start: int, entry: Entry, name: str) -> bytes:
    """The content; raises unless it is what the directory says. In pieces it would take twice as long."""
    data = packed.read(start, entry.packed)
    content, rest = (data, b"") if _is_stored(entry) else inflate_at_once(data, entry.size + 1)
    packed.meter.unpack(len(content), packed.size)
    _check_content(entry, name, len(content), crc32(content), rest)
    return content


def _unpack(packed: Packed, start: int, entry: Entry, name: str) -> Iterator[bytes]:
    """The content in pieces; raises after the last one unless it is what the directory says."""
    span = Span(packed, start, start + entry.packed)
    crc = size = 0
    for piece in iter(span.read, b"") if _is_stored(entry) else inflate(span):
        crc = crc32(piece, crc)
        size += len(piece)
        packed.meter.unpack(len(piece), packed.size)
        if size > entry.size:
            break
        yield piece
    _check_content(entry, name, size, crc, span.read(1))


def _check_content(entry: Entry, name: str, size: int, crc: int, rest: bytes) -> None:
    if size != entry.size or rest:
        raise ValueError(f"{shown(name)} does not have the {entry.size} bytes that the directory says")
    if crc != entry.crc:
        raise ValueError(f"Bad CRC-32 for file {shown(name)}")
