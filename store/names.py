"""File names: which of them a distribution can have, and what each one can be read as."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from store.errors import BadName, shown

Kind = Literal["wheel", "sdist", "egg"]

GZIPPED = (".tar.gz", ".tgz")
SDIST_SUFFIXES = (*GZIPPED, ".tar.bz2", ".tar", ".zip")
SIGNATURE = ".asc"
PROVENANCE = ".provenance"
YANKED = ".yanked"
SIDECARS = (SIGNATURE, PROVENANCE, YANKED)
METADATA = ".metadata"
LENGTH_LIMIT = 200  # characters; file systems allow 255, and pages add to the name
PARTIAL_SUFFIXES = (".part", ".tmp", ".filepart", ".swp", "~")

_BEFORE_VERSION = re.compile(r"-(?=v?[0-9])", re.IGNORECASE)  # every version begins so (PEP 440, appendix B)
_DASHES = re.compile("-+")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", re.ASCII)


class Release(NamedTuple):
    """A project at one version."""

    project: NormalizedName
    version: Version

    def __str__(self) -> str:
        return f"{self.project} {self.version}"


@dataclass(frozen=True)
class ParsedFilename:
    """A name that a distribution can have: `stem` and `suffix` together are the whole of it."""

    filename: str
    kind: Kind
    stem: str
    suffix: str


def is_ignored(filename: str) -> bool:
    """True for names that are never listed and never served: dot files and unfinished copies."""
    return filename.startswith(".") or filename.endswith(PARTIAL_SUFFIXES)


def base_of_sidecar(filename: str) -> str | None:
    """The distribution that `<file>.asc` or another sidecar belongs to; None for other names."""
    for suffix in SIDECARS:
        if filename.endswith(suffix):
            return filename.removesuffix(suffix)
    return None


def parse_filename(filename: str) -> ParsedFilename:
    """Read a distribution's file name, or raise BadName.

    Nothing is believed yet: `check_agrees` holds it against the metadata inside.
    """
    if not _SAFE.fullmatch(filename):
        raise BadName(f"{shown(filename)}: a file name has only letters, digits and . _ + ! -")
    _check_length(filename)
    if filename.endswith(".whl"):
        return _parse_wheel(filename)
    if filename.endswith(".egg"):
        return ParsedFilename(filename, "egg", filename.removesuffix(".egg"), ".egg")
    for suffix in SDIST_SUFFIXES:
        if filename.endswith(suffix):
            return ParsedFilename(filename, "sdist", filename.removesuffix(suffix), suffix)
    raise BadName(f"{filename!r}: a distribution ends in .whl, .egg, {', '.join(SDIST_SUFFIXES)}")


def _parse_wheel(filename: str) -> ParsedFilename:
    try:
        parse_wheel_filename(filename)
    except ValueError as error:
        raise BadName(f"{filename!r}: a wheel is <name>-<version>-<python>-<abi>-<platform>.whl") from error
    return ParsedFilename(filename, "wheel", filename.removesuffix(".whl"), ".whl")


def check_agrees(parsed: ParsedFilename, name: str, version: str) -> Release:
    """The release that the core metadata inside names; raise BadName unless the file name can be read as it.

    Names are compared normalized (PEP 503), versions as PEP 440 versions.
    """
    release = Release(parse_project(name), parse_version(version))
    if release not in readings(parsed):
        raise BadName(f"{parsed.filename!r}: its metadata is of {shown(name)} {shown(version)}")
    return release


def readings(parsed: ParsedFilename) -> tuple[Release, ...]:
    """Every release the file name can be read as, in order: names and old versions may hold dashes."""
    if parsed.kind == "wheel":
        name, version, _, _ = parse_wheel_filename(parsed.filename)
        splits = [(str(name), str(version))]
    elif parsed.kind == "egg":
        parts = parsed.stem.split("-")
        splits = [(parts[0], parts[1])] if len(parts) > 1 else []
    else:
        dashes = [match.start() for match in _BEFORE_VERSION.finditer(parsed.stem)]
        splits = [(parsed.stem[:at], parsed.stem[at + 1 :]) for at in dashes]
    return tuple(sorted({release for name, version in splits for release in _as_release(name, version)}))


def is_certain(filename: str) -> bool:
    """Whether the name of a distribution tells by itself of which project and version it is."""
    return len(readings(parse_filename(filename))) == 1


def _as_release(name: str, version: str) -> tuple[Release, ...]:
    """The release of these, or none."""
    try:
        return (Release(parse_project(name), parse_version(version)),)
    except BadName:
        return ()


def possible_projects(filename: str) -> frozenset[NormalizedName]:
    """The projects a file of this name can belong to, whatever it holds; none for what no distribution is called."""
    try:
        parsed = parse_filename(filename)
        if parsed.kind == "wheel":  # only its first part tells (PEP 427)
            name, *others = parsed.stem.split("-")
            return frozenset([parse_project(name)] if len(others) in (4, 5) else [])
        return frozenset(release.project for release in readings(parsed))
    except BadName:
        return frozenset()


def collation_key(filename: str) -> str:
    """Sorted by this, what can be of one project (PEP 503) follows each other: each begins with it and a dash."""
    key = filename.lower().replace("_", "-").replace(".", "-")
    return _DASHES.sub("-", key) if "--" in key else key


def parse_project(name: str) -> NormalizedName:
    """The normalized name (PEP 503), or BadName."""
    _check_length(name)
    try:
        return canonicalize_name(name, validate=True)
    except ValueError as error:
        raise BadName(f"{shown(name)}: a project name has only letters, digits and . _ -") from error


def parse_version(text: str) -> Version:
    """The version (PEP 440), or BadName."""
    _check_length(text)
    try:
        return Version(text)
    except ValueError as error:  # InvalidVersion, or Python's own for a number of too many digits
        raise BadName(f"{shown(text)} is not a version as PEP 440 has it") from error


def pick_latest(versions: Iterable[Version]) -> Version:
    """The newest final release, or the newest pre-release where there is none: what installers take."""
    known = sorted(versions)
    return next((version for version in reversed(known) if not version.is_prerelease), known[-1])


def _check_length(text: str) -> None:
    if len(text) > LENGTH_LIMIT:
        raise BadName(f"{shown(text)} has {len(text)} characters; expected at most {LENGTH_LIMIT}")
