"""Why a process cannot work somewhere below the data directory, and the command that mends it."""

import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from store.errors import BadDirectory
from store.settings import read_outside


@contextlib.contextmanager
def explained(path: Path, root: Path, verb: str = "write") -> Iterator[None]:
    """Turn an OSError into a BadDirectory that says what is in the way, and what mends it."""
    try:
        yield
    except OSError as error:
        raise BadDirectory(explain(path, root, error, verb)) from error


def explain(path: Path, root: Path, error: OSError, verb: str = "write") -> str:
    """Why this process cannot work at `path`, with owner and mode of what is in the way, and what mends it."""
    uid, gid = os.geteuid(), os.getegid()
    found = _in_the_way(path)
    if not isinstance(error, PermissionError):
        return f"{outside(path, root)}: {error.strerror or error}; expected what uid {uid} can {verb}"
    try:
        facts = found.stat()
    except OSError:
        return f"{outside(found, root)}: uid {uid} (gid {gid}) cannot look here; expected a directory of its own"
    owner = f"{facts.st_uid}:{facts.st_gid}, mode {facts.st_mode & 0o7777:04o}"
    return (
        f"{outside(found, root)}: uid {uid} (gid {gid}) cannot {verb} here: it belongs to {owner}; "
        f"{_mend(found, root, facts)}"
    )


def _in_the_way(path: Path) -> Path:
    """The path itself, or what there is above it."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path


def _mend(found: Path, root: Path, facts: os.stat_result) -> str:
    """The directory's owner may be meant to run Larder; only what is Larder's is ever advised to be given away."""
    uid, gid = os.geteuid(), os.getegid()
    as_owner = f"run as its owner (LARDER_UID={facts.st_uid} LARDER_GID={facts.st_gid})"
    chown = f"sudo chown -R {uid}:{gid} {shlex.quote(outside(root, root))}"
    if facts.st_uid == uid:
        return f"mend it with: chmod u+rwX {shlex.quote(outside(found, root))}"
    ways = [as_owner] if facts.st_uid not in (0, uid) else []
    if found == root or root in found.parents:
        ways.append(chown)
    elif read_outside() is not None:  # the only ones of a container's paths that are not below the data directory
        ways.append("have the pages made anew: docker compose down --volumes")
    else:
        ways.append("name another directory")
    return f"mend it with: {', or '.join(ways)}"


def outside(path: Path, root: Path) -> str:
    """How the path is called where the person sits: outside of the container, if this runs in one."""
    return str(path).replace(str(root), read_outside() or str(root), 1)
