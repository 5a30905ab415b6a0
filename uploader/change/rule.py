"""Which releases of a project have to stay, and which may go. Pure: the time is an argument."""

from collections.abc import Container, Iterable
from typing import NamedTuple

from packaging.utils import NormalizedName
from packaging.version import Version

from store.errors import BadName, Refused, shown
from store.listing import Listed
from store.names import parse_project, parse_version, pick_latest

DAY = 86_400.0  # seconds
MOST_KEPT, MOST_DAYS = 1_000_000, 36_500
YES, NO = "yes", "no"


class Named(NamedTuple):
    """A project, or one version of it."""

    project: NormalizedName
    version: Version | None


class Rule(NamedTuple):
    """Of each project the newest `keep` versions stay, whatever is not older than `days`, is yanked, or is named.

    The version that installers take where none is asked for stays as well.
    """

    keep: int
    days: int = 0
    named: frozenset[Named] = frozenset()

    def check_named(self, known: Container[Named]) -> None:
        """Refused where something is named that is not here: it may be a slip, and what was meant would go."""
        for named in sorted(self.named, key=str):
            if named not in known:
                text = named.project if named.version is None else f"{named.project}=={named.version}"
                raise Refused(f"there is no {text} to be kept; expected what is here")

    def names(self, project: NormalizedName, version: Version) -> bool:
        """Whether it is named, by its project, its version, or that without what is local in it (PEP 440)."""
        names = (None, version, Version(version.public))
        return not self.named.isdisjoint(Named(project, name) for name in names)


class Kept(NamedTuple):
    """A file that is listed and there: `at` is its time, in seconds since 1970, and `size` in bytes."""

    listed: Listed
    at: float
    size: int

    @property
    def version(self) -> Version:
        return parse_version(self.listed.release)


def read_rule(keep: str, days: str, named: Iterable[str]) -> Rule:
    """As people write it; Refused names what cannot be."""
    return Rule(
        _read_number("keep", keep, 1, MOST_KEPT),
        _read_number("days", days, 0, MOST_DAYS),
        frozenset(map(read_named, named)),
    )


def _read_number(what: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise Refused(f"{what} is {shown(text)}; expected a whole number from {least} to {most}")
    return int(text)


def read_named(text: str) -> Named:
    """`NAME`, or `NAME==VERSION`."""
    name, is_release, version = text.partition("==")
    try:
        return Named(parse_project(name.strip()), parse_version(version.strip()) if is_release else None)
    except BadName as error:
        raise Refused(f"{shown(text)}; expected NAME, or NAME==VERSION: {error}") from error


def choose(project: NormalizedName, files: Iterable[Kept], rule: Rule, now: float) -> list[Kept]:
    """The files that may go, the oldest version first; `now` is in seconds since 1970."""
    by_version: dict[Version, list[Kept]] = {}
    for file in files:
        by_version.setdefault(file.version, []).append(file)
    offered = sorted(version for version, group in by_version.items() if not _is_yanked(group))
    if not offered:
        return []
    staying = {*offered[-rule.keep :], pick_latest(offered)}
    going = [version for version in offered if version not in staying and not rule.names(project, version)]
    return [file for version in going if _is_older(by_version[version], rule.days, now) for file in by_version[version]]


def _is_yanked(files: Iterable[Kept]) -> bool:
    """Whether any of them is: then somebody still needs the release, or did not want it to be used at all."""
    return any(file.listed.yanked is not None for file in files)


def _is_older(files: Iterable[Kept], days: int, now: float) -> bool:
    """Whether all of a release is."""
    return all(now - file.at > days * DAY for file in files)
