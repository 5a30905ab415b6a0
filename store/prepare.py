"""Make a data directory ready: create what is missing, or say what is in the way and how to mend it.

`python -m store.prepare` does so for LARDER_DATA, before the containers start.
"""

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from store.data import Data
from store.errors import BadDirectory, Refused, shown
from store.explain import explained, outside
from store.names import is_ignored, possible_projects
from store.repository import Repository
from store.settings import read_settings

LARDERS = {"packages", "repositories", "larder.toml"}  # one of these makes a directory one of Larder's
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
FOREIGN = {"lost+found"}  # what an empty file system holds


def prepare(data: Data, *, owner: tuple[int, int] | None = None) -> None:
    """Create what is missing below the data directory, or raise BadDirectory with the command that mends it.

    Where root prepares it for somebody else, what Larder writes to becomes that `owner`'s (uid, gid).
    """
    owner = owner if os.geteuid() == 0 else None
    check_is_larders(data.root)
    with explained(data.root, data.root):
        data.root.mkdir(parents=True, exist_ok=True)
        _let_pass(data.root, owner)
    for directory in (data.default.packages, *_holding(data), data.htpasswd.parent, data.audit.parent):
        with explained(directory, data.root):
            directory.mkdir(parents=True, exist_ok=True)
            _hand_over(directory, owner)
    if owner:
        hand_over_made(data, owner)
    prepare_derived(data, owner=owner)
    with explained(data.htpasswd.parent, data.root):
        if not data.htpasswd.exists():
            data.htpasswd.touch(mode=0o640)
        if not data.htpasswd.parent.is_symlink():
            _hand_over(data.htpasswd, owner)


def _holding(data: Data) -> tuple[Path, ...]:
    """What holds a directory for each repository or store."""
    return data.named, data.files, data.upstream


def prepare_derived(data: Data, *, owner: tuple[int, int] | None = None) -> None:
    """The same for what is derived alone: the rest may be read-only."""
    for directory in (data.site, data.state):
        with explained(directory, data.root):
            directory.mkdir(parents=True, exist_ok=True)
            _check_derived(directory, data)
            _hand_over(directory, owner)
    with contextlib.suppress(OSError):  # what was found elsewhere lies where all else may be read-only
        data.upstream.mkdir(exist_ok=True)
        _hand_over(data.upstream, owner)
    with explained(data.named, data.root, "read"):
        repositories = data.repositories()
    for repository in repositories:
        for directory in (repository.site, repository.state):
            if owner is not None and directory.is_dir() and not directory.parent.is_symlink():
                with explained(directory, data.root):
                    _hand_over_tree(directory, owner)


def hand_over_made(data: Data, owner: tuple[int, int]) -> None:
    """Give what root made below `repositories/` and `files/` for clients' files to the owner, who is to write there.

    By descriptors: those two are the owner's, and could hold links that have root give away anything.
    """
    with explained(data.root, data.root):
        for directory in data.written()[1:]:
            with contextlib.suppress(OSError), contextlib.ExitStack() as stack:  # as where one of the names is a link
                descriptor = os.open(data.root, _DIRECTORY)
                stack.callback(os.close, descriptor)
                for name in directory.relative_to(data.root).parts:
                    descriptor = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
                    stack.callback(os.close, descriptor)
                if os.fstat(descriptor).st_uid == 0:
                    os.fchown(descriptor, *owner)


def _check_derived(directory: Path, data: Data) -> None:
    """Raise BadDirectory where pages or state are sent to a directory with other things in it."""
    if directory.parent == data.root and not directory.is_symlink():
        return
    ours = {each.name for each in (*data.repositories(), *data.remembered())} | {data.kept_policy.name}
    others = {path.name for path in directory.iterdir() if not is_ignored(path.name)} - ours - FOREIGN
    if others:
        raise BadDirectory(
            f"{directory}: this directory holds {shown(min(others))}; expected an empty one, or Larder's"
        )


def _hand_over(path: Path, owner: tuple[int, int] | None) -> None:
    """Give root's file or directory, and nothing in it, to its new owner.

    What belongs to anybody else stays as it is, and so does what a link leads to: root could give anything away.
    """
    facts = path.lstat()
    if owner is not None and facts.st_uid == 0 and not stat.S_ISLNK(facts.st_mode):
        os.chown(path, *owner, follow_symlinks=False)


def _hand_over_tree(directory: Path, owner: tuple[int, int]) -> None:
    """The same for all of a directory of derived files, where root has restored it; no link is followed.

    It is given away last, so what still is root's is looked through again should this be broken off.
    """
    if directory.lstat().st_uid != 0:
        return
    for _, names, filenames, descriptor in os.fwalk(directory, topdown=False, follow_symlinks=False):
        for name in (*names, *filenames, "."):
            if os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_uid == 0:
                os.chown(name, *owner, dir_fd=descriptor, follow_symlinks=False)


def _let_pass(root: Path, owner: tuple[int, int] | None) -> None:
    """Let the new owner's group into root's own directory: nothing in it is theirs to change by that."""
    facts = root.stat()
    if owner is None or facts.st_uid != 0 or facts.st_mode & 0o005 == 0o005:
        return
    if facts.st_gid != owner[1]:
        os.chown(root, -1, owner[1])
        root.chmod(facts.st_mode & 0o7707)  # what the group before could do was not meant for this one
    root.chmod(root.stat().st_mode & 0o7777 | 0o050)


def check_writable(directories: Iterable[Path], root: Path) -> None:
    """Raise BadDirectory unless this process can work in all of them."""
    for directory in directories:
        with explained(directory, root):
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                _check_writable(descriptor)
            finally:
                os.close(descriptor)


def _check_writable(descriptor: int) -> None:
    if os.fstatvfs(descriptor).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=descriptor):  # access(2) knows of no capability on the way there
        raise PermissionError


def check_readable(file: Path, root: Path) -> None:
    """Raise BadDirectory unless this process can read the file, where there is one."""
    with explained(file, root, "read"), contextlib.suppress(FileNotFoundError):
        file.open("rb").close()


def check_there(data: Data) -> None:
    """Raise BadDirectory where there is no data directory at all."""
    if not data.root.is_dir():
        raise BadDirectory(f"{data.root}: there is no such directory; expected the data directory of a Larder")


def find_repository(data: Data, name: str) -> Repository:
    """The one that a person means; Refused where there is none, or no data directory."""
    check_there(data)
    with explained(data.root, data.root, "read"):
        known = {repository.name: repository for repository in data.repositories()}
    if name not in known:
        raise Refused(f"there is no repository {shown(name)}; expected one of {', '.join(known)}")
    return known[name]


def check_is_larders(root: Path) -> None:
    """Raise BadDirectory for somebody else's directory: with other things in it, and nothing of Larder's."""
    with explained(root, root, "read"), contextlib.suppress(FileNotFoundError):
        names = {path.name for path in root.iterdir() if not is_ignored(path.name)} - FOREIGN
        is_ours = bool(names & LARDERS) or Data.at(root, root).htpasswd.exists() or any(map(possible_projects, names))
        if names and not is_ours:
            raise BadDirectory(
                f"{outside(root, root)}: this directory holds {shown(min(names))} and nothing of Larder's; "
                "expected an empty or new directory, or one that has packages/ in it"
            )


def _written(data: Data) -> list[Path]:
    """Every directory that Larder writes to and that is there."""
    below = [path for one in data.repositories() for path in (one.packages, one.site, one.state)]
    return [*_holding(data), data.site, data.state, *filter(os.path.lexists, below)]


def main() -> int:
    try:
        data = read_settings().data
        prepare(data)
        check_writable(_written(data), data.root)
        check_readable(data.htpasswd, data.root)
    except Refused as error:
        print(f"larder: {error}", file=sys.stderr)  # noqa: T201 - a command speaks to a person
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
