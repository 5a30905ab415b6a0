"""What is known of one file, as a row of a table: the words of `model` in columns."""

import json
import os
from typing import Any, NamedTuple

from indexer.model import Facts, Rejected, Signature, Yank
from store.distribution import Distribution
from store.identity import Identity
from store.status import Status

Release = tuple[str, str]

DISTRIBUTIONS, BESIDE, REJECTED = ("wheel", "sdist", "egg"), ("yank", "signature"), ("rejected", "passing")
STATUS = "status"

DEFINITION = f"""
    inode, size, mtime, -- integers, or text where SQLite has none so large
    kind text not null check (kind in {(*DISTRIBUTIONS, *BESIDE, *REJECTED, STATUS)}),
    text text not null, -- Requires-Python, the reason of a rejection or a yank, or a status with its reason
    digest blob not null, metadata_digest blob not null,
    releases text, -- JSON, only where there are several readings
    project text, version text"""
OWN = "inode, size, mtime, kind, text, digest, metadata_digest, releases, project, version"
COLUMNS = f"name, {OWN}"


class Known(NamedTuple):
    """What is known of one file, as a row has it."""

    name: bytes
    inode: Any
    size: Any
    mtime: Any
    kind: str
    text: str
    digest: bytes
    metadata_digest: bytes
    releases: str | None
    project: str | None
    version: str | None

    @classmethod
    def of(cls, path: str, identity: Identity, facts: Facts) -> "Known":
        name, (inode, size, mtime) = os.fsencode(path.rpartition("/")[2]), map(number, identity)
        if not isinstance(facts, Distribution):
            return cls(name, inode, size, mtime, _kind_of(facts), _text(facts), b"", b"", None, None, None)
        digests = (bytes.fromhex(facts.digest), bytes.fromhex(facts.metadata_digest))
        several = json.dumps(facts.releases) if len(facts.releases) > 1 else None
        project, version = (None, None) if several else facts.releases[0]
        return cls(name, inode, size, mtime, facts.kind, facts.requires_python, *digests, several, project, version)

    @property
    def identity(self) -> Identity:
        return Identity(int(self.inode), int(self.size), int(self.mtime))

    @property
    def facts(self) -> Facts:
        match self.kind:
            case "wheel" | "sdist" | "egg" as kind:
                known = ((self.project or "", self.version or ""),)
                releases = parse_releases(self.releases) if self.releases else known
                return Distribution(releases, kind, self.digest.hex(), self.text, self.metadata_digest.hex())
            case "yank":
                return Yank(self.text)
            case "signature":
                return Signature()
            case "status":
                marker, _, reason = self.text.partition(" ")
                return Status(marker, reason)
            case _:
                return Rejected(self.text, passing=self.kind == "passing")

    def is_same(self, other: "Known") -> bool:
        """Whether the two say the same of the file, whichever release it is taken for."""
        return self[:9] == other[:9] and (self.releases is not None or self[9:] == other[9:])


def _kind_of(facts: Facts) -> str:
    match facts:
        case Rejected():
            return "passing" if facts.passing else "rejected"
        case Status():
            return STATUS
        case _:
            return "yank" if isinstance(facts, Yank) else "signature"


def _text(facts: Rejected | Yank | Signature | Status) -> str:
    reason = "" if isinstance(facts, Signature) else facts.reason
    if isinstance(facts, Status):
        reason = " ".join(facts)
    return reason.encode("utf-8", "backslashreplace").decode()


def number(value: int) -> int | str:
    """SQLite has integers of 64 bits, signed; larger ones are kept as text."""
    return value if -(1 << 63) <= value < 1 << 63 else str(value)


def parse_releases(text: str) -> tuple[Release, ...]:
    return tuple((str(project), str(version)) for project, version in json.loads(text))


def marks(count: int) -> str:
    """Placeholders for so many values."""
    return ", ".join("?" * count)
