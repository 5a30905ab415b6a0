"""What lies where in the data directory, and whether this process can work there."""

import contextlib
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from store.errors import BadDirectory


@dataclass(frozen=True)
class Layout:
    """The paths below one data directory; the table in the README says who writes which."""

    root: Path

    @property
    def packages(self) -> Path:
        return self.root / "packages"

    @property
    def incoming(self) -> Path:
        return self.root / "incoming"

    @property
    def site(self) -> Path:
        return self.root / "site"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def htpasswd(self) -> Path:
        return self.root / "auth" / ".htpasswd"

    @property
    def policy(self) -> Path:
        return self.root / "larder.toml"

    @property
    def accepted_policy(self) -> Path:
        """The last `larder.toml` that could be used, word for word."""
        return self.state / "larder.toml"

    @property
    def heartbeat(self) -> Path:
        """Touched by the indexer while it works."""
        return self.state / "heartbeat"

    def project_page(self, project: str) -> Path:
        """The project detail in JSON: the page that says what is listed."""
        return self.site / "simple" / project / "index.json"


def prepare(layout: Layout, *written: Path) -> None:
    """Create what is missing below the data directory, or raise BadDirectory with the command that mends it.

    A program that writes to some directories only names them: the others may be read-only.
    """
    for directory in (layout.packages, layout.incoming, layout.site, layout.state, layout.htpasswd.parent):
        with _explained(directory, layout.root):
            _prepare_directory(directory, os.W_OK if directory in written or not written else 0)
    if not layout.htpasswd.exists():
        with _explained(layout.htpasswd.parent, layout.root):
            layout.htpasswd.touch(mode=0o640)


def _prepare_directory(directory: Path, write: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if not os.access(directory, os.R_OK | os.X_OK | write):
        raise PermissionError


@contextlib.contextmanager
def _explained(path: Path, root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadDirectory(_explain(path, root, error)) from error


def _explain(path: Path, root: Path, error: OSError) -> str:
    uid, gid = os.getuid(), os.getgid()
    if not isinstance(error, PermissionError):
        return f"{path}: {error.strerror or error}; expected a directory that uid {uid} can write"
    found = path
    while not found.exists():
        found = found.parent
    facts = found.stat()
    outside = os.environ.get("LARDER_DATA_OUTSIDE", str(root))  # the root, as a container's host calls it
    shown = str(found).replace(str(root), outside, 1)
    mend = f"sudo chown -R {uid}:{gid} {shlex.quote(outside)}"
    return (
        f"{shown}: uid {uid} (gid {gid}) cannot write here: it belongs to {facts.st_uid}:{facts.st_gid}, "
        f"mode {facts.st_mode & 0o7777:04o}; mend it with: {mend}"
    )
