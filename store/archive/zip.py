"""Zip files: one zip from its first byte to its last, every member read to its checksum.

A copy that was cut off inside a nested zip ends like a zip; one that was cut off anywhere else has
no end at all. Both are found before `zipfile` reads the directory into memory.
(APPNOTE.TXT 4.3.12 to 4.3.16.)
"""

import io
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, BinaryIO

from store.archive.limits import CHUNK, MEMBER_LIMIT, check_path, check_unpacked
from store.errors import BadArchive, shown

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s24x3H12x")  # of a directory entry: the signature, the lengths of what follows
_COMMENT_LIMIT = 0xFFFF
_ENTRY_SIZES = range(46, 1024)  # a directory entry's bytes: the least, and more than any average


def read_zip(file: BinaryIO) -> Iterator[tuple[PurePosixPath, IO[bytes] | None]]:
    """The members in the directory's order; see `read_members`."""
    _check_directory(file, _read_end(file))
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        check_unpacked(sum(member.file_size for member in members), file.seek(0, io.SEEK_END))
        for member in members:
            yield from _read_member(archive, member)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[tuple[PurePosixPath, IO[bytes] | None]]:
    path = check_path(member.filename)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadArchive(
            f"{shown(member.filename)} is packed by method {member.compress_type}; expected stored or deflated"
        )
    with archive.open(member) as content:
        yield path, None if member.is_dir() else content
        while content.read(CHUNK):  # to the end, where zipfile compares the CRC
            pass


@dataclass(frozen=True)
class _End:
    members: int
    directory_size: int
    directory_offset: int
    position: int  # where the directory has to end


def _check_directory(file: BinaryIO, end: _End) -> None:
    """Raise BadArchive unless the directory lies where its end says, and holds as many members, few enough."""
    if end.members > MEMBER_LIMIT:
        raise BadArchive(f"it holds {end.members} members; expected at most {MEMBER_LIMIT}")
    if end.directory_size not in range(end.members * _ENTRY_SIZES.start, end.members * _ENTRY_SIZES.stop + 1):
        raise BadArchive(
            f"its directory of {end.members} members claims {end.directory_size} bytes; "
            f"expected {_ENTRY_SIZES.start} to {_ENTRY_SIZES.stop} for each"
        )
    if end.directory_offset + end.directory_size != end.position:
        raise BadArchive("it is not a whole zip archive: its directory is not where its end says")
    file.seek(end.directory_offset)
    if _count_entries(file.read(end.directory_size), end.members + 1) != end.members:
        raise BadArchive(f"it is not a whole zip archive: its directory is not of the {end.members} members expected")


def _count_entries(directory: bytes, enough: int) -> int:
    """How many entries follow one another from the first byte to the last; -1 where that is not so."""
    at = count = 0
    while at < len(directory) and count < enough:
        if len(directory) - at < _ENTRY.size or not directory.startswith(b"PK\x01\x02", at):
            return -1
        at += _ENTRY.size + sum(_ENTRY.unpack_from(directory, at)[1:])
        count += 1
    return count if at == len(directory) else -1


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
    """The zip64 end, where there is one: right before its locator, the only place `zipfile` looks in."""
    position = end.position - _LOCATOR.size - _END64.size
    if position < 0:
        return None
    file.seek(position)
    data = file.read(_END64.size + _LOCATOR.size)
    signature, _, offset, _ = _LOCATOR.unpack_from(data, _END64.size)
    if signature != b"PK\x06\x07":
        return None
    if offset != position or not data.startswith(b"PK\x06\x06"):
        raise BadArchive("it is not a whole zip archive: its zip64 end is missing")
    fields = _END64.unpack_from(data)
    return _End(fields[7], fields[8], fields[9], position)
