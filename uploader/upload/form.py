"""A POST → one form: the fields that matter, and the file as it arrives."""

from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, PayloadEncodingError

from store import provenance
from store.errors import Refused, shown
from store.names import PROVENANCE, SIGNATURE
from store.policy import Policy
from uploader.answers import HttpRefusal
from uploader.audit import note_file
from uploader.upload.arriving import HASHES, Arriving
from uploader.upload.multipart import Misframed, Part, Splitter, parse_boundary

FIELD_LIMIT = 64 << 10  # bytes of a field that matters, a signature among them
REST_LIMIT = 32 << 20  # bytes of all that is not the file: fields that are read and dropped, heads, boundaries
PARTS_LIMIT = 10_000
DROPPED = 20  # names of fields that are kept, of those that are dropped
FIELDS_ALLOWANCE = 1 << 20  # bytes of form that are not held against the limit of the file

CONTENT, ATTESTATIONS = "content", "attestations"
BESIDE = {"gpg_signature": SIGNATURE, ATTESTATIONS: PROVENANCE}  # the fields that are kept beside the file, as what
LIMITS = {ATTESTATIONS: provenance.LIMIT}  # of those that may be larger
TEXTS = (":action", "name", "version", "from", "keep", "days", "except", "for_real", *HASHES)
REPEATED = ("except",)  # of which all count, with blanks between them
ABSENT = ("", "UNKNOWN", "None")  # what distutils sends for a value it does not have
UPLOAD, REMOVAL, COPY, PRUNING = ACTIONS = ("file_upload", "remove_pkg", "copy", "prune")
NEEDLESS = ("submit", "submit_pkg_info", "verify")


@dataclass
class Form:
    """What came beside the bytes of the file."""

    texts: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    beside: dict[str, bytes] = field(default_factory=dict)  # by the suffix it is kept under
    dropped: set[str] = field(default_factory=set)  # names of some of the fields that were not taken in

    @property
    def action(self) -> str:
        """What is wanted; nothing said is an upload."""
        return self.texts.get(":action", UPLOAD)

    def said(self, name: str) -> str | None:
        """The text of a field; None where there is none, in any of the ways to say so."""
        text = self.texts.get(name, "")
        return None if text in ABSENT else text

    def check_fields(self, *expected: str) -> None:
        """Refused where it has others, or one twice: a slip must not pass for nothing."""
        if twice := self.dropped & set(expected):
            raise Refused(f"{self.action} has the field {min(twice)!r} twice; expected it once")
        others = (set(self.texts) | self.dropped) - {*expected, ":action", "protocol_version"}
        if others:
            raise Refused(f"{self.action} has no field {shown(min(others))}; expected {', '.join(expected)}")

    def text(self, name: str) -> str:
        """As it was sent, for what no distutils sends; empty where there is no such field."""
        return self.texts.get(name, "")

    def said_digests(self) -> list[str]:
        """The fields with a digest to compare: distutils of Python 3.9 to 3.11 sends a blake2b-512 as blake2_256."""
        said = {name: self.said(name) for name in HASHES}
        return [name for name, text in said.items() if text and (name != "blake2_256_digest" or len(text) != 128)]


def check_length(request: web.Request, policy: Policy) -> None:
    """Raise 413 before the body is read, where its announced length alone is too much."""
    allowance = min(FIELDS_ALLOWANCE, policy.max_upload // 8)
    if (request.content_length or 0) > policy.max_upload + allowance:
        raise _too_large(policy, f"{request.content_length} bytes")


def _too_large(policy: Policy, size: str) -> HttpRefusal:
    return HttpRefusal(413, f"File too large: {size}; expected at most max_upload = {policy.max_upload_text}")


async def receive(request: web.Request, file: Arriving, policy: Policy, refusal: HttpRefusal | None = None) -> Form:
    """Read the whole form, in whatever order its fields come; the file goes to `file`, or is refused with `refusal`."""
    try:
        form = await _Receiver(request, file, policy, refusal).receive()
    except (Misframed, HttpProcessingError, PayloadEncodingError) as error:
        raise _misframed(request) from error
    _check_action(form)
    return form


def _misframed(request: web.Request) -> HttpRefusal:
    """`setup.py register` frames its form with bare LF, and is the only one to name a charset."""
    if request.charset is not None:
        return HttpRefusal(410, "`setup.py register` is not needed here: a project begins with its first upload")
    return HttpRefusal(400, "the form is cut off, or not framed as RFC 7578 has it; expected what twine sends")


def _check_action(form: Form) -> None:
    if form.action in NEEDLESS:
        raise HttpRefusal(410, f"{form.action!r} is not needed here: a project begins with its first upload")
    if form.action not in ACTIONS:
        raise HttpRefusal(410, f"{shown(form.action)} is not offered here; expected {', '.join(ACTIONS)}")


class _Receiver:
    """Takes one part after another, within bounds; memory stays flat."""

    def __init__(self, request: web.Request, file: Arriving, policy: Policy, refusal: HttpRefusal | None) -> None:
        self._request = request
        self._refusal = refusal
        self._file = file
        self._policy = policy
        self._form = Form()
        self._parts = 0
        self._name: str | None = None  # of the part that is being taken; None for one that is dropped
        self._text = bytearray()  # what came of it, unless it is the file

    async def receive(self) -> Form:
        stream = self._request.content
        splitter = Splitter(parse_boundary(self._request.headers["Content-Type"]))
        while data := await stream.readany():
            for found in splitter.feed(data):
                if isinstance(found, Part):
                    self._end()
                    self._begin(found)
                else:
                    self._take(found)
            if stream.total_bytes - self._file.size > REST_LIMIT:
                raise HttpRefusal(413, f"the form has more than {REST_LIMIT >> 20} MiB beside the file; expected less")
            await self._file.drain()
        if not splitter.is_complete:
            raise Misframed("it ends before its last boundary")
        self._end()
        return self._form

    def _begin(self, part: Part) -> None:
        self._parts += 1
        if self._parts > PARTS_LIMIT:
            raise HttpRefusal(413, f"the form has more than {PARTS_LIMIT} fields; expected fewer")
        if part.name == CONTENT:
            self._begin_file(part.filename)
        is_first = part.name not in self._form.texts or part.name in REPEATED
        is_wanted = part.name in (CONTENT, *BESIDE) or (part.name in TEXTS and is_first)
        self._name = part.name if is_wanted else None
        if not is_wanted and part.name and len(self._form.dropped) < DROPPED:
            self._form.dropped.add(part.name)

    def _begin_file(self, filename: str | None) -> None:
        form = self._form
        if self._refusal:
            raise self._refusal
        if form.filename is not None:
            raise Refused("two files in one upload; expected one part named 'content'")
        if not filename:
            raise Refused("the part 'content' has no file name; expected the distribution's")
        form.filename = filename
        note_file(self._request, filename)
        self._file.expect(form.said_digests())

    def _take(self, data: bytes) -> None:
        if self._name == CONTENT:
            self._file.add(data)
            if self._file.size > self._policy.max_upload:
                raise _too_large(self._policy, f"more than {self._policy.max_upload} bytes")
        elif self._name is not None:
            self._text += data
            limit = LIMITS.get(self._name, FIELD_LIMIT)
            if len(self._text) > limit:
                raise Refused(f"the field {self._name!r} has more than {limit >> 10} KiB; expected less")

    def _end(self) -> None:
        """Keep what the part held that ends here."""
        if self._name in BESIDE:
            self._form.beside[BESIDE[self._name]] = bytes(self._text)
        elif self._name not in (None, CONTENT):
            before = f"{self._form.texts[self._name]} " if self._name in self._form.texts else ""
            if len(before) + len(self._text) > FIELD_LIMIT:
                raise Refused(f"the fields {self._name!r} have more than {FIELD_LIMIT >> 10} KiB; expected less")
            self._form.texts[self._name] = before + self._text.decode("utf-8", "replace").strip()
        self._name = None
        self._text.clear()
