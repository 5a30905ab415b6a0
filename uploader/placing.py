"""Durable bytes → one file of a name: new, the same again, or in the place of others where that may be."""

import hashlib
import os
from enum import Enum
from pathlib import Path

from store.errors import AlreadyExists
from store.files import Incoming, make_path_durable, place, place_over


class Outcome(Enum):
    NEW = "stored"
    SAME = "was here already, with the same bytes"
    REPLACED = "stored in the place of other bytes"


def place_bytes(incoming: Incoming, digest: str, target: Path, *, overwrite: bool) -> Outcome:
    """Place the durable file with this sha256. AlreadyExists for other bytes, but with `overwrite`."""
    try:
        place(incoming, target)
    except AlreadyExists:
        if not target.is_file():
            raise
        if _is_same(target, incoming, digest):
            make_path_durable(target)  # it may have come a moment ago, by hand or by another upload
            return Outcome.SAME
        if not overwrite:
            raise
        place_over(incoming, target)
        return Outcome.REPLACED
    return Outcome.NEW


def _is_same(target: Path, incoming: Incoming, digest: str) -> bool:
    return target.stat().st_size == os.fstat(incoming.file.fileno()).st_size and read_digest(target) == digest


def read_digest(file: Path, algorithm: str = "sha256") -> str:
    """Of all that is in it, in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest()
