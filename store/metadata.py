"""Core metadata: the METADATA or PKG-INFO text, and the few fields Larder works with."""

import re
from dataclasses import dataclass
from functools import lru_cache

from packaging.specifiers import SpecifierSet

from store.errors import BadArchive

METADATA_LIMIT = 8 << 20  # bytes
LINE_LIMIT = 50_000  # lines before the first empty one; a README of old was among them
SPECIFIER_LIMIT = 1000  # characters

_EMPTY_LINE = re.compile(rb"\n\r?\n")
_LINE = rb"[^\r\n]*+"
_END = rb"(?:\r\n?|\n)"
_HEADERS = re.compile(rb"(?:(?:From |[!-9;-~]*+:|[ \t])" + _LINE + rb"(?:" + _END + rb"|\Z))*+")
_MORE = rb"(?:" + _END + rb"[ \t]" + _LINE + rb"){0,2000}+"  # lines: more than any of these values may have characters
_WANTED = re.compile(rb"[\r\n](Name|Version|Requires-Python):(" + _LINE + _MORE + rb")", re.IGNORECASE)


@dataclass(frozen=True)
class Metadata:
    """What the metadata inside a distribution says. Empty `requires_python` means any."""

    name: str
    version: str
    requires_python: str


def parse_metadata(text: bytes) -> Metadata:
    """Read core metadata of whatever Metadata-Version; raise BadArchive where name or version is missing.

    `UNKNOWN` is what distutils writes for an absent value.
    """
    found = _find_wanted(_fields(text))
    name, version = (_present(field, found.get(field.lower())) for field in ("Name", "Version"))
    return Metadata(name, version, _valid_specifier(found.get("requires-python", "")))


def _fields(text: bytes) -> bytes:
    """The part above the first empty line: below it is a README, of any size and in any MIME type."""
    end = _EMPTY_LINE.search(text)
    fields = text[: end.start() + 1] if end else text
    lines = fields.count(b"\n") + fields.count(b"\r")
    if len(fields) > METADATA_LIMIT or lines > LINE_LIMIT:
        raise BadArchive(
            f"its metadata has {len(fields)} bytes in {lines} lines of fields; "
            f"expected at most {METADATA_LIMIT} in {LINE_LIMIT}"
        )
    return fields


def _find_wanted(fields: bytes) -> dict[str, str]:
    """The first of each that Larder works with, by its name in lower case: what is not looked for costs nothing.

    The fields end, as for `email.parser`, before the first line that is none.
    """
    end = _HEADERS.match(fields)
    found: dict[str, str] = {}
    for match in _WANTED.finditer(b"\n" + fields[: end.end() if end else 0]):
        found.setdefault(match[1].decode().lower(), _unfold(match[2]))
    return found


def _unfold(value: bytes) -> str:
    """The value in one line. Core metadata is UTF-8; what is not was Latin-1 when there was no such rule."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return " ".join(line.strip() for line in text.splitlines()).strip()


def _present(field: str, value: str | None) -> str:
    if not value or value == "UNKNOWN":
        raise BadArchive(f"its metadata has no {field}; expected core metadata with Name and Version")
    return value


def _valid_specifier(requires_python: str) -> str:
    """The specifier, or nothing where no installer could read it (PEP 503: ignore what is malformed)."""
    if len(requires_python) > SPECIFIER_LIMIT or not (requires_python.isascii() and requires_python.isprintable()):
        return ""
    return requires_python if _is_specifier(requires_python) else ""


@lru_cache(1000)  # most projects say the same
def _is_specifier(text: str) -> bool:
    try:
        SpecifierSet(text)
    except ValueError:  # InvalidSpecifier, InvalidVersion, or Python's own for a number of too many digits
        return False
    return True
