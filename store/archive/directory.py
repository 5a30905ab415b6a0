"""A zip's directory: where it lies, and what it says of each member.

A copy that was cut off inside a nested zip ends like a zip; one that was cut off anywhere else has
no end at all. Both are found before anything is unpacked. (APPNOTE.TXT 4.3.12 to 4.3.16, 4.5.3, 4.6.9.)
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from store.archive.limits import MEMBER_LIMIT
from store.archive.packed import Packed
from store.errors import BadArchive

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s2xBx2H4x3L3H8xL")
_COMMENT_LIMIT = 0xFFFF
_ENTRY_SIZES = range(_ENTRY.size, 1024)  # a directory entry's bytes: the least, and more than any average
_NEWEST = 63  # the version of the format, in tenths, up to which all is known
UTF8 = 1 << 11  # the flag of a name in UTF-8
_NO_NAME = memoryview(b"")
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075  # extra fields


class Entry(NamedTuple):
    """What the directory says of a member. Names are parts of it that are copied only when they are asked for."""

    raw_name: memoryview
    unicode_path: memoryview
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int

    @property
    def name(self) -> str:
        """As `zipfile` has it: up to the first NUL, and cp437 unless it says otherwise."""
        if self.unicode_path:
            return str(self.unicode_path, "utf-8")
        return str(self.raw_name, "utf-8" if self.flags & UTF8 else "cp437").partition("\0")[0]


@dataclass(frozen=True)
class _End:
    members: int
    directory_size: int
    directory_offset: int
    position: int  # where the directory has to end


def read_directory(packed: Packed) -> tuple[list[Entry], int]:
    """All entries, and where the directory begins; BadArchive unless it lies where its end says, whole and bounded."""
    end = _read_end(packed)
    if end.members > MEMBER_LIMIT:
        raise BadArchive(f"it holds {end.members} members; expected at most {MEMBER_LIMIT}")
    if end.directory_size not in range(end.members * _ENTRY_SIZES.start, end.members * _ENTRY_SIZES.stop + 1):
        raise BadArchive(
            f"its directory of {end.members} members claims {end.directory_size} bytes; "
            f"expected {_ENTRY_SIZES.start} to {_ENTRY_SIZES.stop} for each"
        )
    if end.directory_offset + end.directory_size != end.position:
        raise BadArchive("it is not a whole zip archive: its directory is not where its end says")
    directory = packed.peek(end.directory_offset, end.directory_size)
    return _parse_entries(memoryview(directory), end.members), end.directory_offset


def _parse_entries(directory: memoryview, members: int) -> list[Entry]:
    """So many entries, that follow one another from the first byte to the last."""
    entries: list[Entry] = []
    at = 0
    while at + _ENTRY.size <= len(directory) and len(entries) <= members:
        signature, version, flags, method, crc, packed, size, *lengths, offset = _ENTRY.unpack_from(directory, at)
        if signature != b"PK\x01\x02":
            break
        if version > _NEWEST:
            raise BadArchive(f"it needs version {version / 10} of the zip format; expected at most {_NEWEST / 10}")
        extra_at = at + _ENTRY.size + lengths[0]
        name, extra = directory[at + _ENTRY.size : extra_at], directory[extra_at : extra_at + lengths[1]]
        entry = Entry(name, _NO_NAME, flags, method, crc, packed, size, offset)
        entries.append(_extended(entry, extra) if extra else entry)
        at += _ENTRY.size + sum(lengths)
    if at != len(directory) or len(entries) != members:
        raise BadArchive(f"it is not a whole zip archive: its directory is not of the {members} members expected")
    return entries


def _extended(entry: Entry, extra: memoryview) -> Entry:
    """With what the extra fields say: sizes and offset that need 64 bits, and the name in another encoding."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        field = extra[4 : 4 + length]
        if len(field) != length:
            raise BadArchive(f"its directory has an extra field {kind:#06x} cut off; expected {length} bytes")
        if kind == _ZIP64:
            entry = _with_64_bits(entry, field)
        elif kind == _UNICODE_PATH and field[:5] == struct.pack("<BL", 1, crc32(entry.raw_name)):
            entry = entry._replace(unicode_path=field[5:])
        extra = extra[4 + length :]
    return entry


def _with_64_bits(entry: Entry, field: memoryview) -> Entry:
    numbers = iter(struct.unpack_from(f"<{len(field) // 8}Q", field))
    try:
        size = next(numbers) if entry.size in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) else entry.size
        packed = next(numbers) if entry.packed == 0xFFFFFFFF else entry.packed
        offset = next(numbers) if entry.offset == 0xFFFFFFFF else entry.offset
    except StopIteration:
        raise BadArchive("its directory has a zip64 field that is too short") from None
    return entry._replace(size=size, packed=packed, offset=offset)


def _read_end(packed: Packed) -> _End:
    start = max(0, packed.size - _END.size - _COMMENT_LIMIT)
    tail = packed.peek(start, packed.size - start)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise BadArchive("it is not a whole zip archive: its end is missing")
    fields = _END.unpack_from(tail, at)
    if at + _END.size + fields[7] != len(tail):
        raise BadArchive("it is not a whole zip archive: bytes follow its end")
    end = _End(fields[4], fields[5], fields[6], start + at)
    return _read_end64(packed, end) or end


def _read_end64(packed: Packed, end: _End) -> _End | None:
    """The zip64 end, where there is one: right before its locator, the only place where others look for it."""
    position = end.position - _LOCATOR.size - _END64.size
    if position < 0:
        return None
    data = packed.peek(position, _END64.size + _LOCATOR.size)
    signature, disk, offset, disks = _LOCATOR.unpack_from(data, _END64.size)
    if signature != b"PK\x06\x07":
        return None
    if offset != position or not data.startswith(b"PK\x06\x06"):
        raise BadArchive("it is not a whole zip archive: its zip64 end is missing")
    if disk or disks > 1:
        raise BadArchive(f"it is not a whole zip archive: it is one of {disks}; expected one")
    fields = _END64.unpack_from(data)
    return _End(fields[7], fields[8], fields[9], position)
