"""What is said of a file that is whole and yet not listed, by itself."""

from collections.abc import Iterable

from indexer.rows import Release
from store.names import base_of_sidecar
from store.status import SUFFIX


def why_behind(first: str) -> str:
    return f"{first!r} carries the same file name; expected one"


def why_alone(path: str) -> str:
    return (
        f"no file {(base_of_sidecar(path) or path).rpartition('/')[2]!r} lies beside it; expected the file it is about"
    )


def why_unrelated(path: str) -> str:
    return f"it is about other bytes than {(base_of_sidecar(path) or path).rpartition('/')[2]!r} has; expected these"


def why_unknown(path: str) -> str:
    return f"there is no project {path.removesuffix(SUFFIX)!r}; expected one that has files"


def why_ambiguous(releases: Iterable[Release]) -> str:
    read = " or ".join(f"{project!r} {version}" for project, version in releases)
    return f"its name can be read as {read}; expected PKG-INFO inside, or a directory of the project's name around it"
