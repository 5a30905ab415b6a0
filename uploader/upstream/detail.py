"""What an upstream says of a project → what is believed of it: each file by itself, and nothing that it cannot be."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urldefrag, urljoin

from store.errors import BadName, Refused, clip
from store.names import METADATA, parse_filename, possible_projects
from store.simple import DIGEST, SimpleDetail, SimpleFile
from store.status import MARKERS, Status
from store.text import render_url
from store.upstream import origin_of, without_query
from uploader.upstream.anchors import read_anchors

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"  # PEP 691
ALGORITHMS = (
    DIGEST,
    "sha512",
    "sha384",
    "blake2b",
    "blake2s",
    "sha224",
    "sha1",
    "md5",
)  # the first that is said counts
JSON = ("application/vnd.pypi.simple.v1+json", "application/json")
HTML = ("text/html", "application/vnd.pypi.simple.v1+html")
MARK = 40  # letters of what stands for the bytes of a file; the first is one of the next three
SAID, UNSAID, UNSAID_METADATA = "s", "u", "m"
TEXT_LIMIT = 2000  # characters of what is shown
_HEX = re.compile(r"[0-9a-f]{32,128}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z")
_ADDRESS = re.compile(r"[!-~]+")


class Answer(NamedTuple):
    """What an upstream sent, and from where."""

    url: str
    content_type: str
    charset: str | None
    body: bytes


class Digest(NamedTuple):
    """In hex."""

    algorithm: str
    value: str


class Source(NamedTuple):
    """Where the bytes of a file are, and what they have to come to; None where nobody said.

    The mark stands for the bytes of a distribution and of its metadata: with other ones it is another.
    """

    url: str
    digest: Digest | None
    mark: str

    @property
    def shown(self) -> str:
        """Without its query, which may be a secret."""
        return without_query(self.url)


class Detail(NamedTuple):
    """A project: what is shown of it, and where its files come from, by name."""

    shown: SimpleDetail
    sources: Mapping[str, Source]
    elsewhere: frozenset[str]  # origins that files lie at and that nobody may be sent to


def parse_detail(answer: Answer, project: str, origins: Iterable[str]) -> Detail:
    """What an answer says of a project, with files of these origins alone; Refused where it is no page about one."""
    try:
        found = _parse(answer)
        read = list(_read_entries(found["files"], answer.url, project))
        shown = SimpleDetail(project, _read_versions(found.get("versions")), (), _read_status(found))
    except MemoryError:
        raise
    except Exception as error:  # whatever a library makes of what a stranger sent
        reason = clip(str(error)) or type(error).__name__
        raise Refused(f"{without_query(answer.url)} is no page about a project: {reason}") from error
    allowed = frozenset(origins)
    kept = [(file, source) for file, source in read if origin_of(source.url) in allowed]
    elsewhere = frozenset(origin_of(source.url) for _, source in read) - allowed
    files = tuple(file for file, _ in kept)
    return Detail(shown._replace(files=files), {file.filename: source for file, source in kept}, elsewhere)


def _parse(answer: Answer) -> Mapping[str, Any]:
    """Whatever is raised says what is wrong with it."""
    if answer.content_type in HTML:
        page = answer.body.decode(answer.charset or "utf-8", "replace")
        return {"files": read_anchors(page, answer.url)}
    if answer.content_type not in JSON:
        raise ValueError(f"it is {clip(repr(answer.content_type))}; expected {JSON[0]} or {HTML[0]}")
    found: Any = json.loads(answer.body)
    version = found["meta"]["api-version"]
    if not isinstance(version, str) or not version.startswith("1."):
        raise ValueError(f"it is of version {clip(repr(version))} of the API; expected 1")
    return dict(found)


def _read_entries(entries: Iterable[object], url: str, project: str) -> Iterator[tuple[SimpleFile, Source]]:
    """Of files that can be of the project; of two with one name the first."""
    seen: set[str] = set()
    for entry in entries:
        read = _read_entry(entry, url, project) if isinstance(entry, Mapping) else None
        if read is not None and read[0].filename not in seen:
            seen.add(read[0].filename)
            yield read


def _read_entry(entry: Mapping[str, Any], url: str, project: str) -> tuple[SimpleFile, Source] | None:
    """None for what is no distribution of it, or at no address."""
    name, address = entry.get("filename"), entry.get("url")
    if not isinstance(name, str) or not isinstance(address, str) or not _is_of(name, project):
        return None
    try:
        address = urldefrag(urljoin(url, address)).url
    except ValueError:
        return None
    if not _ADDRESS.fullmatch(address) or not origin_of(address):
        return None
    file = _describe(entry, name)
    digest = pick_digest(file.hashes)
    mark = _make_mark(address, digest, file.core_metadata)
    return file._replace(url=f"../../upstream/{project}/{mark}/{render_url(name)}"), Source(address, digest, mark)


def _make_mark(url: str, digest: Digest | None, metadata: Mapping[str, str] | bool) -> str:
    """It begins with what is not said."""
    said = pick_digest(metadata) if isinstance(metadata, Mapping) else None
    unsaid = UNSAID if digest is None else UNSAID_METADATA if metadata is True else SAID
    stands_for = json.dumps([url if digest is None else "", digest, said])
    return unsaid + hashlib.sha256(stands_for.encode()).hexdigest()[: MARK - 1]


def is_volatile(mark: str, filename: str) -> bool:
    """Whether nobody said what the bytes have to come to: they may be other ones some time."""
    return mark.startswith(UNSAID) or (mark.startswith(UNSAID_METADATA) and filename.endswith(METADATA))


def pick_digest(hashes: Mapping[str, str]) -> Digest | None:
    """The one that is compared; None where there is none."""
    return next((Digest(each, hashes[each]) for each in ALGORITHMS if each in hashes), None)


def _is_of(name: str, project: str) -> bool:
    try:
        parse_filename(name)
    except BadName:
        return False
    return project in possible_projects(name)


def _describe(entry: Mapping[str, Any], name: str) -> SimpleFile:
    metadata = entry.get("core-metadata", entry.get("dist-info-metadata"))
    size, time = entry.get("size"), entry.get("upload-time")
    return SimpleFile(
        filename=name,
        url="",
        hashes=_read_hashes(entry.get("hashes")),
        requires_python=_read_requires_python(entry.get("requires-python")),
        core_metadata=_read_hashes(metadata) or metadata not in (None, False),
        yanked=_read_yanked(entry.get("yanked")),
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        upload_time=time if isinstance(time, str) and _TIME.fullmatch(time) else "",
    )


def _read_hashes(found: object) -> dict[str, str]:
    """Those that can be computed, as lower-case hex."""
    if not isinstance(found, Mapping):
        return {}
    known = {name: found[name].lower() for name in ALGORITHMS if isinstance(found.get(name), str)}
    return {name: value for name, value in known.items() if _is_digest(name, value)}


def _is_digest(algorithm: str, value: str) -> bool:
    return bool(_HEX.fullmatch(value)) and len(value) == 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size


def _read_requires_python(found: object) -> str:
    """As it was written, whatever it means to who reads it; what is no such text is taken for nothing."""
    text = found.strip() if isinstance(found, str) else ""
    return text[:TEXT_LIMIT] if text.isprintable() else ""


def _read_yanked(found: object) -> str | None:
    if isinstance(found, str):
        return found[:TEXT_LIMIT]
    return "" if found is True else None


def _read_versions(versions: object) -> tuple[str, ...] | None:
    """None where nobody said them (PEP 700)."""
    if not isinstance(versions, list):
        return None
    return tuple(each for each in versions if isinstance(each, str) and len(each) <= TEXT_LIMIT)


def _read_status(found: Mapping[str, Any]) -> Status | None:
    """PEP 792."""
    status = found.get("project-status")
    if not isinstance(status, Mapping) or status.get("status") not in MARKERS:
        return None
    reason = status.get("reason")
    return Status(status["status"], reason[:TEXT_LIMIT] if isinstance(reason, str) else "")
