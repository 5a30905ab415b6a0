"""The files of lines that commands keep: `.htpasswd` and `.tokens`. Each is replaced in one step."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from store.data import Data
from store.errors import BadDirectory
from store.explain import explained
from store.files import make_durable, open_incoming, place_over
from store.prepare import prepare
from uploader.auth.lines_file import read_lines


def prepare_users(data: Data) -> None:
    """See to it that there is a `.htpasswd`: where root makes it, it is the data directory's owner's."""
    with explained(data.root, data.root):
        if not data.root.is_dir():
            raise BadDirectory(f"{data.root}: there is no such directory; expected the data directory of a Larder")
        facts = data.root.stat()
    prepare(data, owner=(facts.st_uid, facts.st_gid) if facts.st_uid else None)


def rewrite(path: Path, data: Data, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change the lines, with owner and mode as they were, or as `.htpasswd` has them: it is read at any time.

    Of commands that are given at once each sees what the one before it wrote.
    """
    if path.is_symlink() and not path.exists():  # nothing is made where somebody's link leads
        raise BadDirectory(f"{path}: it is a link that leads nowhere; expected a file, or none")
    with explained(path, data.root, "read"):
        target = path.resolve()
    with explained(target.parent, data.root), _locked(target.parent):
        with explained(path, data.root, "read"):
            facts = (target if target.exists() else data.htpasswd).stat()
            lines = change(read_lines(target).splitlines())
        with open_incoming(target.parent) as incoming:
            os.fchmod(incoming.file.fileno(), facts.st_mode & 0o777)
            if os.geteuid() == 0:
                os.fchown(incoming.file.fileno(), facts.st_uid, facts.st_gid)
            incoming.file.write(b"".join(line + b"\n" for line in lines))
            make_durable(incoming.file)
            place_over(incoming, target)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
