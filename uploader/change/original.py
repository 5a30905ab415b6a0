"""A file of a release, as it is to be passed on: what its page says of it, and that it is so."""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import PurePosixPath
from typing import NamedTuple

from packaging.utils import NormalizedName

from store import provenance
from store.below import opened_file
from store.errors import Refused, shown
from store.files import is_being_written
from store.listing import Listed
from store.names import PROVENANCE, SIGNATURE, Release, is_certain
from store.provenance import read_subject
from store.removal import read_yank
from store.repository import Repository
from uploader.answers import HttpRefusal
from uploader.change.target import list_release


class Original(NamedTuple):
    """`there` is where it lies in its repository, `path` where it is to lie in another; `facts` are of its bytes.

    `beside` is what lies beside it, by its suffix.
    """

    there: PurePosixPath
    path: PurePosixPath
    project: NormalizedName
    digest: str
    size: int
    facts: tuple[int, ...]
    beside: Mapping[str, bytes]


def read_originals(source: Repository, release: Release) -> list[Original]:
    """Every file that is listed of the release; HttpRefusal where there is none, or one is not to be passed on."""
    found = list_release(source, release)
    if not found:
        raise HttpRefusal(404, f"{release} is not in the repository {source.name!r}")
    return [_read_original(source, each, release) for each in found]


def _read_original(source: Repository, listed: Listed, release: Release) -> Original:
    there = PurePosixPath(listed.path)
    if listed.yanked is not None or read_yank(source, there) is not None:
        raise HttpRefusal(409, f"{there.name!r} is yanked in {source.name!r}; expected a release that is not")
    with _opened(source, there) as file:
        facts, found = os.fstat(file.fileno()), hashlib.file_digest(file, "sha256").hexdigest()
    if found != listed.digest:
        raise HttpRefusal(409, f"{str(there)!r} has sha256 {found}; its page says {listed.digest}")
    beside = _read_beside(source, listed)
    return Original(there, _place(release.project, there), release.project, found, facts.st_size, _tell(facts), beside)


@contextlib.contextmanager
def opened_original(source: Repository, original: Original) -> Iterator[BufferedReader]:
    """To be read; HttpRefusal where it is not what it was any longer."""
    with _opened(source, original.there) as file:
        if _tell(os.fstat(file.fileno())) != original.facts:
            raise HttpRefusal(409, f"{str(original.there)!r} in {source.name!r} has just changed; try again")
        yield file


@contextlib.contextmanager
def _opened(source: Repository, path: PurePosixPath) -> Iterator[BufferedReader]:
    """HttpRefusal where it cannot be read, or is being written."""
    try:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(opened_file(source, path))
            if is_being_written(file.fileno()):
                raise HttpRefusal(409, f"{shown(str(path))} in {source.name!r} is being written; try again")
            kept = stack.pop_all()
    except OSError as error:
        raise _unreadable(source, path, error) from error
    with kept:
        yield file


def _unreadable(source: Repository, path: PurePosixPath, error: OSError) -> HttpRefusal:
    where = f"{shown(str(path))} in {source.name!r}"
    return HttpRefusal(409, f"{where}: {error.strerror}; expected a file that can be read, and no link")


def _tell(facts: os.stat_result) -> tuple[int, ...]:
    """What tells the bytes of a file from others, and from those that it has a moment later."""
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _place(project: NormalizedName, there: PurePosixPath) -> PurePosixPath:
    """In its project's directory where the name alone does not tell whose it is."""
    return PurePosixPath(there.name) if is_certain(there.name) else PurePosixPath(project, there.name)


def _read_beside(source: Repository, listed: Listed) -> dict[str, bytes]:
    """Signature and provenance; HttpRefusal or Refused where one is not to be passed on."""
    beside = {}
    for suffix in (SIGNATURE, *([PROVENANCE] if listed.attested else [])):
        path = PurePosixPath(f"{listed.path}{suffix}")
        try:
            with opened_file(source, path) as file:
                beside[suffix] = file.read(provenance.LIMIT + 1)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unreadable(source, path, error) from error
        if len(beside[suffix]) > provenance.LIMIT:
            raise Refused(f"{shown(str(path))} has more than {provenance.LIMIT >> 20} MiB; expected less")
    if listed.attested and (PROVENANCE not in beside or read_subject(beside[PROVENANCE]) != listed.digest):
        raise HttpRefusal(409, f"{shown(listed.path)}: what is attested of it is about other bytes; try again")
    return beside
