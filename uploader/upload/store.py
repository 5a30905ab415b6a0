"""A checked distribution → one durable file below the packages, or AlreadyExists."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol

from packaging.utils import NormalizedName

from store.below import is_file
from store.errors import AlreadyExists, Refused
from store.files import Incoming, make_directory, make_durable, open_incoming, place_over
from store.listing import find_listed
from store.names import PROVENANCE, SIGNATURE
from store.provenance import LIMIT, read_subject
from store.reading import read_start
from store.removal import read_removed
from store.repository import Repository
from uploader.answers import HttpRefusal
from uploader.placing import Outcome, place_bytes, read_digest
from uploader.statuses import read_status


class Storable(Protocol):
    """A distribution that is to lie at `path` below the packages, with what is to lie beside it, by its suffix."""

    @property
    def path(self) -> PurePosixPath: ...
    @property
    def project(self) -> NormalizedName: ...
    @property
    def digest(self) -> str: ...
    @property
    def beside(self) -> Mapping[str, bytes]: ...


def store_distribution(repository: Repository, candidate: Storable, incoming: Incoming, *, overwrite: bool) -> Outcome:
    """Place the durable file. Identical bytes are a success; other bytes only with `overwrite`. Durable in any case."""
    target = find_place(repository, candidate, overwrite=overwrite)
    make_directory(target.parent)
    outcome = place_bytes(incoming, candidate.digest, target, overwrite=overwrite)
    _store_beside(repository, candidate, target, outcome)
    return outcome


def find_place(repository: Repository, candidate: Storable, *, overwrite: bool) -> Path:
    """Where it is to lie. AlreadyExists where other bytes were removed from there, HttpRefusal from a closed project.

    A file of this name that people put in a sub-directory counts: a project has one file of a name.
    """
    target = _find_target(repository, candidate)
    removed = None if overwrite or target.exists() else read_removed(repository, target.name)
    if removed not in (None, candidate.digest):
        raise AlreadyExists(f"File already exists: {target.name!r} was here with other bytes, and was removed")
    _check_open(repository, candidate, target)
    return target


def _check_open(repository: Repository, candidate: Storable, target: Path) -> None:
    """HttpRefusal where the project takes nothing new (PEP 792), or where that cannot be told."""
    status = read_status(repository, candidate.project)
    if status and status.is_closed and not (target.is_file() and read_digest(target) == candidate.digest):
        why = f": {status.reason}" if status.reason else ""
        raise HttpRefusal(403, f"{candidate.project} is {status.marker} and takes no uploads{why}")


def _find_target(repository: Repository, candidate: Storable) -> Path:
    listed = find_listed(repository, candidate.project, candidate.path.name)
    if listed is not None and is_file(repository, PurePosixPath(listed.path)):
        return repository.packages / listed.path
    return repository.packages / candidate.path


def _store_beside(repository: Repository, candidate: Storable, target: Path, outcome: Outcome) -> None:
    """What goes with the bytes it is about: with new bytes what lies there is out of date."""
    for suffix in (SIGNATURE, PROVENANCE):
        beside = target.with_name(target.name + suffix)
        if outcome is not Outcome.SAME:
            beside.unlink(missing_ok=True)
        if suffix in candidate.beside and not _is_right(beside, candidate.digest):
            _write_beside(repository, candidate.beside[suffix], beside)


def _is_right(beside: Path, digest: str) -> bool:
    """Whether what lies there is to stay: a provenance only where it is about these bytes."""
    if not beside.exists() or beside.suffix != PROVENANCE:
        return beside.exists()
    try:
        return read_subject(read_start(beside, LIMIT + 1)) == digest
    except (OSError, Refused):
        return False


def _write_beside(repository: Repository, content: bytes, beside: Path) -> None:
    with open_incoming(repository.packages) as incoming:
        incoming.file.write(content)
        make_durable(incoming.file)
        place_over(incoming, beside)
