"""Other indexes as contestants: pypiserver and devpi-server, each in an environment of its own, locked with hashes."""

import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.larder import NEVER, PASSWORD, SSHA
from scripts.bench.processes import Program, free_port, wait_for
from scripts.bench.talk import HOST, ask, basic
from scripts.environment import install_locked

LOCKS = Path(__file__).parent / "locks"
START = 60.0  # seconds it may take to answer for the first time


@dataclass(frozen=True)
class Peer:
    """One that runs: where its pages lie, where uploads go, and what they have to bring along."""

    name: str
    port: int
    program: Program
    simple: str
    target: str
    login: tuple[str, ...] = ()

    @property
    def pid(self) -> int:
        return self.program.pid

    def page(self, project: str) -> str:
        return f"{self.simple}{project}/"

    def file(self, project: str, filename: str) -> str:
        """The path of a file, as its project's page has it."""
        body = ask(self.port, self.page(project), "Accept: text/html").body.decode()
        found = re.search(rf'href="([^"#]*{re.escape(filename)})', body)
        if not found:
            raise RuntimeError(f"{self.name} does not list {filename}")
        return _absolute(self.page(project), found[1])


def _absolute(page: str, link: str) -> str:
    return os.path.normpath(link if link.startswith("/") else page + link)


def start_pypiserver(cache: Path, work: Path, files: Sequence[Path]) -> Peer:
    """Over hard links of these files, as it starts by itself; anybody may upload."""
    directory, port = work / "pypiserver", free_port()
    directory.mkdir()
    for file in files:
        os.link(file, directory / file.name)
    command = [str(find_peer(cache, "pypiserver") / "pypi-server"), "run", "-p", str(port), "-i", HOST]
    program = Program(work / "pypiserver.log")
    program.start([*command, "-a", ".", "-P", ".", "--disable-fallback", str(directory)], _environment())
    _wait_up("pypiserver", program, port)
    return Peer("pypiserver", port, program, "/simple/", "/")


def start_devpi(cache: Path, work: Path) -> Peer:
    """With one index that has no base and nothing in it; uploads bring a login token along."""
    directory, port, own = work / "devpi", free_port(), find_peer(cache, "devpi-server")
    where = ["--serverdir", str(directory)]
    init = [str(own / "devpi-init"), *where, "--no-root-pypi", "--root-passwd", PASSWORD]
    subprocess.run(init, env=_environment(), check=True, capture_output=True)
    program = Program(work / "devpi.log")
    program.start([str(own / "devpi-server"), *where, "--host", HOST, "--port", str(port)], _environment())
    _wait_up("devpi", program, port)
    _send(port, "PUT", f"/{SSHA}", {"password": PASSWORD, "email": "ann@example.org"})
    token = _send(port, "POST", "/+login", {"user": SSHA, "password": PASSWORD})["result"]["password"]
    login = basic(SSHA, token).replace("Authorization: Basic", "X-Devpi-Auth:")
    _send(port, "PUT", f"/{SSHA}/dev", {"type": "stage", "bases": [], "volatile": True}, login)
    return Peer("devpi", port, program, f"/{SSHA}/dev/+simple/", f"/{SSHA}/dev/", (login,))


def find_peer(cache: Path, name: str) -> Path:
    """Its programs, installed into the cache where they are not there as locked."""
    environment = cache / "peers" / name
    install_locked(environment, LOCKS / f"{name}.lock")
    return environment / "bin"


def _wait_up(name: str, program: Program, port: int) -> None:
    def is_up() -> bool:
        with suppress(OSError):
            return ask(port, "/", "Accept: application/json").status == 200
        return not program.pid

    wait_for(f"{name} that answers", is_up, START, 0.1)


def _send(port: int, method: str, path: str, content: object, *headers: str) -> dict[str, dict[str, str]]:
    """One request of devpi's own protocol."""
    known = dict(header.split(": ", 1) for header in ("Content-Type: application/json", *headers))
    body = json.dumps(content).encode()
    request = urllib.request.Request(f"http://{HOST}:{port}{path}", body, known, method=method)
    with urllib.request.urlopen(request, timeout=NEVER) as answer:  # noqa: S310
        found: dict[str, dict[str, str]] = json.load(answer)
        return found


def _environment() -> dict[str, str]:
    """This one, without what is meant for Larder's Python."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
