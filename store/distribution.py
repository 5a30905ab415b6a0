"""A distribution: one open file and its name → what it says of itself. Uploader and indexer both come through here."""

import errno
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, BinaryIO

from store.archive import read_members
from store.errors import BadArchive, BadName, Refused, clip, shown
from store.metadata import METADATA_LIMIT, Metadata, parse_metadata
from store.names import Kind, ParsedFilename, Release, check_agrees, readings

BUILD_FILES = ("setup.py", "pyproject.toml")
CANDIDATE_LIMIT = 20  # texts that are parsed in search of the metadata nearest the top

_METADATA_OF = {"wheel": "*.dist-info/METADATA", "egg": "EGG-INFO/PKG-INFO", "sdist": "PKG-INFO"}
_INSTEAD = {"wheel": "", "egg": "", "sdist": f", or {' or '.join(BUILD_FILES)} at its top"}


@dataclass(frozen=True)
class Distribution:
    """What is known of a whole archive; digests are sha256 in hex.

    It has several `releases` only where nothing inside says which of the readings of its file name is meant.
    """

    releases: tuple[tuple[str, str], ...]  # project and version
    kind: Kind
    digest: str
    requires_python: str
    metadata_digest: str  # of the METADATA file, for wheels only; else empty


@dataclass(frozen=True)
class Contents:
    """What a whole archive says of itself.

    One release; several only where it has no core metadata and its file name has several readings.
    `core_metadata` is what is served as `.metadata`: a wheel's METADATA, nothing for other kinds.
    """

    releases: tuple[Release, ...]
    requires_python: str
    core_metadata: bytes


def read_contents(file: BinaryIO, parsed: ParsedFilename) -> Contents:
    """Read the whole archive once; a Refused says in one line what is wrong with it.

    Nothing else is raised but an OSError of the disk itself, which says nothing about the file.
    """
    handled = sys.exception()  # by the caller: no part of what happens here
    try:
        return _judge(parsed, _look_through(file, parsed))
    except Refused:
        raise
    except Exception as error:  # whatever a library makes of hostile bytes is this one file's reason
        if of_the_disk := _disk_error(error, handled):
            raise of_the_disk from None
        reason = clip(str(error)) or type(error).__name__
        raise BadArchive(f"{parsed.filename!r} is not a whole {parsed.suffix} archive: {reason}") from error


def _disk_error(error: BaseException | None, handled: BaseException | None) -> OSError | None:
    """What the disk said, also where a library made something else of it; None where it is none of the disk's.

    The OSErrors of gzip and bz2 have no number, and EINVAL is a seek to where no file can reach.
    """
    while error is not None and error is not handled:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            return error
        error = error.__context__
    return None


def pick_release(releases: Iterable[Release], named: Callable[[Release], bool]) -> Release | None:
    """The only release there is, or the only one of several that `named` is true of; None where none or several."""
    found = tuple(releases)
    if len(found) > 1:
        found = tuple(release for release in found if named(release))
    return found[0] if len(found) == 1 else None


@dataclass
class _Seen:
    """What was seen of an archive so far: the metadata nearest its top, and whether it can be built."""

    kind: Kind
    metadata: Metadata | None = None
    text: bytes = b""
    depth: int | None = None
    candidates: int = 0
    flaw: BadArchive | None = None  # what is wrong with metadata that could not be used
    tops: set[str] = field(default_factory=set)  # of all paths; two are enough to know that there are several
    has_build_file: bool = False  # at the root
    has_build_file_below: bool = False  # below some top

    def is_buildable(self) -> bool:
        """True where pip finds something to build: a build file at the root, or in the single top directory."""
        return self.kind == "sdist" and (self.has_build_file or (self.has_build_file_below and len(self.tops) == 1))

    def is_metadata(self, path: PurePosixPath) -> bool:
        """True for what can hold core metadata, and lies nearer the top than what was found."""
        parts = path.parts
        if self.depth is not None and len(parts) >= self.depth:
            return False
        if self.kind == "wheel":
            return len(parts) == 2 and parts[0].endswith(".dist-info") and parts[1] == "METADATA"
        if self.kind == "egg":
            return parts == ("EGG-INFO", "PKG-INFO")
        return parts[-1] == "PKG-INFO" and (len(parts) <= 2 or parts[-2].endswith(".egg-info"))

    def keep(self, path: PurePosixPath, text: bytes) -> None:
        """Take this metadata, unless it has no name or version."""
        if len(text) > METADATA_LIMIT:
            raise BadArchive(f"{shown(str(path))} is larger than {METADATA_LIMIT} bytes; expected core metadata")
        self.candidates += 1
        if self.candidates > CANDIDATE_LIMIT:
            raise BadArchive(
                f"it holds more than {CANDIDATE_LIMIT} texts of metadata; expected its own among the first"
            )
        try:
            self.metadata = parse_metadata(text)
        except BadArchive as flaw:
            self.flaw = flaw
        else:
            self.text, self.depth = text, len(path.parts)


def _look_through(file: BinaryIO, parsed: ParsedFilename) -> _Seen:
    """Read every member, and keep what tells what the distribution is.

    Wheels: `*.dist-info/METADATA` (PEP 427). Eggs: `EGG-INFO/PKG-INFO`. Sdists: the PKG-INFO
    nearest the top, which for boards' sdists lies in `*.egg-info` only.
    """
    seen = _Seen(parsed.kind)
    for path, content in read_members(file, parsed.suffix):
        if path.parts:
            _look_at(seen, path, content)
    return seen


def _look_at(seen: _Seen, path: PurePosixPath, content: IO[bytes] | None) -> None:
    if len(seen.tops) < 2:
        seen.tops.add(path.parts[0])
    if content and path.name in BUILD_FILES:
        seen.has_build_file |= len(path.parts) == 1
        seen.has_build_file_below |= len(path.parts) == 2
    if content and seen.is_metadata(path):
        seen.keep(path, content.read(METADATA_LIMIT + 1))


def _judge(parsed: ParsedFilename, seen: _Seen) -> Contents:
    if seen.metadata is None:
        return _by_name(parsed, seen)
    try:
        release = check_agrees(parsed, seen.metadata.name, seen.metadata.version)
    except BadName:
        if seen.is_buildable() and (seen.depth or 0) > 2:  # the egg-info of something else, as tests have them
            return _by_name(parsed, seen)
        raise
    return Contents((release,), seen.metadata.requires_python, seen.text if parsed.kind == "wheel" else b"")


def _by_name(parsed: ParsedFilename, seen: _Seen) -> Contents:
    """What the file name says of an sdist without metadata of its own, such as were made by hand; or the reason."""
    if not seen.is_buildable():
        expected = f"expected core metadata inside{_INSTEAD[parsed.kind]}"
        raise seen.flaw or BadArchive(f"{parsed.filename!r} holds no {_METADATA_OF[parsed.kind]}; {expected}")
    releases = readings(parsed)
    if not releases:
        raise BadName(f"{parsed.filename!r} holds no PKG-INFO; expected it to be named <name>-<version>{parsed.suffix}")
    return Contents(releases, "", b"")
