"""A received form → a candidate that may be stored. Only what the archive says of itself is believed."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from packaging.utils import NormalizedName

from store.distribution import Contents, Distribution, pick_release
from store.errors import Refused, shown
from store.names import PROVENANCE, Release, parse_filename, parse_project, parse_version
from store.provenance import parse_attestations, read_subject, render_provenance
from store.repository import Repository
from uploader.upload.arriving import Arriving
from uploader.upload.form import Form
from uploader.upload.reading import read_here


@dataclass(frozen=True)
class Candidate:
    """A whole distribution that agrees with all that was said of it.

    `path` is where it is to lie below the packages: in its project's directory where only that tells whose it is.
    """

    path: PurePosixPath
    project: NormalizedName
    distribution: Distribution
    core_metadata: bytes
    beside: Mapping[str, bytes]  # what is to lie beside it, by its suffix

    @property
    def filename(self) -> str:
        return self.path.name

    @property
    def digest(self) -> str:
        return self.distribution.digest


def check(form: Form, file: Arriving, repository: Repository) -> Candidate:
    """The candidate, or Refused with what disagrees. TooMuch where reading the archive is not soon done."""
    if form.filename is None:
        raise Refused("the form has no file; expected a part named 'content'")
    parsed = parse_filename(form.filename)
    check_digests(form, file)
    return choose(form, read_here(file.read(), parsed, file.digest("sha256_digest")), repository)


def check_digests(form: Form, file: Arriving) -> None:
    """Compare every digest that was sent."""
    for name in form.said_digests():
        said, found = form.texts[name].lower(), file.digest(name)
        if not re.fullmatch(rf"[0-9a-f]{{{len(found)}}}", said):
            raise Refused(f"{name} {shown(form.texts[name])} is no digest; expected {len(found)} hex digits")
        if said != found:
            raise Refused(f"{name} {form.texts[name]} does not match {form.filename!r}, which has {found}")


def choose(form: Form, contents: Contents, repository: Repository) -> Candidate:
    """The candidate with these contents, of the release that the form means."""
    filename = str(form.filename)
    project = _pick_release(form, contents.releases, repository).project
    path = PurePosixPath(filename) if len(contents.releases) == 1 else PurePosixPath(project, filename)
    return Candidate(path, project, contents.distribution, contents.core_metadata, _list_beside(form, contents.digest))


def _list_beside(form: Form, digest: str) -> dict[str, bytes]:
    """What came with the file; Refused where the attestations are no such, or about other bytes."""
    beside = dict(form.beside)
    if attestations := parse_attestations(beside.pop(PROVENANCE, b"") or b"[]"):
        beside[PROVENANCE] = provenance = render_provenance(attestations)
        if (subject := read_subject(provenance)) != digest:
            raise Refused(f"the attestations are about sha256 {subject}, and {form.filename!r} has {digest}")
    return beside


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
    return " or ".join(map(str, releases))
