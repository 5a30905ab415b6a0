"""A project's files by release, as the pages that show releases have them."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from packaging.utils import canonicalize_version
from packaging.version import Version

from indexer.model import ListedFile, ProjectDetail
from store.names import pick_latest


class Release(NamedTuple):
    """All files of one version, however each spells it; `name` is as the last of them does."""

    version: Version
    name: str
    files: tuple[ListedFile, ...]

    @property
    def yanked(self) -> str | None:
        """The reason, which may be empty, where all of its files are yanked (PEP 592)."""
        reasons = [file.yanked for file in self.files]
        return None if None in reasons else next(filter(None, reasons), "")

    @property
    def at(self) -> int:
        """When its first file was made, in nanoseconds since 1970."""
        return min(file.identity.mtime_ns for file in self.files)

    @property
    def spellings(self) -> tuple[str, ...]:
        """Its name first, and what else it can be asked for as: 1.0 is 1, too."""
        written = (file.release for file in self.files)
        return tuple(dict.fromkeys((self.name, *written, canonical(self.name))))


@lru_cache(maxsize=1 << 12)
def canonical(version: str) -> str:
    """Without the zeros that do not matter (PEP 440): by this the uploader finds a version however it is spelt."""
    return canonicalize_version(version)


def list_releases(detail: ProjectDetail) -> tuple[Release, ...]:
    """From the oldest to the newest."""
    by_version: dict[Version, list[ListedFile]] = {}
    for file in detail.files:
        by_version.setdefault(file.version, []).append(file)
    return tuple(Release(version, files[-1].release, tuple(files)) for version, files in by_version.items())


def latest_of(releases: Iterable[Release]) -> Release:
    """The newest that is final and not yanked; a yanked one only where all are."""
    known = {release.version: release for release in releases}
    offered = [version for version, release in known.items() if release.yanked is None]
    return known[pick_latest(offered or known)]
