"""How a project is (PEP 792): the content of `<project>.status`, right below the packages."""

from typing import NamedTuple

from store.errors import BadName, shown
from store.names import parse_project

SUFFIX = ".status"
ACTIVE = "active"
MARKERS = (ACTIVE, "archived", "deprecated", "quarantined")
CLOSED = ("archived", "quarantined")  # to which nothing new may be uploaded
WITHHELD = "quarantined"  # whose files are not offered
LIMIT = 2000  # characters of a reason
BYTES = 4 * LIMIT  # in which they are found


class Status(NamedTuple):
    """One of the markers, and why; that may be empty.

    With a flaw it is what was said before: the file as it is now cannot be read as a status, and why.
    """

    marker: str
    reason: str
    flaw: str = ""

    @property
    def is_closed(self) -> bool:
        return self.marker in CLOSED

    @property
    def is_withheld(self) -> bool:
        return self.marker == WITHHELD


def parse_status(content: bytes) -> Status:
    """The first word is the marker, all that follows the reason, in one line; or BadName."""
    marker, _, reason = " ".join(content[:BYTES].decode("utf-8", "replace").split()).partition(" ")
    marker = marker.removesuffix(":").lower()
    if marker not in MARKERS:
        raise BadName(f"{shown(marker)} is no status of a project; expected {', '.join(MARKERS)}, and then why")
    return Status(marker, reason[:LIMIT].rstrip())


def project_of_status(path: str) -> str:
    """The project that the file at this path, below the packages, is about; BadName where there is none."""
    project = str(parse_project(path.removesuffix(SUFFIX).rpartition("/")[2]))
    if path != project + SUFFIX:
        raise BadName(f"{shown(path)}: the status of {project} is expected in {project}{SUFFIX}, in no directory")
    return project
