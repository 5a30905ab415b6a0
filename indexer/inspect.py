"""One file → an inspection: its digest, its core metadata, or the reason it is rejected."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from indexer.model import Facts, Rejected, Signature, Yank
from store.distribution import Distribution, read_contents
from store.errors import Refused
from store.files import check_access, is_being_written
from store.identity import NO_IDENTITY, Identity
from store.names import SIGNATURE, YANKED, parse_filename

UNMARKED = ".tar"  # nothing in such a file tells how long it is: one that is being filled can seem whole
REASON_LIMIT = 2000  # characters of a .yanked file


@dataclass(frozen=True)
class Inspection:
    """What reading one file gave; `identity` is that of the content that was read."""

    path: str
    identity: Identity
    facts: Facts
    core_metadata: bytes = b""  # the text, for wheels only


def inspect(packages: Path, path: str) -> Inspection | None:
    """Read the file once; None where it is gone, or changed while it was read and will be hinted at again.

    Never raises: whatever goes wrong with a file is that file's reason. What the disk may give another time is
    `passing`.
    """
    try:
        check_access(packages, path)
        with open(packages / path, "rb", opener=_open_without_waiting) as file:
            return _inspect_open(file, path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return reject(packages, path, f"cannot be read: {error.strerror}; expected what uid {os.geteuid()} can read")
    except Exception as error:  # a library may raise anything, and no file may stop the others
        return reject(packages, path, f"cannot be read: {type(error).__name__}: {error}"[:500])


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


def _inspect_open(file: BinaryIO, path: str) -> Inspection | None:
    before = Identity.of(os.fstat(file.fileno()))
    if path.endswith(UNMARKED) and is_being_written(file.fileno()):
        return None
    try:
        facts, core_metadata = _read_facts(file, path.rpartition("/")[2])
    except Refused as error:
        facts, core_metadata = Rejected(str(error)), b""
    if Identity.of(os.fstat(file.fileno())) != before:
        return None
    return Inspection(path, before, facts, core_metadata)


def _read_facts(file: BinaryIO, filename: str) -> tuple[Facts, bytes]:
    if filename.endswith(SIGNATURE):
        return Signature(), b""
    if filename.endswith(YANKED):
        text = file.read(4 * REASON_LIMIT).decode("utf-8", "replace")
        return Yank(" ".join(text.split())[:REASON_LIMIT]), b""
    parsed = parse_filename(filename)
    contents = read_contents(file, parsed)
    distribution = Distribution(
        releases=tuple((release.project, str(release.version)) for release in contents.releases),
        kind=parsed.kind,
        digest=_read_digest(file),
        requires_python=contents.requires_python,
        metadata_digest=hashlib.sha256(contents.core_metadata).hexdigest() if contents.core_metadata else "",
    )
    return distribution, contents.core_metadata


def _read_digest(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed wants readinto
