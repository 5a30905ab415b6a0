"""The contestant: Larder as `scripts/serve` starts it, over a data directory of its own."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench.processes import Program, children, command_of, cpu_seconds, descendants, free_port, wait_for
from scripts.bench.talk import JSON, Connection, ask, basic, get
from store.data import Data

HERE = Path(__file__).resolve().parent.parent.parent
LONG = 3600.0  # seconds that a first indexing may take
NEVER = 300.0  # seconds that nothing else may
WORDS = 20  # lines of its log that are shown where something is wrong

SSHA, BCRYPT, PASSWORD = "ann", "bob", "correct-horse"
_BCRYPT_LINE = f"{BCRYPT}:$2b$12$nU06yb1rUEdfsJYdhSaN3umpBeMM14wxFqx22hMAH5mJiH6CYmlA6\n"
LOGINS = {"": (), "ssha": (basic(SSHA, PASSWORD),), "bcrypt": (basic(BCRYPT, PASSWORD),)}

_RECONCILED = re.compile(r"reconciled \d+ files in ([\d.]+) s")
_POLICY = '[repositories.default]\ndownload = ["{}"]\n'


@dataclass
class Larder:
    """One data directory, served at `port` while it runs."""

    root: Path
    port: int = field(default_factory=free_port)
    program: Program = field(init=False)
    began: float = 0.0  # when it was started last

    def __post_init__(self) -> None:
        self.program = Program(self.root.with_suffix(".log"))

    @property
    def paths(self) -> Data:
        return Data.at(self.root, self.root)

    @property
    def packages(self) -> Path:
        return self.paths.default.packages

    @property
    def pid(self) -> int:
        return self.program.pid

    def prepare(self) -> None:
        """Users of both kinds, and open reading."""
        command = [sys.executable, "-P", "-m", "uploader.users", "--data", str(self.root), "add", SSHA, "--stdin"]
        subprocess.run(
            command, env=_environment(), input=PASSWORD + "\n", text=True, check=True, stdout=subprocess.PIPE
        )
        with self.paths.htpasswd.open("a") as users:
            users.write(_BCRYPT_LINE)
        self.paths.policy.write_text(_POLICY.format("anonymous"))

    def forget(self) -> None:
        """Put all that is derived aside, so that the next start is a first one."""
        aside = self._aside()
        for derived in (self.paths.site, self.paths.state):
            if derived.exists():
                derived.rename(aside / derived.name)

    def _aside(self) -> Path:
        """Where to put what is in the way. Deleted it would disturb what is measured next: for minutes ext4 passes
        over each inode that was freed, at every file that is made."""
        return Path(tempfile.mkdtemp(prefix="aside-", dir=self.root.parent))

    def start(self) -> None:
        """Start it and come back at once."""
        where = ["--data", str(self.root), "--host", "127.0.0.1", "--port", str(self.port)]
        self.began = time.monotonic()
        self.program.start([str(HERE / "scripts/serve"), *where], _environment())

    def stop(self) -> None:
        self.program.stop()

    def last_words(self) -> str:
        """The end of its log."""
        log = self.program.log
        return "\n".join(log.read_text(errors="replace").splitlines()[-WORDS:]) if log.exists() else ""

    def wait_healthy(self) -> float:
        """Until all that lies there is listed: the seconds since the start."""
        wait_for("a healthy Larder", self.is_healthy, LONG, 0.01)
        return time.monotonic() - self.began

    def is_healthy(self) -> bool:
        with suppress(OSError):
            return ask(self.port, "/health").status == 200
        return not self.pid

    def reconciled(self) -> float | None:
        """The seconds that the indexer says its last comparison with the disk took; None where it does not say."""
        said = _RECONCILED.findall(self.program.log.read_text())
        return float(said[-1]) if said else None

    def close(self) -> None:
        """Have reading for users only, and wait until it is."""
        unfinished = self.paths.policy.with_name(".policy.part")
        unfinished.write_text(_POLICY.format("authenticated"))
        unfinished.replace(self.paths.policy)
        wait_for("closed reading", lambda: ask(self.port, "/simple/").status == 401, NEVER, 0.05)

    def rest(self, seconds: float) -> float:
        """Wait until it has hardly used any CPU for that long; the seconds from the start to when that began."""

        def is_idle() -> bool:
            before = cpu_seconds(self.pid)
            time.sleep(seconds)
            return cpu_seconds(self.pid) - before <= 0.05 * seconds + 0.02

        wait_for("a Larder with nothing to do", is_idle, LONG, 0)
        return time.monotonic() - self.began - seconds

    def listed(self, project: str, connection: Connection) -> set[str]:
        """The files on the project's simple page."""
        return filenames(connection.ask(simple(project)).body)

    def remove(self, files: Iterable[tuple[str, str]]) -> None:
        """Remove these (project, file name) from the disk, and wait until no page lists them any more."""
        gone: dict[str, set[str]] = {}
        aside = self._aside()
        for project, filename in files:
            with suppress(FileNotFoundError):
                (self.packages / filename).rename(aside / filename)
            gone.setdefault(project, set()).add(filename)
        with Connection(self.port) as connection:
            for project, names in gone.items():
                _wait_unlisted(self, project, names, connection)


def _wait_unlisted(larder: Larder, project: str, names: set[str], connection: Connection) -> None:
    wait_for(f"{project} without {len(names)} files", lambda: not names & larder.listed(project, connection), NEVER)


def programs_of(supervisor: int) -> dict[str, set[int]]:
    """Name of each program → its processes; the supervisor is what started the others."""
    found = {"supervisor": {supervisor}}
    for child in children(supervisor):
        found.setdefault(_name(command_of(child)), set()).update(descendants(child))
    return found


def simple(project: str) -> bytes:
    """The request for a project's page as installers send it."""
    return get(f"/simple/{project}/", f"Accept: {JSON}")


def filenames(page: bytes) -> set[str]:
    """The file names in a JSON page."""
    return {name.decode() for name in re.findall(rb'"filename": ?"([^"]+)"', page)}


def lay_out(root: Path, files: Sequence[Path]) -> Larder:
    """A data directory with these files, hard links of them, and its users."""
    larder = Larder(root)
    larder.packages.mkdir(parents=True)
    for file in files:
        os.link(file, larder.packages / file.name)
    larder.prepare()
    return larder


def _name(command: str) -> str:
    return next((name for name in ("indexer", "uploader", "nginx") if name in command), "supervisor")


def _environment() -> dict[str, str]:
    """This one, but for what would change how Larder runs."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LARDER_")}
    return {**kept, "PYTHONPATH": str(HERE), "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
