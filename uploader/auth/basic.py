"""The Authorization header (RFC 7617): who somebody says to be."""

import base64
import binascii
import unicodedata
from typing import NamedTuple


class Credentials(NamedTuple):
    """As it came, byte for byte; nothing is proved yet."""

    name: bytes
    password: bytes


def parse_basic(header: str | None) -> Credentials | None:
    """The credentials, or None where the header is missing or anything else than Basic."""
    scheme, _, encoded = (header or "").strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip().encode("ascii"), validate=True).partition(b":")
    except (binascii.Error, UnicodeEncodeError):
        return None
    return Credentials(name, password) if colon else None


def render_basic(credentials: Credentials) -> str:
    """The header with these in it."""
    return "Basic " + base64.b64encode(b"%b:%b" % credentials).decode()


def list_spellings(credentials: Credentials) -> list[Credentials]:
    """pip and twine send what is not ASCII in latin-1, uv in UTF-8: either will do."""
    as_utf8 = Credentials(*(text.decode("latin-1").encode() for text in credentials))
    return [credentials] if as_utf8 == credentials else [credentials, as_utf8]


def fold(name: str) -> str:
    """The same for all spellings that a directory service takes for one user (RFC 4518)."""
    plain = "".join(each for each in unicodedata.normalize("NFKC", name) if unicodedata.category(each) != "Cf")
    return " ".join(plain.casefold().split())


def list_names(credentials: Credentials) -> list[str]:
    """Who may be meant by them."""
    return [decode_name(each.name) for each in list_spellings(credentials)]


def claimed_name(header: str | None) -> str | None:
    """The name that was tried, however odd; None where there is none."""
    credentials = parse_basic(header)
    return None if credentials is None else decode_name(credentials.name)


def decode_name(name: bytes) -> str:
    """A user's name as text; bytes that are not UTF-8 stay recognisable."""
    return name.decode("utf-8", "surrogateescape")
