"""The headers of tar members as nearly every writer makes them: plain ustar, with GNU long names or pax records.

Whatever else there is, `tarfile` knows; here it is None. (POSIX.1-2001, pax interchange format; GNU tar manual.)
"""

import os
import re
from typing import NamedTuple

BLOCK = 512  # bytes

_OCTAL = rb"(?:[0-7]{7}[ \0]|[0-7]{6}(?: \0|\0 |\0\0|  ))"
_OWNER = rb"(?:[0-7]{7}[ \0]|[0-7]{6}(?: \0|\0 |\0\0|  )|\x80.{7})"
_SIZE = rb"([0-7]{11})[ \0]"
_TIME = rb"(?:[0-7]{11}[ \0]|[\x80\xff].{11})"
_DEVICE = rb"(?:[0-7]{7}[ \0]|[0-7]{6}(?: \0|\0 |\0\0|  )|\0{8})"
_PLAIN = re.compile(
    rb"(.{100})" + _OCTAL + _OWNER + _OWNER + _SIZE + _TIME + rb"([0-7]{6,7})[ \0]{1,2}([0125LKx])(.{100})"
    rb"(?:ustar\x0000|ustar  \0).{64}" + _DEVICE + _DEVICE + rb"(.{155}).{12}",
    re.DOTALL,
)
_RECORD = re.compile(rb"([1-9][0-9]{0,6}) ([^=\n\0]+)=")
_LONG_NUMBER = re.compile(rb"[0-9]{100}")
_NAMES = {b"path": "name", b"linkpath": "linkname"}
_SPECIAL = (b"size", b"hdrcharset")  # and sparse files: these say where what follows lies


class Header(NamedTuple):
    """What a member's header says."""

    kind: str  # one of 0 1 2 5 for a file, a hard link, a symbolic link and a directory; L K x for what precedes them
    name: str
    linkname: str
    size: int

    @property
    def padded_size(self) -> int:
        """The bytes that its content takes."""
        return -(-self.size // BLOCK) * BLOCK

    def extended(self, said: dict[str, str]) -> "Header":
        """With what the headers before it said."""
        return self._replace(name=said.get("name", self.name), linkname=said.get("linkname", self.linkname))


def parse_header(block: bytes) -> Header | None:
    """The header in this block; None where it is not plain, or its checksum is not that of the block."""
    match = _PLAIN.fullmatch(block)
    if match is None:
        return None
    name, size, checksum, kind, linkname, prefix = match.groups()
    if int(checksum, 8) != sum(block) - sum(block[148:156]) + 8 * ord(" "):
        return None
    if prefix[0]:
        name = _text(prefix) + b"/" + _text(name)
    target = os.fsdecode(_text(linkname)) if linkname[0] else ""
    return Header(kind.decode(), os.fsdecode(_text(name)), target, int(size, 8))


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def parse_extension(header: Header, content: bytes) -> dict[str, str] | None:
    """What one of the kinds L, K and x says of the member that follows: its name, its linkname; None where more."""
    if holds_long_number(content):
        return None
    if header.kind == "x":
        return None if content[header.size :].strip(b"\0") else _parse_records(content[: header.size])
    return {"name" if header.kind == "L" else "linkname": os.fsdecode(_text(content))}


def _parse_records(content: bytes) -> dict[str, str] | None:
    found: dict[str, str] = {}
    at = 0
    while at < len(content):
        record = _RECORD.match(content, at)
        if record is None or record[2].startswith(b"GNU.sparse.") or record[2] in _SPECIAL:
            return None
        end = at + int(record[1])
        if end > len(content) or end <= record.end() or content[end - 1] != 0x0A:
            return None
        if field := _NAMES.get(record[2]):
            try:
                found[field] = content[record.end() : end - 1].decode()
            except UnicodeDecodeError:
                return None
        at = end
    return found


def holds_long_number(data: bytes) -> bool:
    """True where the time that `tarfile` takes can grow with the square of a number's digits (CVE-2024-6232)."""
    return len(data) > BLOCK and _LONG_NUMBER.search(data) is not None
