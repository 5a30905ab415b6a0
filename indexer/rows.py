"""What is known of one file, as a row of a table: the words of `model` in columns."""

import json
import os
from typing import Any, NamedTuple

from indexer.model import Facts, Provenance, Rejected, Signature, Yank
from store import names
from store.distribution import Distribution
from store.identity import Identity
from store.status import Status

Release = tuple[str, str]

DISTRIBUTIONS, REJECTED = ("wheel", "sdist", "egg"), ("rejected", "passing")
PROVENANCE = "provenance"
BESIDE = ("yank", "signature", PROVENANCE)
STATUS = "status"

DEFINITION = f"""
    inode, size, mtime, -- integers, or text where SQLite has none so large
    kind text not null check (kind in {(*DISTRIBUTIONS, *BESIDE, *REJECTED, STATUS)}),
    text text not null, -- Requires-Python, the reason of a rejection or a yank, or a status with its reason
    digest blob not null, metadata_digest blob not null, wide integer not null,
    releases text, -- JSON, only where there are several readings
    project text, version text"""
OWN = "inode, size, mtime, kind, text, digest, metadata_digest, wide, releases, project, version"
COLUMNS = f"name, {OWN}"
SCHEMA = (
    f"""create table files (
    path blob not null unique, name_at integer not null, name blob as (substr(path, name_at)), {DEFINITION},
    behind blob -- the path of the same project and name that is listed instead; empty until that is known
)""",
    "create index files_of_projects on files (project, name) where project is not null",
    "create index files_by_inode on files (inode)",
    f"create index files_rejected on files (path) where kind in {REJECTED}",
    f"create index files_beside on files (path) where kind in {BESIDE}",
    f"create index files_of_status on files (path) where kind = '{STATUS}'",
    "create index files_ambiguous on files (path) where releases is not null",
    "create index files_behind on files (path) where behind is not null",
)
INSERT = f"insert into files (path, name_at, {OWN}, behind) values ({', '.join('?' * 14)})"
UNRELATED = f"""select beside.path from files beside join files about
    on about.path = substr(beside.path, 1, length(beside.path) - {len(names.PROVENANCE)})
    where beside.kind = '{PROVENANCE}' and beside.kind in {BESIDE} and beside.digest != about.digest"""


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
    wide: int
    releases: str | None
    project: str | None
    version: str | None

    @classmethod
    def of(cls, path: str, identity: Identity, facts: Facts) -> "Known":
        name, (inode, size, mtime) = os.fsencode(path.rpartition("/")[2]), map(number, identity)
        if not isinstance(facts, Distribution):
            about = bytes.fromhex(facts.digest) if isinstance(facts, Provenance) else b""
            return cls(name, inode, size, mtime, _kind_of(facts), _text(facts), about, b"", 0, None, None, None)
        digests = (bytes.fromhex(facts.digest), bytes.fromhex(facts.metadata_digest))
        several = json.dumps(facts.releases) if len(facts.releases) > 1 else None
        project, version = (None, None) if several else facts.releases[0]
        read = (facts.kind, facts.requires_python, *digests, int(facts.is_wide))
        return cls(name, inode, size, mtime, *read, several, project, version)

    @property
    def identity(self) -> Identity:
        return Identity(int(self.inode), int(self.size), int(self.mtime))

    @property
    def facts(self) -> Facts:
        match self.kind:
            case "wheel" | "sdist" | "egg" as kind:
                known = ((self.project or "", self.version or ""),)
                releases = parse_releases(self.releases) if self.releases else known
                digests = (self.digest.hex(), self.text, self.metadata_digest.hex())
                return Distribution(releases, kind, *digests, bool(self.wide))
            case "yank":
                return Yank(self.text)
            case "signature":
                return Signature()
            case "provenance":
                return Provenance(self.digest.hex())
            case "status":
                said, _, flaw = self.text.partition("\n")
                marker, _, reason = said.partition(" ")
                return Status(marker, reason, flaw)
            case _:
                return Rejected(self.text, passing=self.kind == "passing")

    def is_same(self, other: "Known") -> bool:
        """Whether the two say the same of the file, whichever release it is taken for."""
        return self[:10] == other[:10] and (self.releases is not None or self[10:] == other[10:])


def _kind_of(facts: Facts) -> str:
    match facts:
        case Rejected():
            return "passing" if facts.passing else "rejected"
        case Status():
            return STATUS
        case Provenance():
            return PROVENANCE
        case _:
            return "yank" if isinstance(facts, Yank) else "signature"


def _text(facts: Rejected | Yank | Signature | Provenance | Status) -> str:
    reason = "" if isinstance(facts, Signature | Provenance) else facts.reason
    if isinstance(facts, Status):
        reason = f"{facts.marker} {facts.reason}" + (f"\n{facts.flaw}" if facts.flaw else "")
    return reason.encode("utf-8", "backslashreplace").decode()


def keep_status(facts: Facts, known: Known | None) -> Facts:
    """What was said of a project stands until something else is said: what closed it never opens by accident."""
    if known is not None and known.kind == STATUS and isinstance(facts, Rejected):
        said = known.facts
        return said._replace(flaw=facts.reason) if isinstance(said, Status) else facts
    return facts


def number(value: int) -> int | str:
    """SQLite has integers of 64 bits, signed; larger ones are kept as text."""
    return value if -(1 << 63) <= value < 1 << 63 else str(value)


def parse_releases(text: str) -> tuple[Release, ...]:
    return tuple((str(project), str(version)) for project, version in json.loads(text))


def marks(count: int) -> str:
    """Placeholders for so many values."""
    return ", ".join("?" * count)
