"""What the two programs tell each other, as packets: a line of JSON, and after it the core metadata as it is."""

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple, get_args

from store.distribution import Distribution
from store.identity import Identity
from store.names import Kind

PACKET = 1 << 18  # bytes: what the kernel takes of one message by default, and more; of a longer one nothing is sent

_DIGEST = re.compile("[0-9a-f]{64}")

WRONG = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""What parsing anybody's bytes may raise."""


class Checked(NamedTuple):
    """A file that the uploader found good: what reading it would tell. It may never get its name."""

    repository: str
    filename: str
    identity: Identity
    distribution: Distribution
    core_metadata: bytes


class Wanted(NamedTuple):
    """What a board asked for and is not there: what is unpacked of a source, or without these some file of any."""

    repository: str
    project: str
    source: str


class Published(NamedTuple):
    """A project whose page set was switched."""

    repository: str
    project: str


def render_published(repository: str, projects: Sequence[str]) -> bytes:
    return json.dumps({"repository": repository, "projects": projects}).encode()


def parse_published(packet: bytes) -> list[Published]:
    message = json.loads(packet)
    return [Published(str(message["repository"]), str(project)) for project in message["projects"]]


def render_checked(checked: Checked) -> bytes:
    fields: dict[str, Any] = {**checked._asdict(), "distribution": vars(checked.distribution)}
    del fields["core_metadata"]
    return json.dumps(fields).encode() + b"\n" + checked.core_metadata


def render_wanted(wanted: Wanted) -> bytes:
    return json.dumps({"wanted": wanted}).encode()


def parse_told(packet: bytes) -> Checked | Wanted:
    """What the uploader tells the indexer."""
    line, _, core_metadata = packet.partition(b"\n")
    message = json.loads(line)
    if "wanted" in message:
        repository, project, source = map(_text, message["wanted"])
        return Wanted(repository, project, source)
    return _parse_checked(message, core_metadata)


def _parse_checked(message: dict[str, Any], core_metadata: bytes) -> Checked:
    inode, size, mtime_ns = message["identity"]
    distribution = _parse_distribution(message["distribution"])
    if distribution.metadata_digest != (sha256(core_metadata).hexdigest() if core_metadata else ""):
        raise ValueError("core metadata that is not the distribution's")
    return Checked(
        repository=_text(message["repository"]),
        filename=_text(message["filename"]),
        identity=Identity(int(inode), int(size), int(mtime_ns)),
        distribution=distribution,
        core_metadata=core_metadata,
    )


def _parse_distribution(fields: dict[str, Any]) -> Distribution:
    others = ("releases", "is_wide")
    texts: dict[str, Any] = {name: _text(value) for name, value in fields.items() if name not in others}
    releases = tuple((_text(project), _text(version)) for project, version in fields["releases"])
    if not releases or fields["kind"] not in get_args(Kind):
        raise ValueError("a distribution without releases, or of no kind there is")
    if not _DIGEST.fullmatch(texts["digest"]):
        raise ValueError(f"{texts['digest']!r}; expected 64 hex digits")
    return Distribution(releases, **texts, is_wide=fields["is_wide"] is True)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r}; expected text")
    return value
