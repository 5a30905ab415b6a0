"""As whom the programs run, and what they may: root starts nothing that faces the network as root."""

import os
import pwd
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from scripts.supervise import HERE
from store.data import Data
from store.errors import Refused
from store.settings import Settings

READ_ALL, BIND, LEASE = "dac_read_search", "net_bind_service", "lease"
_NUMBERS = {READ_ALL: 2, BIND: 10, LEASE: 28}  # linux/capability.h

ITSELF = Path("/proc/self/cwd")  # where a process was started, wherever that is: no directory above it is asked

# Says the first path that this process may not pass.
_PROBE = 'for path; do [ -x "$path" ] || { printf %s "$path"; exit; }; done'


class User(NamedTuple):
    uid: int
    gid: int


def choose_user(settings: Settings) -> User | None:
    """As whom root starts the programs; None where it is not root who does: then they run as that one.

    LARDER_UID and LARDER_GID say it, or the owner of the data directory does; it is www-data where that is root.
    """
    if os.geteuid() == 0:
        return User(*settings.run_as) if settings.run_as else _owner(settings.data.root) or _nobody()
    if settings.run_as and settings.run_as != (os.geteuid(), os.getegid()):
        uid, gid = settings.run_as
        raise Refused(f"LARDER_UID={uid} LARDER_GID={gid}; only root can run the programs as somebody else")
    return None


def _owner(path: Path) -> User | None:
    """Who owns it, or the nearest directory above it; None for root."""
    while not path.exists() and path != path.parent:
        path = path.parent
    facts = path.stat()
    return User(facts.st_uid, facts.st_gid or _group_of(facts.st_uid)) if facts.st_uid else None


def _group_of(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid or uid
    except KeyError:
        return uid


def _nobody() -> User:
    for name in ("www-data", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(found.pw_uid, found.pw_gid)
    return User(65534, 65534)


def limited(user: User | None, capabilities: Iterable[str] = ()) -> list[str]:
    """The command that another one is given to: it runs as `user`, gains nothing, and ends when this process does."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return []  # only where nobody is to be changed: see `_prepare`
    always = [setpriv, "--no-new-privs", "--pdeathsig", "TERM"]
    if user is None:
        return [*always, "--"]
    kept = ",".join(["-all", *(f"+{name}" for name in capabilities)])
    sets = [f"--inh-caps={kept}", f"--ambient-caps={kept}", f"--bounding-set={kept}"]
    return [*always, f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups", *sets, "--"]


def can_give(capability: str) -> bool:
    """Whether this process has the capability: root in a container may lack it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("CapEff:", "CapBnd:"))]
    return all(mask >> _NUMBERS[capability] & 1 for mask in masks)


def capabilities_to_reach(user: User, data: Data) -> tuple[str, ...]:
    """What the Python programs need to get at their code and data; Refused with what is in the way where none will do.

    nginx never gets any of it: what lies above the data directory it can do without, see `runtime`.
    """
    for directory in (data.root, data.site):
        check_passable(user, directory)
    found = barrier(user, *_code(), data.root, data.site, data.state)
    if found is None:
        return ()
    if not can_give(READ_ALL):
        raise _refusal(user, found)
    return (READ_ALL,)


def check_passable(user: User, directory: Path) -> None:
    """Refused unless `user` may pass the directory itself, whatever lies above it."""
    if _first_closed(user, [ITSELF], cwd=directory) is not None:
        raise _refusal(user, directory)


def _code() -> tuple[Path, ...]:
    """What running Python needs: the interpreter, its library, the packages, Larder itself."""
    return Path(sys.executable), Path(sys.executable).resolve(), Path(os.__file__).parent, Path(sys.prefix), HERE


def barrier(user: User, *paths: Path) -> Path | None:
    """The first of these paths, or of the directories above them, that `user` may not pass."""
    return _first_closed(user, [each for path in paths for each in (*reversed(path.parents), path)])


def _first_closed(user: User, paths: list[Path], cwd: Path | None = None) -> Path | None:
    command = [*limited(user), "sh", "-c", _PROBE, "sh", *dict.fromkeys(map(str, paths))]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"cannot run anything as uid {user.uid}: {done.stderr.strip()}")
    return Path(done.stdout) if done.stdout else None


def _refusal(user: User, path: Path) -> Refused:
    facts = path.stat()
    return Refused(
        f"{path}: uid {user.uid} (gid {user.gid}) may not pass here: it belongs to {facts.st_uid}:{facts.st_gid}, "
        f"mode {facts.st_mode & 0o7777:04o}; mend it with: chmod o+rx {shlex.quote(str(path))}, or put what is below "
        "elsewhere, or let somebody else run it (LARDER_UID=… LARDER_GID=…)"
    )
