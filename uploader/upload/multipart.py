"""A form as RFC 7578 frames it, taken apart as it comes: bytes in, parts and their bytes out. Knows no connection."""

import re
from typing import NamedTuple
from urllib.parse import unquote

from store.errors import Refused

BOUNDARY_LIMIT = 70  # characters (RFC 2046, 5.1.1)
HEAD_LIMIT = 64 << 10  # bytes of the header fields of one part
LINE_LIMIT = 200  # bytes of a line with a boundary, which may be padded

_BOUNDARY = re.compile(r';[ \t]*boundary=(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
_PLAIN = re.compile(r'form-data; ?name="([^"\\]*)"(?:; ?filename="([^"\\]*)")?', re.IGNORECASE)  # what clients send
_PARAMETER = re.compile(r'[ \t]*;[ \t]*([^\s=;"]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*')
_EXTENDED = re.compile(r"utf-8'[^']*'(.*)", re.IGNORECASE)  # RFC 8187; other encodings are nobody's


class Misframed(ValueError):
    """What came is no form, or not the whole of one."""


class Part(NamedTuple):
    """A part begins here: the bytes that follow are its own."""

    name: str | None
    filename: str | None


def parse_boundary(content_type: str) -> bytes:
    """The boundary that the header Content-Type names; Misframed where there is none that can be."""
    found = _BOUNDARY.search(content_type)
    boundary = (found[1] or found[2]) if found else ""
    if not 0 < len(boundary) <= BOUNDARY_LIMIT:
        raise Misframed(f"a boundary of {len(boundary)} characters")
    return boundary.encode("utf-8", "surrogateescape")


class Splitter:
    """Takes a form apart. Holds back what may be part of a boundary, or of the head of a part, and nothing else."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._data = b"\r\n"  # the first boundary needs no line before it
        self._at = 0
        self._step = self._pass_preamble
        self._found: list[Part | bytes] = []
        self.is_complete = False

    def feed(self, data: bytes) -> list[Part | bytes]:
        """What these bytes make known: parts that begin, and bytes of the one that did last. Misframed, or Refused."""
        self._data, self._at = self._data[self._at :] + data, 0
        while self._step():
            pass
        found, self._found = self._found, []
        return found

    def _pass_preamble(self) -> bool:
        return self._to_boundary(is_content=False)

    def _pass_content(self) -> bool:
        return self._to_boundary(is_content=True)

    def _to_boundary(self, *, is_content: bool) -> bool:
        """Pass everything up to a boundary, which is gone with the line end before it."""
        end = self._data.find(self._delimiter, self._at)
        known = end if end >= 0 else max(self._at, len(self._data) - len(self._delimiter) + 1)
        if is_content and known > self._at:
            self._found.append(self._data[self._at : known])
        self._at = known
        if end < 0:
            return False
        self._at += len(self._delimiter)
        self._step = self._end_line
        return True

    def _end_line(self) -> bool:
        """What follows a boundary in its line: the end of the form, or nothing."""
        if len(self._data) - self._at < 2:
            return False
        if self._data.startswith(b"--", self._at):
            self._step, self.is_complete = self._pass_epilogue, True
            return True
        end = self._data.find(b"\r\n", self._at)
        if (end if end >= 0 else len(self._data)) - self._at > LINE_LIMIT or self._data[self._at : end].strip(b" \t"):
            raise Misframed("a line that begins like a boundary")
        if end >= 0:
            self._at, self._step = end, self._read_head
        return end >= 0

    def _read_head(self) -> bool:
        """The header fields of a part, from the line end before them to the empty line after."""
        end = self._data.find(b"\r\n\r\n", self._at)
        if (end if end >= 0 else len(self._data)) - self._at > HEAD_LIMIT:
            raise Misframed(f"the head of a part with more than {HEAD_LIMIT} bytes")
        after = end + 4
        if end < 0 or len(self._data) < after + len(self._delimiter):
            return False
        self._found.append(parse_head(self._data[self._at + 2 : end].decode("utf-8", "surrogateescape")))
        # a part may be empty, and then some leave out the line end of its own
        self._at = end + 2 if self._data.startswith(self._delimiter, end + 2) else after
        self._step = self._pass_content
        return True

    def _pass_epilogue(self) -> bool:
        self._at = len(self._data)
        return False


def parse_head(head: str) -> Part:
    """The header fields of one part; Misframed, or Refused for a form within the form."""
    part = Part(None, None)
    unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ")
    for line in unfolded.split("\r\n") if head else ():
        name, colon, value = line.partition(":")
        if not colon or not name.isascii() or name != name.strip():
            raise Misframed("a line in the head of a part that is no header field")
        if name.lower() == "content-disposition":
            part = _parse_disposition(value.strip(" \t"))
        elif name.lower() == "content-type" and value.strip(" \t").lower().startswith("multipart/"):
            raise Refused("a multipart within the multipart; expected the fields of an upload")
    return part


def _parse_disposition(value: str) -> Part:
    """RFC 6266, with the parameters that RFC 7578 gives a meaning; continuations have none."""
    if plain := _PLAIN.fullmatch(value):
        return Part(plain[1], plain[2])
    kind, _, _ = value.partition(";")
    parameters, at = {}, len(kind)
    while found := _PARAMETER.match(value, at):
        parameters[found[1].lower()] = re.sub(r"\\(.)", r"\1", found[2]) if found[3] is None else found[3]
        at = found.end()
    if at < len(value) or kind.strip().lower() != "form-data":
        raise Misframed("a Content-Disposition that is not form-data with parameters")
    return Part(parameters.get("name"), _parse_extended(parameters) or parameters.get("filename"))


def _parse_extended(parameters: dict[str, str]) -> str | None:
    extended = _EXTENDED.fullmatch(parameters.get("filename*", ""))
    return unquote(extended[1]) if extended else None
