"""A received form → a candidate that may be placed. Only the metadata inside the archive is believed."""

import re
from dataclasses import dataclass
from typing import BinaryIO

from packaging.utils import NormalizedName

from store.archive import read_core_metadata
from store.errors import BadArchive, Refused
from store.metadata import parse_metadata
from store.names import check_agrees, parse_filename, parse_project, parse_version
from uploader.receive import ABSENT, Form


@dataclass(frozen=True)
class Candidate:
    """A whole distribution that agrees with all that was said of it."""

    filename: str
    project: NormalizedName
    digest: str  # sha256, in hex
    signature: bytes | None


def check(form: Form, file: BinaryIO) -> Candidate:
    """The candidate, or Refused with what disagrees. Reads the archive once; may take seconds."""
    if form.filename is None:
        raise Refused("the form has no file; expected a part named 'content'")
    claim = parse_filename(form.filename)
    _check_digests(form)
    try:
        metadata = parse_metadata(read_core_metadata(file, claim))
    except BadArchive as error:
        raise BadArchive(f"Invalid distribution file {form.filename!r}: {error}") from error
    check_agrees(claim, metadata.name, metadata.version)
    _check_texts(form, metadata.name, metadata.version)
    return Candidate(claim.filename, parse_project(metadata.name), form.digests["sha256_digest"], form.signature)


def _check_digests(form: Form) -> None:
    """Every digest that was sent. distutils of Python 3.9 to 3.11 sends a blake2b-512 under the name of blake2_256."""
    for name, found in form.digests.items():
        said = form.texts.get(name, "").lower()
        if said in ABSENT or (name == "blake2_256_digest" and len(said) == 128):
            continue
        if not re.fullmatch(rf"[0-9a-f]{{{len(found)}}}", said):
            raise Refused(f"{name} {said!r} is no digest; expected {len(found)} hex digits")
        if said != found:
            raise Refused(f"{name} {said} does not match {form.filename!r}, which has {found}")


def _check_texts(form: Form, name: str, version: str) -> None:
    said = form.texts.get("name", "")
    if said not in ABSENT and parse_project(said) != parse_project(name):
        raise Refused(f"name {said!r} disagrees with {form.filename!r}, whose metadata says {name!r}")
    said = form.texts.get("version", "")
    if said not in ABSENT and parse_version(said) != parse_version(version):
        raise Refused(f"version {said!r} disagrees with {form.filename!r}, whose metadata says {version!r}")
