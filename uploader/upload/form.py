"""A POST → one form: the fields that matter, and the file, streamed to disk with its digests."""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError, PayloadEncodingError

from store.errors import Refused, shown
from store.policy import Policy
from uploader.answers import HttpRefusal
from uploader.audit import note_file

CHUNK = 1 << 18  # bytes
FIELD_LIMIT = 64 << 10  # bytes of a field that matters, a signature among them
REST_LIMIT = 32 << 20  # bytes of all that is not the file: fields that are read and dropped, heads, boundaries
PARTS_LIMIT = 10_000
FIELDS_ALLOWANCE = 1 << 20  # bytes of form that are not held against the limit of the file

DIGESTS: dict[str, Callable[[], "hashlib._Hash | hashlib.blake2b"]] = {
    "md5_digest": lambda: hashlib.md5(usedforsecurity=False),
    "sha256_digest": hashlib.sha256,
    "blake2_256_digest": lambda: hashlib.blake2b(digest_size=32),
}
TEXTS = (":action", "name", "version", *DIGESTS)
ABSENT = ("", "UNKNOWN", "None")  # what distutils sends for a value it does not have
NEEDLESS = ("submit", "submit_pkg_info", "verify")

_MISFRAMED = (ValueError, AssertionError, RuntimeError, LookupError, HttpProcessingError, PayloadEncodingError)


@dataclass
class Form:
    """What came: `size` and `digests` are of the file as it arrived."""

    texts: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    size: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    signature: bytes | None = None

    def said(self, name: str) -> str | None:
        """The text of a field; None where there is none, in any of the ways to say so."""
        text = self.texts.get(name, "")
        return None if text in ABSENT else text


def check_length(request: web.Request, policy: Policy) -> None:
    """Raise 413 before the body is read, where its announced length alone is too much."""
    allowance = min(FIELDS_ALLOWANCE, policy.max_upload // 8)
    if (request.content_length or 0) > policy.max_upload + allowance:
        raise _too_large(policy, f"{request.content_length} bytes")


def _too_large(policy: Policy, size: str) -> HttpRefusal:
    return HttpRefusal(413, f"File too large: {size}; expected at most max_upload = {policy.max_upload_text}")


async def receive(request: web.Request, file: BinaryIO, policy: Policy) -> Form:
    """Read the whole form of an upload, in whatever order its fields come; the file goes to `file`."""
    try:
        form = await _Receiver(request, file, policy).receive()
    except Refused:
        raise
    except _MISFRAMED as error:
        raise _misframed(request) from error
    _check_action(form)
    return form


def _misframed(request: web.Request) -> HttpRefusal:
    """`setup.py register` frames its form with bare LF, and is the only one to name a charset."""
    if request.charset is not None:
        return HttpRefusal(410, "`setup.py register` is not needed here: a project begins with its first upload")
    return HttpRefusal(400, "the form is cut off, or not framed as RFC 7578 has it; expected what twine sends")


def _check_action(form: Form) -> None:
    action = form.texts.get(":action", "file_upload")
    if action in NEEDLESS:
        raise HttpRefusal(410, f"{action!r} is not needed here: a project begins with its first upload")
    if action != "file_upload":
        raise HttpRefusal(410, f"{shown(action)} is not offered here; expected 'file_upload'")


class _Receiver:
    """Takes one part after another, within bounds; memory stays flat."""

    def __init__(self, request: web.Request, file: BinaryIO, policy: Policy) -> None:
        self._request = request
        self._file = file
        self._policy = policy
        self._form = Form()

    async def receive(self) -> Form:
        reader = await self._request.multipart()
        parts = 0
        while (part := await reader.next()) is not None:
            parts += 1
            if parts > PARTS_LIMIT:
                raise HttpRefusal(413, f"the form has more than {PARTS_LIMIT} fields; expected fewer")
            if not isinstance(part, BodyPartReader):
                raise Refused("a multipart within the multipart; expected the fields of an upload")
            self._check_rest()
            await self._take(part)
        return self._form

    def _check_rest(self) -> None:
        if self._request.content.total_bytes - self._form.size > REST_LIMIT:
            raise HttpRefusal(413, f"the form has more than {REST_LIMIT >> 20} MiB beside the file; expected less")

    async def _take(self, part: BodyPartReader) -> None:
        texts = self._form.texts
        if part.name == "content":
            await self._take_file(part)
        elif part.name == "gpg_signature":
            self._form.signature = await self._read_small(part)
        elif part.name in TEXTS and part.name not in texts:
            texts[part.name] = (await self._read_small(part)).decode("utf-8", "replace").strip()
        else:
            async for _ in self._chunks(part):
                pass

    async def _take_file(self, part: BodyPartReader) -> None:
        form = self._form
        if form.filename is not None:
            raise Refused("two files in one upload; expected one part named 'content'")
        if not part.filename:
            raise Refused("the part 'content' has no file name; expected the distribution's")
        form.filename = part.filename
        note_file(self._request, part.filename)
        hashes = {name: create() for name, create in DIGESTS.items()}
        async for chunk in self._chunks(part):
            form.size += len(chunk)
            if form.size > self._policy.max_upload:
                raise _too_large(self._policy, f"more than {self._policy.max_upload} bytes")
            for each in hashes.values():
                each.update(chunk)
            self._file.write(chunk)
        form.digests = {name: each.hexdigest() for name, each in hashes.items()}

    async def _read_small(self, part: BodyPartReader) -> bytes:
        data = bytearray()
        async for chunk in self._chunks(part):
            data += chunk
            if len(data) > FIELD_LIMIT:
                raise Refused(f"the field {part.name!r} has more than {FIELD_LIMIT >> 10} KiB; expected less")
        return bytes(data)

    async def _chunks(self, part: BodyPartReader) -> AsyncIterator[bytes]:
        while chunk := await part.read_chunk(CHUNK):
            yield chunk
            self._check_rest()
