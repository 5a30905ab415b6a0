"""A received form → a candidate that may be stored. Only what the archive says of itself is believed."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from packaging.utils import NormalizedName

from store.distribution import pick_release, read_contents
from store.errors import BadArchive, Refused, shown
from store.names import ParsedFilename, Release, parse_filename, parse_project, parse_version
from store.repository import Repository
from uploader.upload.form import Form


@dataclass(frozen=True)
class Candidate:
    """A whole distribution that agrees with all that was said of it.

    `path` is where it is to lie below the packages: in its project's directory where only that tells whose it is.
    """

    path: PurePosixPath
    project: NormalizedName
    digest: str  # sha256, in hex
    signature: bytes | None

    @property
    def filename(self) -> str:
        return self.path.name


def check(form: Form, file: BinaryIO, repository: Repository) -> Candidate:
    """The candidate, or Refused with what disagrees. Reads the archive once; may take seconds."""
    if form.filename is None:
        raise Refused("the form has no file; expected a part named 'content'")
    parsed = parse_filename(form.filename)
    _check_digests(form)
    releases = _read_releases(file, parsed)
    project = _pick_release(form, releases, repository).project
    path = PurePosixPath(form.filename) if len(releases) == 1 else PurePosixPath(project, form.filename)
    return Candidate(path, project, form.digests["sha256_digest"], form.signature)


def _check_digests(form: Form) -> None:
    """Every digest that was sent. distutils of Python 3.9 to 3.11 sends a blake2b-512 under the name of blake2_256."""
    for name, found in form.digests.items():
        said = form.said(name)
        if said is None or (name == "blake2_256_digest" and len(said) == 128):
            continue
        if not re.fullmatch(rf"[0-9a-f]{{{len(found)}}}", said.lower()):
            raise Refused(f"{name} {shown(said)} is no digest; expected {len(found)} hex digits")
        if said.lower() != found:
            raise Refused(f"{name} {said} does not match {form.filename!r}, which has {found}")


def _read_releases(file: BinaryIO, parsed: ParsedFilename) -> tuple[Release, ...]:
    try:
        return read_contents(file, parsed).releases
    except BadArchive as error:
        named = "" if repr(parsed.filename) in str(error) else f" {parsed.filename!r}"
        raise BadArchive(f"Invalid distribution file{named}: {error}") from error


def _pick_release(form: Form, releases: Iterable[Release], repository: Repository) -> Release:
    """The only release; of several the one that the form names, else the one whose project is here already."""
    agreeing = tuple(releases)
    agreeing = _agreeing(form, "name", agreeing, lambda said, release: parse_project(said) == release.project)
    agreeing = _agreeing(form, "version", agreeing, lambda said, release: parse_version(said) == release.version)
    picked = pick_release(agreeing, lambda release: repository.project(release.project).exists())
    if picked is None:
        raise Refused(
            f"{form.filename!r} holds no PKG-INFO and can be {_show(agreeing)}; "
            "expected the form to say which by name and version, or one of the projects to be here"
        )
    return picked


def _agreeing(
    form: Form, field: str, releases: tuple[Release, ...], agrees: Callable[[str, Release], bool]
) -> tuple[Release, ...]:
    """Those of the releases that a field of the form agrees with; Refused where none does."""
    said = form.said(field)
    if said is None:
        return releases
    agreeing = tuple(release for release in releases if agrees(said, release))
    if not agreeing:
        raise Refused(f"{field} {shown(said)} disagrees with {form.filename!r}, which is {_show(releases)}")
    return agreeing


def _show(releases: Iterable[Release]) -> str:
    return " or ".join(f"{release.project} {release.version}" for release in releases)
