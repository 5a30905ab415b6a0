"""The end of a zip file: whether it is there, and whether it speaks of this very file.

A copy that was cut off inside a nested zip ends like a zip; one that was cut off anywhere else has
no end at all. Both are found here, before `zipfile` reads the directory into memory.
(APPNOTE.TXT 4.3.14 to 4.3.16.)
"""

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

from store.errors import BadArchive

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_COMMENT_LIMIT = 0xFFFF
_ENTRY_SIZES = range(46, 1024)  # a directory entry's bytes: the least, and more than any average


@dataclass(frozen=True)
class _End:
    members: int
    directory_size: int
    directory_offset: int
    position: int  # where the directory has to end


def check_zip_end(file: BinaryIO, member_limit: int) -> None:
    """Raise BadArchive unless the file is one zip from its first byte to its last, of few enough members."""
    end = _read_end(file)
    if end.members > member_limit:
        raise BadArchive(f"it holds {end.members} members; expected at most {member_limit}")
    if end.directory_size not in range(end.members * _ENTRY_SIZES.start, end.members * _ENTRY_SIZES.stop + 1):
        raise BadArchive(f"its directory of {end.members} members claims {end.directory_size} bytes")
    if end.directory_offset + end.directory_size != end.position:
        raise BadArchive("it is not a whole zip archive: its directory is not where its end says")


def _read_end(file: BinaryIO) -> _End:
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - _END.size - _COMMENT_LIMIT)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise BadArchive("it is not a whole zip archive: its end is missing")
    fields = _END.unpack_from(tail, at)
    if at + _END.size + fields[7] != len(tail):
        raise BadArchive("it is not a whole zip archive: bytes follow its end")
    end = _End(fields[4], fields[5], fields[6], start + at)
    return _read_end64(file, end) or end


def _read_end64(file: BinaryIO, end: _End) -> _End | None:
    """The zip64 end, where there is one."""
    position = end.position - _LOCATOR.size
    if position < _END64.size:
        return None
    file.seek(position)
    signature, _, offset, _ = _LOCATOR.unpack(file.read(_LOCATOR.size))
    if signature != b"PK\x06\x07":
        return None
    file.seek(offset)
    data = file.read(_END64.size)
    if len(data) < _END64.size or not data.startswith(b"PK\x06\x06"):
        raise BadArchive("it is not a whole zip archive: its zip64 end is missing")
    fields = _END64.unpack(data)
    return _End(fields[7], fields[8], fields[9], offset)
