"""A POST → one form: the fields that matter, and the file, streamed to disk with its digests."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError, PayloadEncodingError

from store.errors import Refused
from uploader.answers import Denied

CHUNK = 1 << 18  # bytes
FIELD_LIMIT = 64 << 10  # bytes of a field that matters, a signature among them
FIELDS_LIMIT = 32 << 20  # bytes of all other fields, which are read and dropped
FIELDS_ALLOWANCE = 1 << 20  # bytes of form that are not held against the limit of the file

DIGESTS: dict[str, Callable[[], "hashlib._Hash | hashlib.blake2b"]] = {
    "md5_digest": lambda: hashlib.md5(usedforsecurity=False),
    "sha256_digest": hashlib.sha256,
    "blake2_256_digest": lambda: hashlib.blake2b(digest_size=32),
}
TEXTS = (":action", "name", "version", *DIGESTS)
ABSENT = ("", "UNKNOWN", "None")  # what distutils sends for a value it does not have


@dataclass
class Form:
    """What came: `digests` are of the file as it arrived."""

    texts: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    digests: dict[str, str] = field(default_factory=dict)
    signature: bytes | None = None


def check_length(request: web.Request, max_upload: int, limit: str) -> None:
    """Raise 413 before the body is read, where its announced length alone is too much."""
    allowance = min(FIELDS_ALLOWANCE, max_upload // 8)
    if (request.content_length or 0) > max_upload + allowance:
        raise too_large(limit, f"{request.content_length} bytes")


def too_large(limit: str, size: str) -> Denied:
    return Denied(413, f"File too large: {size}; expected at most max_upload = {limit}")


async def receive(request: web.Request, file: BinaryIO, max_upload: int, limit: str) -> Form:
    """Read the whole form, in whatever order its fields come; the file goes to `file`."""
    if request.content_type != "multipart/form-data":
        raise Denied(415, f"{request.content_type!r} is no upload; expected multipart/form-data, as twine sends it")
    form = Form()
    try:
        reader = await request.multipart()
        dropped = 0
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise Refused("a multipart within the multipart; expected the fields of an upload")
            dropped += await _receive_part(part, form, file, (max_upload, limit))
            if dropped > FIELDS_LIMIT:
                raise Denied(413, f"the form has more than {FIELDS_LIMIT >> 20} MiB beside the file")
    except Refused:
        raise
    except (ValueError, AssertionError, RuntimeError, LookupError, HttpProcessingError, PayloadEncodingError) as error:
        raise _misframed(request) from error
    return form


def _misframed(request: web.Request) -> Denied:
    """`setup.py register` frames its form with bare LF, and is the only one to name a charset."""
    if request.charset is not None:
        return Denied(410, "`setup.py register` is not needed here: a project begins with its first upload")
    return Denied(400, "the form is cut off, or not framed as RFC 7578 has it; expected what twine sends")


async def _receive_part(part: BodyPartReader, form: Form, file: BinaryIO, bound: tuple[int, str]) -> int:
    if part.name == "content":
        await _receive_file(part, form, file, bound)
    elif part.name == "gpg_signature":
        form.signature = await _read_small(part)
    elif part.name in TEXTS and part.name not in form.texts:
        form.texts[part.name] = (await _read_small(part)).decode("utf-8", "replace").strip()
    else:
        return await _drop(part)
    return 0


async def _receive_file(part: BodyPartReader, form: Form, file: BinaryIO, bound: tuple[int, str]) -> None:
    if form.filename is not None:
        raise Refused("two files in one upload; expected one part named 'content'")
    if not part.filename:
        raise Refused("the part 'content' has no file name; expected the distribution's")
    form.filename = part.filename
    hashes = {name: create() for name, create in DIGESTS.items()}
    size = 0
    while chunk := await part.read_chunk(CHUNK):
        size += len(chunk)
        if size > bound[0]:
            raise too_large(bound[1], f"more than {bound[0]} bytes")
        for each in hashes.values():
            each.update(chunk)
        file.write(chunk)
    form.digests = {name: each.hexdigest() for name, each in hashes.items()}


async def _read_small(part: BodyPartReader) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(CHUNK):
        data += chunk
        if len(data) > FIELD_LIMIT:
            raise Refused(f"the field {part.name!r} has more than {FIELD_LIMIT >> 10} KiB; expected less")
    return bytes(data)


async def _drop(part: BodyPartReader) -> int:
    size = 0
    while chunk := await part.read_chunk(CHUNK):
        size += len(chunk)
    return size
