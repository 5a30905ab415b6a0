"""A distribution: one open file and its name → what it says of itself. Uploader and indexer both come through here."""

import errno
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import BinaryIO

from store.archive import read_members
from store.archive.budget import WHATEVER_IT_TAKES, Budget, Meter, TooMuch
from store.archive.inflate import is_wide
from store.archive.member import Member
from store.archive.packed import Packed
from store.errors import BadArchive, BadName, Refused, clip, shown
from store.metadata import METADATA_LIMIT, Metadata, parse_metadata
from store.names import GZIPPED, Kind, ParsedFilename, Release, check_agrees, readings

BUILD_FILES = ("setup.py", "pyproject.toml")
METADATA_PACE = 2e-8  # seconds of CPU that parsing a byte of metadata takes
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
    is_wide: bool = False  # a gzip that looks back further than a small board can


@dataclass(frozen=True)
class Contents:
    """What a whole archive says of itself; `digest` is that of the whole file.

    One release; several only where it has no core metadata and its file name has several readings. `metadata` is the
    text that names the release; empty where it is by its file name.
    """

    releases: tuple[Release, ...]
    kind: Kind
    digest: str
    requires_python: str
    metadata: bytes
    is_wide: bool = False

    @property
    def core_metadata(self) -> bytes:
        """What is served as `.metadata`: a wheel's METADATA, nothing for other kinds."""
        return self.metadata if self.kind == "wheel" else b""

    @property
    def distribution(self) -> Distribution:
        """The same as it is kept and compared."""
        return Distribution(
            releases=tuple((release.project, str(release.version)) for release in self.releases),
            kind=self.kind,
            digest=self.digest,
            requires_python=self.requires_python,
            metadata_digest=sha256(self.core_metadata).hexdigest() if self.core_metadata else "",
            is_wide=self.is_wide,
        )


def read_contents(
    file: BinaryIO, parsed: ParsedFilename, *, digest: str = "", budget: Budget = WHATEVER_IT_TAKES
) -> Contents:
    """Read the whole archive once; a Refused says in one line what is wrong with it, or that it takes too long.

    It is hashed on the way, unless its digest is known. Nothing else is raised but TooMuch, where it takes more
    than the budget, and an OSError of the disk itself: neither says anything about the file.
    """
    handled = sys.exception()  # by the caller: no part of what happens here
    try:
        packed = Packed(file, digest, budget)
        contents = _judge(parsed, _look_through(packed, parsed), packed.finish())
        return replace(contents, is_wide=is_wide(packed)) if parsed.suffix in GZIPPED else contents
    except (Refused, TooMuch):
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

    def is_metadata(self, parts: tuple[str, ...]) -> bool:
        """True for what can hold core metadata, and lies nearer the top than what was found."""
        if self.depth is not None and len(parts) >= self.depth:
            return False
        if self.kind == "wheel":
            return len(parts) == 2 and parts[0].endswith(".dist-info") and parts[1] == "METADATA"
        if self.kind == "egg":
            return parts == ("EGG-INFO", "PKG-INFO")
        return parts[-1] == "PKG-INFO" and (len(parts) <= 2 or parts[-2].endswith(".egg-info"))

    def keep(self, parts: tuple[str, ...], text: bytes) -> None:
        """Take this metadata, unless it has no name or version."""
        if len(text) > METADATA_LIMIT:
            raise BadArchive(f"{shown('/'.join(parts))} is larger than {METADATA_LIMIT} bytes; expected core metadata")
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
            self.text, self.depth = text, len(parts)


def _look_through(packed: Packed, parsed: ParsedFilename) -> _Seen:
    """Read every member, and keep what tells what the distribution is.

    Wheels: `*.dist-info/METADATA` (PEP 427). Eggs: `EGG-INFO/PKG-INFO`. Sdists: the PKG-INFO
    nearest the top, which for boards' sdists lies in `*.egg-info` only.
    """
    seen = _Seen(parsed.kind)
    for member in read_members(packed, parsed.suffix):
        if member.parts:
            _look_at(seen, member, packed.meter)
    return seen


def _look_at(seen: _Seen, member: Member, meter: Meter) -> None:
    parts, content = member
    if len(seen.tops) < 2:
        seen.tops.add(parts[0])
    if content and parts[-1] in BUILD_FILES:
        seen.has_build_file |= len(parts) == 1
        seen.has_build_file_below |= len(parts) == 2
    if content and seen.is_metadata(parts):
        text = content(METADATA_LIMIT + 1)
        meter.expect(len(text) * METADATA_PACE)
        seen.keep(parts, text)


def _judge(parsed: ParsedFilename, seen: _Seen, digest: str) -> Contents:
    if seen.metadata is None:
        return _by_name(parsed, seen, digest)
    try:
        release = check_agrees(parsed, seen.metadata.name, seen.metadata.version)
    except BadName:
        if seen.is_buildable() and (seen.depth or 0) > 2:  # the egg-info of something else, as tests have them
            return _by_name(parsed, seen, digest)
        raise
    return Contents((release,), parsed.kind, digest, seen.metadata.requires_python, seen.text)


def _by_name(parsed: ParsedFilename, seen: _Seen, digest: str) -> Contents:
    """What the file name says of an sdist without metadata of its own, such as were made by hand; or the reason."""
    if not seen.is_buildable():
        expected = f"expected core metadata inside{_INSTEAD[parsed.kind]}"
        raise seen.flaw or BadArchive(f"{parsed.filename!r} holds no {_METADATA_OF[parsed.kind]}; {expected}")
    releases = readings(parsed)
    if not releases:
        raise BadName(f"{parsed.filename!r} holds no PKG-INFO; expected it to be named <name>-<version>{parsed.suffix}")
    return Contents(releases, parsed.kind, digest, "", b"")
