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


NO_IDENTITY = Identity(0, 0, 0)
"""Of what there is no telling."""


@dataclass(frozen=True)
class Distribution:
    """What a whole archive holds; digests are sha256 in hex.

    It has several `releases` only where nothing inside says which of the readings of its file name is meant.
    """

    releases: tuple[tuple[str, str], ...]  # project and version
    kind: Kind
    digest: str
    requires_python: str
    metadata_digest: str  # of the METADATA file, for wheels only; else empty


@dataclass(frozen=True)
class Rejected:
    """Why a file is not listed. What is `passing` may be otherwise when it is read again."""

    reason: str
    passing: bool = False


@dataclass(frozen=True)
class Yank:
    """The content of a `.yanked` file; may be empty."""

    reason: str


@dataclass(frozen=True)
class Signature:
    """An `.asc` file."""


Facts = Distribution | Rejected | Yank | Signature


@dataclass(frozen=True)
class ListedFile:
    """One entry of a project detail. `path` is relative to `packages/`."""

    filename: str
    path: str
    identity: Identity
    version: Version
    distribution: Distribution
    yanked: str | None
    signed: bool


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


@dataclass(frozen=True)
class Overview:
    """All projects, as the pages about them show them."""

    projects: tuple[str, ...]
    rejected: tuple[tuple[str, str], ...]  # path below data/packages/, and the reason it is not listed
    misplaced: tuple[str, ...]  # distributions elsewhere in data/, by their path below it
    counts: Counts
    is_private: bool  # reading needs a password
    policy_problem: str  # what is wrong with larder.toml; empty where nothing is
