"""What the programs find around themselves: a fresh directory, their environment, their command lines."""

import os
import secrets
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.supervise import HERE
from scripts.supervise.limits import BIND, ITSELF, LEASE, User, barrier, can_give, capabilities_to_reach, limited
from store.errors import Refused
from store.settings import Settings

# What threads and large buffers took goes back to the system (mallopt(3)); and 1 MB is not taken for lists of a few
# handlers that aiohttp makes once.
THRIFT = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TRIM_THRESHOLD_": "1048576",
    "MALLOC_MMAP_THRESHOLD_": "4194304",
    "FROZENLIST_NO_EXTENSIONS": "1",
}


@dataclass(frozen=True)
class Program:
    """One of the three. `cwd` is where it is started, by whoever starts it: the program itself may not get there."""

    name: str
    command: list[str]
    cwd: Path


@dataclass(frozen=True)
class Runtime:
    """`directory` is nginx's prefix; `capabilities` are what the Python programs keep where root starts them."""

    directory: Path
    settings: Settings
    user: User | None
    capabilities: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """Of the Python programs: what was found to be good, whatever the variables say."""
        settings = self.settings
        paths = {"DATA": settings.data.root, "SITE": settings.data.site, "STATE": settings.data.state}
        paths["RUN"] = settings.data.run
        fixed = {f"LARDER_{name}": str(path) for name, path in paths.items()}
        fixed |= {"LARDER_HOST": settings.host, "LARDER_PORT": str(settings.port)}
        return {**os.environ, **THRIFT, **fixed, "PYTHONPATH": str(HERE), "PYTHONSAFEPATH": "1"}

    def python(self, module: str, *more: str) -> list[str]:
        """The command that runs one of the modules, with `more` capabilities."""
        return [*limited(self.user, (*self.capabilities, *more)), sys.executable, "-m", module]

    def programs(self) -> tuple[Program, Program, Program]:
        """Indexer, uploader, nginx: in the order in which they are started."""
        own = self.directory
        lease = (LEASE,) if can_give(LEASE) else ()  # tells whether larder.toml is being written, whoever's it is
        bind = (BIND,) if self.settings.port < 1024 and can_give(BIND) else ()
        nginx = ["nginx", "-p", str(own), "-c", str(own / "nginx.conf"), "-e", "stderr", "-g", "daemon off;"]
        return (
            Program("indexer", self.python("indexer", *lease), own),
            Program("uploader", self.python("uploader"), own),
            Program("nginx", [*limited(self.user, bind), *nginx], self.settings.data.root),
        )

    def plan(self) -> dict[str, Any]:
        """What `keep` is to do."""
        data, python = self.settings.data, [*limited(None), sys.executable, "-P", "-m"]
        programs = [{"name": each.name, "command": each.command, "cwd": str(each.cwd)} for each in self.programs()]
        programs[-1]["after"] = str(data.policy_in_force)  # nginx asked too early would know no policy
        derived = {
            "command": [*python, "scripts.supervise.derived", *map(str, self.user or ())],
            "when": [str(data.site), str(data.state), str(data.upstream)],
            "there": False,
        }
        greeting = {"command": [*python, "scripts.supervise.greeting"], "when": [str(data.socket)], "there": True}
        return {
            "programs": programs,
            "helpers": [derived, greeting, *self._helpers_of_root(python)],
            "environment": self.environment,
            "directory": str(self.directory),
            "quiet": self.settings.log_level == "ERROR",
        }

    def _helpers_of_root(self, python: list[str]) -> list[dict[str, Any]]:
        """What only root can do for the programs, which are somebody else."""
        if not self.user:
            return []
        command = [*python, "scripts.supervise.ownership", *map(str, self.user)]
        return [{"command": command, "when": [str(self.settings.data.handed_over)], "there": False}]


def lay_out(directory: Path, settings: Settings, user: User | None) -> Runtime:
    """Make `directory` what nginx.conf expects around itself; Refused where `user` can never get at the data."""
    data = replace(settings.data, run=directory / "run")
    os.umask(0o022)  # from here on: what is made is for the programs to read
    directory.chmod(0o755)
    for name in ("run/indexer", "run/uploader", "tmp"):
        (directory / name).mkdir(parents=True)
        if user:
            os.chown(directory / name, *user)
    data.admitted.chmod(0o700)  # who reads what, and when, is for nobody else to see
    (directory / "data").symlink_to(_way_to_data(data.root, user))
    (directory / "site").symlink_to(_way_to_site(data.root, data.site, user))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    (directory / "listen.conf").write_text(f"listen {host}:{settings.port};\n")
    (directory / "local.conf").write_text(
        f"upstream uploader {{ server unix:{data.socket}; }}\n"
        f'map "" $in_force {{ default {data.policy_in_force}; }}\n'
        f'map "" $admitted {{ default {data.admitted}; }}\n'
    )
    data.handed_over.touch()
    _write_secret(directory / "tmp" / "secret.conf", user)
    shutil.copyfile(HERE / "nginx" / "nginx.conf", directory / "nginx.conf")
    capabilities = capabilities_to_reach(user, data) if user else ()
    return Runtime(directory, replace(settings, data=data), user, capabilities)


def _write_secret(path: Path, user: User | None) -> None:
    """By it nginx makes names that stand for passwords: it is another one at each start, and nobody else's."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w") as file:
        file.write(f'map "" $secret {{ default "{secrets.token_urlsafe(15)}"; }}\n')
    if user:
        os.chown(path, *user)


def _way_to_data(root: Path, user: User | None) -> Path:
    """How nginx gets to the data directory: it is started there, should it not be able to pass what lies above."""
    return ITSELF if user and barrier(user, root) else root


def _way_to_site(root: Path, site: Path, user: User | None) -> Path:
    if root in site.parents:
        return Path("data") / site.relative_to(root) if _way_to_data(root, user) == ITSELF else site
    if user and (found := barrier(user, site)):
        raise Refused(f"LARDER_SITE={str(site)!r}: uid {user.uid} may not pass {found}; expected a way that is open")
    return site
