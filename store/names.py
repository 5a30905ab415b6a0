"""File names: which of them a distribution can have, and what each one says."""

import re
from dataclasses import dataclass
from typing import Literal

from packaging.utils import (
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from store.errors import BadName

Kind = Literal["wheel", "sdist", "egg"]

SDIST_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tar", ".zip")
SIGNATURE = ".asc"
YANKED = ".yanked"
METADATA = ".metadata"
LENGTH_LIMIT = 200  # characters; file systems allow 255, and pages add to the name
PARTIAL_SUFFIXES = (".part", ".tmp", ".filepart", ".swp", "~")

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", re.ASCII)


@dataclass(frozen=True)
class Claim:
    """What a file name claims; `stem` is `<name>-<version>` for kinds whose name does not split itself."""

    filename: str
    kind: Kind
    stem: str
    suffix: str


def is_ignored(filename: str) -> bool:
    """True for names that are never listed and never served: dot files and unfinished copies."""
    return filename.startswith(".") or filename.endswith(PARTIAL_SUFFIXES)


def base_of_sidecar(filename: str) -> str | None:
    """The distribution that `<file>.asc` or `<file>.yanked` belongs to; None for other names."""
    for suffix in (SIGNATURE, YANKED):
        if filename.endswith(suffix):
            return filename.removesuffix(suffix)
    return None


def parse_filename(filename: str) -> Claim:
    """Read a distribution's file name, or raise BadName.

    Nothing is believed yet: `check_agrees` holds the claim against the metadata inside.
    """
    if not _SAFE.fullmatch(filename):
        raise BadName(f"{filename!r}: a file name has only letters, digits and . _ + ! -")
    if len(filename) > LENGTH_LIMIT:
        raise BadName(f"{filename!r} has {len(filename)} characters; expected at most {LENGTH_LIMIT}")
    if filename.endswith(".whl"):
        return _parse_wheel(filename)
    if filename.endswith(".egg"):
        return Claim(filename, "egg", filename.removesuffix(".egg"), ".egg")
    for suffix in SDIST_SUFFIXES:
        if filename.endswith(suffix):
            return Claim(filename, "sdist", filename.removesuffix(suffix), suffix)
    raise BadName(f"{filename!r}: a distribution ends in .whl, .egg, {', '.join(SDIST_SUFFIXES)}")


def _parse_wheel(filename: str) -> Claim:
    try:
        parse_wheel_filename(filename)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise BadName(f"{filename!r}: a wheel is <name>-<version>-<python>-<abi>-<platform>.whl") from error
    return Claim(filename, "wheel", filename.removesuffix(".whl"), ".whl")


def check_agrees(claim: Claim, name: str, version: str) -> None:
    """Raise BadName unless the file name says what the core metadata inside the file says.

    Names are compared normalized (PEP 503), versions as PEP 440 versions.
    """
    project, release = parse_project(name), parse_version(version)
    if (project, release) not in _readings(claim):
        raise BadName(f"{claim.filename!r}: its metadata is of {name!r} {version!r}")


def _readings(claim: Claim) -> set[tuple[NormalizedName, Version]]:
    """Every (project, version) the file name can be read as: names and old versions may hold dashes."""
    if claim.kind == "wheel":
        name, version, _, _ = parse_wheel_filename(claim.filename)
        return {(name, version)}
    if claim.kind == "egg":
        parts = claim.stem.split("-")
        splits = [(parts[0], parts[1])] if len(parts) > 1 else []
    else:
        dashes = [at for at, char in enumerate(claim.stem) if char == "-"]
        splits = [(claim.stem[:at], claim.stem[at + 1 :]) for at in dashes]
    return {(canonicalize_name(name), Version(text)) for name, text in splits if _is_version(text)}


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def parse_project(name: str) -> NormalizedName:
    """The normalized name (PEP 503), or BadName."""
    try:
        return canonicalize_name(name, validate=True)
    except ValueError as error:
        raise BadName(f"{name!r}: a project name has only letters, digits and . _ -") from error


def parse_version(version: str) -> Version:
    """The version (PEP 440), or BadName."""
    try:
        return Version(version)
    except InvalidVersion as error:
        raise BadName(f"{version!r} is not a version as PEP 440 has it") from error


def first_word(name: str) -> str:
    """What a project's name, and the names of all its files, begin with alike."""
    return re.split(r"[-_.]", name, maxsplit=1)[0].lower()
