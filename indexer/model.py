"""What the indexer knows of a file and of a project, as frozen values."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from packaging.version import Version

from store.distribution import Distribution
from store.identity import Identity


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


class ListedFile(NamedTuple):
    """One entry of a project detail. `path` is relative to `packages/`, `release` the version as it is written."""

    filename: str
    path: str
    identity: Identity
    release: str
    distribution: Distribution
    yanked: str | None
    signed: bool

    @property
    def version(self) -> Version:
        return _parse_release(self.release)

    def values(self) -> tuple[object, ...]:
        """All that the file is shown by, as plain values."""
        facts = self.distribution
        known = (facts.releases, facts.kind, facts.digest, facts.requires_python, facts.metadata_digest)
        return (self.filename, self.path, tuple(self.identity), self.release, known, self.yanked, self.signed)


@lru_cache(1 << 12)
def _parse_release(text: str) -> Version:
    return Version(text)


@dataclass(frozen=True)
class ProjectDetail:
    """A project as its simple page shows it; files from the oldest version to the newest."""

    name: str
    files: tuple[ListedFile, ...]

    def values(self) -> tuple[object, ...]:
        """All that the project is shown by, as plain values."""
        return (self.name, *(file.values() for file in self.files))


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
    rejected: tuple[tuple[str, str], ...]  # path below packages/, and the reason it is not listed
    misplaced: tuple[str, ...]  # distributions elsewhere in data/, by their path below it
    counts: Counts
    is_private: bool  # reading needs a password
    policy_problem: str  # what is wrong with larder.toml; empty where nothing is
    address: str = ""  # of the repository
