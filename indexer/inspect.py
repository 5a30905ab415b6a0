"""One file → an inspection: its digest, its core metadata, or the reason it is rejected."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import indexer.model
import store
from indexer.fingerprint import fingerprint
from indexer.model import Facts, Provenance, Rejected, Signature, Yank
from store.archive.budget import WHATEVER_IT_TAKES, Budget, TooMuch
from store.distribution import read_contents
from store.errors import Refused
from store.files import check_access, is_being_written
from store.identity import NO_IDENTITY, Identity
from store.names import PROVENANCE, SIGNATURE, YANKED, parse_filename
from store.provenance import LIMIT, read_subject
from store.status import BYTES as BYTES_OF_STATUS
from store.status import SUFFIX as STATUS
from store.status import parse_status, project_of_status
from store.yank import BYTES, read_reason

UNMARKED = ".tar"  # nothing in such a file tells how long it is: one that is being filled can seem whole

_LIBRARIES = ("isal", "packaging")


@dataclass(frozen=True)
class Inspection:
    """What reading one file gave; `identity` is that of the content that was read."""

    path: str
    identity: Identity
    facts: Facts
    core_metadata: bytes = b""  # the text, for wheels only


def inspect(packages: Path, path: str, budget: Budget = WHATEVER_IT_TAKES) -> Inspection | None:
    """Read the file once; None where it is gone, or changed while it was read and will be hinted at again.

    Nothing is raised but TooMuch: whatever goes wrong with a file is that file's reason. What the disk may give
    another time is `passing`.
    """
    try:
        check_access(packages, path)
        with open(packages / path, "rb", opener=_open_without_waiting) as file:
            return _inspect_open(file, path, budget)
    except TooMuch:
        raise
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return reject(packages, path, f"cannot be read: {error.strerror}; expected what uid {os.geteuid()} can read")
    except Exception as error:  # a library may raise anything, and no file may stop the others
        return reject(packages, path, f"cannot be read: {type(error).__name__}: {error}"[:500])


def inspect_batch(packages: Path, paths: tuple[str, ...], budget: Budget) -> tuple[Inspection, ...]:
    """Inspect these files, one after another, but for those that take too much."""
    inspections = []
    for path in paths:
        with contextlib.suppress(TooMuch):
            inspections.append(inspect(packages, path, budget))
    return tuple(filter(None, inspections))


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def reject(packages: Path, path: str, reason: str) -> Inspection | None:
    """The file as it is now, rejected for a passing reason; None where it is gone."""
    try:
        identity = Identity.of((packages / path).stat())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        identity = NO_IDENTITY
    return Inspection(path, identity, Rejected(" ".join(reason.split()), passing=True))


def _inspect_open(file: BinaryIO, path: str, budget: Budget) -> Inspection | None:
    before = Identity.of(os.fstat(file.fileno()))
    if path.endswith(UNMARKED) and is_being_written(file.fileno()):
        return None
    try:
        facts, core_metadata = _read_facts(file, path, budget)
    except Refused as error:
        facts, core_metadata = Rejected(str(error)), b""
    if Identity.of(os.fstat(file.fileno())) != before:
        return None
    return Inspection(path, before, facts, core_metadata)


def _read_facts(file: BinaryIO, path: str, budget: Budget) -> tuple[Facts, bytes]:
    filename = path.rpartition("/")[2]
    if filename.endswith(SIGNATURE):
        return Signature(), b""
    if filename.endswith(PROVENANCE):
        return Provenance(read_subject(file.read(LIMIT + 1))), b""
    if filename.endswith(YANKED):
        return Yank(read_reason(file.read(BYTES))), b""
    if filename.endswith(STATUS):
        project_of_status(path)
        return parse_status(file.read(BYTES_OF_STATUS)), b""
    contents = read_contents(file, parse_filename(filename), budget=budget)
    return contents.distribution, contents.core_metadata


def fingerprint_of_inspection() -> str:
    """Changes whenever anything does that decides what is learnt from a file."""
    here = [Path(__file__), Path(indexer.model.__file__)]
    return fingerprint([*here, *sorted(Path(store.__file__ or "").parent.rglob("*.py"))], _LIBRARIES)
