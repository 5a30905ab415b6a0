"""What the indexer knows of a file and of a project, as frozen values."""

import os
from dataclasses import dataclass
from typing import NamedTuple

from packaging.version import Version

from store.names import Kind


class Identity(NamedTuple):
    """A file as stat(2) knows it; while it is the same the content is, and a moved file keeps it.

    `mtime_ns` is in nanoseconds, `size` in bytes.
    """

    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, facts: os.stat_result) -> "Identity":
        return cls(facts.st_ino, facts.st_size, facts.st_mtime_ns)


@dataclass(frozen=True)
class Distribution:
    """What was read from a whole archive; digests are sha256 in hex."""

    project: str
    version: str
    kind: Kind
    digest: str
    requires_python: str
    metadata_digest: str  # of the METADATA file, for wheels only; else empty


@dataclass(frozen=True)
class LeftOut:
    """Why a file is not listed."""

    reason: str


@dataclass(frozen=True)
class Yank:
    """The content of a `.yanked` file; may be empty."""

    reason: str


Facts = Distribution | LeftOut | Yank


@dataclass(frozen=True)
class ListedFile:
    """One entry of a project detail. `path` is relative to `packages/`."""

    filename: str
    path: str
    identity: Identity
    distribution: Distribution
    yanked: str | None
    signed: bool

    @property
    def version(self) -> Version:
        return Version(self.distribution.version)


@dataclass(frozen=True)
class ProjectDetail:
    """A project as its simple page shows it; files from the oldest version to the newest."""

    name: str
    files: tuple[ListedFile, ...]


@dataclass(frozen=True)
class Counts:
    """What the home page counts; `size` in bytes."""

    projects: int
    distributions: int
    size: int
