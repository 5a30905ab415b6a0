"""One file → facts: its digest, its core metadata, or the reason it is left out."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from indexer.scan import read_identity
from indexer.values import Distribution, Facts, Identity, LeftOut, Yank
from store.archive import read_core_metadata
from store.errors import Refused
from store.metadata import parse_metadata
from store.names import SIGNATURE, YANKED, check_agrees, parse_filename, parse_project, parse_version

CHUNK = 1 << 20  # bytes
REASON_LIMIT = 2000  # characters of a .yanked file


@dataclass(frozen=True)
class Lesson:
    """What reading one file taught; `identity` is that of the content that was read."""

    path: str
    identity: Identity
    facts: Facts
    core_metadata: bytes = b""  # the text, for wheels only


def learn(packages: Path, path: str) -> Lesson | None:
    """Read the file once; None where it is gone, or changed while it was read and will be hinted at again."""
    try:
        with (packages / path).open("rb") as file:
            before = Identity.of(os.fstat(file.fileno()))
            facts, core_metadata = _learn_open(file, path)
            if Identity.of(os.fstat(file.fileno())) != before:
                return None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return _unreadable(packages / path, path, error)
    return Lesson(path, before, facts, core_metadata)


def _unreadable(file: Path, path: str, error: OSError) -> Lesson | None:
    try:
        identity = read_identity(file)
    except OSError:
        return None
    reason = f"cannot be read: {error.strerror}; expected a file that uid {os.getuid()} can read"
    return Lesson(path, identity, LeftOut(reason))


def _learn_open(file: BinaryIO, path: str) -> tuple[Facts, bytes]:
    filename = path.rpartition("/")[2]
    if filename.endswith(SIGNATURE):
        return LeftOut("a signature is no distribution"), b""
    if filename.endswith(YANKED):
        text = file.read(4 * REASON_LIMIT).decode("utf-8", "replace")
        return Yank(" ".join(text.split())[:REASON_LIMIT]), b""
    try:
        return _learn_distribution(file, filename)
    except Refused as error:
        return LeftOut(str(error)), b""


def _learn_distribution(file: BinaryIO, filename: str) -> tuple[Distribution, bytes]:
    claim = parse_filename(filename)
    core_metadata = read_core_metadata(file, claim)
    metadata = parse_metadata(core_metadata)
    check_agrees(claim, metadata.name, metadata.version)
    is_wheel = claim.kind == "wheel"
    distribution = Distribution(
        project=parse_project(metadata.name),
        version=str(parse_version(metadata.version)),
        kind=claim.kind,
        digest=_read_digest(file),
        requires_python=metadata.requires_python,
        metadata_digest=hashlib.sha256(core_metadata).hexdigest() if is_wheel else "",
    )
    return distribution, core_metadata if is_wheel else b""


def _read_digest(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed wants readinto
