"""What the indexer knows of a file and of a project, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from packaging.version import Version

from store.distribution import Distribution
from store.identity import Identity
from store.status import Status
from store.text import render_url


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


@dataclass(frozen=True)
class Provenance:
    """A `.provenance` file; `digest` is the sha256 of what it is about."""

    digest: str


Facts = Distribution | Rejected | Yank | Signature | Provenance | Status


class ListedFile(NamedTuple):
    """One entry of a project detail. `path` is relative to `packages/`, `release` the version as it is written."""

    filename: str
    path: str
    identity: Identity
    release: str
    distribution: Distribution
    yanked: str | None
    signed: bool
    attested: bool = False  # there is a provenance of these bytes
    changed_ns: int = 0  # when it came, or what lies beside it, in nanoseconds since 1970

    @property
    def version(self) -> Version:
        return _parse_release(self.release)

    def values(self) -> tuple[object, ...]:
        """All that the file is shown by, as plain values."""
        facts = self.distribution
        read = (facts.requires_python, facts.metadata_digest, facts.is_wide)
        known = (facts.releases, facts.kind, facts.digest, *read)
        beside = (self.yanked, self.signed, self.attested, self.changed_ns)
        return (self.filename, self.path, tuple(self.identity), self.release, known, *beside)


@lru_cache(1 << 12)
def _parse_release(text: str) -> Version:
    return Version(text)


class Shelf(NamedTuple):
    """Where pages say that the files lie: beside them, or at an address of their own."""

    address: str = ""  # with {path}, {filename}, {project} and {version} for what these are; empty: beside the pages
    has_metadata: bool = True  # whether the core metadata of a file lies beside it there


HERE = Shelf()


@dataclass(frozen=True)
class ProjectDetail:
    """A project as its simple page shows it; files from the oldest version to the newest."""

    name: str
    files: tuple[ListedFile, ...]
    status: Status | None = None  # where anybody said how it is
    shelf: Shelf = HERE

    @property
    def offered(self) -> tuple[ListedFile, ...]:
        """The files that anybody may have."""
        return () if self.status and self.status.is_withheld else self.files

    def url_of(self, file: ListedFile, top: str) -> str:
        """Where the file is, for a page from which `top` leads to the repository."""
        if not self.shelf.address:
            return f"{top}packages/{render_url(file.path)}"
        known = {"path": file.path, "filename": file.filename, "project": self.name, "version": file.release}
        return self.shelf.address.format_map({name: render_url(value) for name, value in known.items()})

    def metadata_digest_of(self, file: ListedFile) -> str:
        """Of the core metadata that lies beside the file; empty where there is none."""
        return file.distribution.metadata_digest if self.shelf.has_metadata else ""

    def values(self) -> tuple[object, ...]:
        """All that the project is shown by, as plain values."""
        return (self.name, *(file.values() for file in self.files), *self.values_of_all())

    def values_of_all(self) -> tuple[object, ...]:
        """The same, of what is said of all its files; empty where there is nothing of the kind."""
        status = (tuple(self.status),) if self.status else ()
        return (*status, *((tuple(self.shelf),) if self.shelf != HERE else ()))


Field = str | list[str] | dict[str, str]


class Care(IntEnum):
    """How much is made of what a release says: less where more was too much for whatever reads it."""

    NONE = 0  # nothing that it says
    LITTLE = 1  # its README as it was written
    ALL = 2


class Description(NamedTuple):
    """What a file says of its release: fields as `packaging.metadata.RawMetadata` has them, those that have a value.

    `readme` is HTML, safe to be shown on any page.
    """

    fields: Mapping[str, Field]
    readme: str
    unread: str  # why it is shown as it was written, or not at all; empty where it is shown as it is meant


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
    is_copy: bool = False  # whether these are plain files elsewhere, and nobody behind them
