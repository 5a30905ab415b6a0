"""A checked candidate → one durable file in `packages/`, or AlreadyExists."""

import hashlib
from enum import Enum
from pathlib import Path

from store.errors import AlreadyExists
from store.layout import Layout
from store.names import SIGNATURE
from store.place import make_durable, open_incoming, place, replace
from uploader.check import Candidate
from uploader.listing import read_listed


class Outcome(Enum):
    NEW = "stored"
    SAME = "was here already, with the same bytes"
    REPLACED = "stored in the place of other bytes"


def keep(layout: Layout, candidate: Candidate, source: Path, *, overwrite: bool) -> Outcome:
    """Place the durable file `source`. Identical bytes are a success; other bytes only with `overwrite`.

    A file of this name that people put in a sub-directory counts: a project has one file of a name.
    """
    target = layout.packages / candidate.filename
    listed = read_listed(layout, candidate.project, candidate.filename)
    if listed is not None and (layout.packages / listed.path).is_file():
        target = layout.packages / listed.path
    outcome = _place(candidate, source, target, overwrite=overwrite)
    _keep_signature(layout, candidate, target, outcome)
    return outcome


def _place(candidate: Candidate, source: Path, target: Path, *, overwrite: bool) -> Outcome:
    try:
        place(source, target)
    except AlreadyExists:
        if not target.is_file():
            raise
        if _digest(target) == candidate.digest:
            return Outcome.SAME
        if not overwrite:
            raise
        replace(source, target)
        return Outcome.REPLACED
    return Outcome.NEW


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _keep_signature(layout: Layout, candidate: Candidate, target: Path, outcome: Outcome) -> None:
    """A signature goes with the bytes it signs: with new bytes one that lies there is out of date."""
    beside = target.with_name(target.name + SIGNATURE)
    if outcome is not Outcome.SAME:
        beside.unlink(missing_ok=True)
    if candidate.signature is None or beside.exists():
        return
    with open_incoming(layout.incoming) as file:
        file.write(candidate.signature)
        make_durable(file)
        replace(Path(file.name), beside)
