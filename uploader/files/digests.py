"""What a client says that its bytes come to: `Content-Digest` and `Repr-Digest` (RFC 9530), and what was there before.

That is `Digest` (RFC 3230) and `Content-MD5` (RFC 1864).
"""

import base64
from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import web

from store.errors import Refused, shown
from uploader.upload.arriving import Arriving

FIELDS = ("Content-Digest", "Repr-Digest")  # the same here, where nothing is encoded and nothing is sent in part
OLD, MD5 = "Digest", "Content-MD5"
_NAMES = {"sha-512": "sha512_digest", "sha-256": "sha256_digest", "md5": "md5_digest"}  # of RFC 9530, as `Arriving`'s
EXPECTED = "expected such as sha-256=:BASE64:, or sha-512 or md5"


class Said(NamedTuple):
    """One digest, and in which field."""

    field: str
    algorithm: str
    digest: bytes

    @property
    def name(self) -> str:
        """As `Arriving` has it."""
        return _NAMES[self.algorithm]


def read_digests(request: web.Request) -> list[Said]:
    """All that can be compared. Refused where a field has none: whoever sent it counts on its being checked."""
    found = [said for field in FIELDS if field in request.headers for said in _read_field(request, field)]
    if OLD in request.headers:
        found += _read_old(", ".join(request.headers.getall(OLD)))
    if MD5 in request.headers:
        found.append(Said(MD5, "md5", _decode(request.headers[MD5], MD5)))
    return found


def _read_old(text: str) -> list[Said]:
    """As `_read_field`: names in any case, without quotes."""
    pairs = [part.strip().partition("=") for part in text.split(",")]
    known = [Said(OLD, key.lower(), _decode(value, OLD)) for key, _, value in pairs if key.lower() in _NAMES]
    if not known:
        raise Refused(f"{OLD}: {shown(text)} has no digest that can be checked; expected such as sha-256=BASE64")
    return known


def _decode(text: str, field: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except ValueError as error:
        raise Refused(f"{field}: {shown(text)} is no base64; expected a digest in base64") from error


def _read_field(request: web.Request, field: str) -> list[Said]:
    from http_sf import StructuredFieldError, parse  # noqa: PLC0415 - 0.6 MB, for who sends digests

    text = ", ".join(request.headers.getall(field))
    try:
        found = parse(text.encode("utf-8", "surrogateescape"), tltype="dictionary")
    except StructuredFieldError as error:
        raise Refused(f"{field}: {shown(text)} is no dictionary of digests; {EXPECTED}") from error
    known = [Said(field, key, _read_bytes(value)) for key, value in _items(found) if key in _NAMES]
    if not all(said.digest for said in known) or not known:
        raise Refused(f"{field}: {shown(text)} has no digest that can be checked; {EXPECTED}")
    return known


def _items(found: object) -> list[tuple[str, object]]:
    return list(found.items()) if isinstance(found, Mapping) else []


def _read_bytes(value: object) -> bytes:
    """A byte sequence, whatever parameters it has; empty for anything else."""
    value = value[0] if isinstance(value, tuple) else value
    return value if isinstance(value, bytes) else b""


def check_digests(said: list[Said], file: Arriving) -> None:
    """Refused where what came is not what was said."""
    for each in said:
        found = bytes.fromhex(file.digest(each.name))
        if each.digest != found:
            here = f"{each.algorithm}=:{base64.b64encode(found).decode()}:"
            sent = base64.b64encode(each.digest).decode()
            raise Refused(f"{each.field}: {each.algorithm}=:{sent[:200]}: does not match what came, which has {here}")
