"""A running Larder, all three programs of it, as a test drives it."""

import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from scripts.supervise.limits import READ_ALL, can_give
from store.data import Data

HERE = Path(__file__).resolve().parent.parent
JSON = "application/vnd.pypi.simple.v1+json"
T = TypeVar("T")
USER, PASSWORD = "ann", "correct-horse"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], T], seconds: float = 10.0) -> T:
    """The first truthy value of `condition`; AssertionError where there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(0.01)


@dataclass
class Answer:
    status: int
    reason: str
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@dataclass
class Larder:
    """One data directory being served at `url`; the programs' output goes to `log_file`."""

    data: Path
    port: int
    log_file: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def login_url(self) -> str:
        return f"http://{USER}:{PASSWORD}@127.0.0.1:{self.port}"

    @property
    def packages(self) -> Path:
        return self.data / "packages"

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def run(self) -> Path:
        """Where socket, heartbeat and policy in force lie, while it runs."""
        [nginx] = wait_until(lambda: self.pids("nginx"))
        command = Path(f"/proc/{nginx}/cmdline").read_text().replace("\0", " ").split()
        return Path(command[command.index("-p") + 1]) / "run"

    @property
    def paths(self) -> Data:
        """Every path of this Larder, while it runs."""
        return Data.at(self.data, self.run)

    def start(self, *, healthy: bool = True) -> None:
        """Until it serves, and until all that lies there is listed, unless something is meant to be wrong."""
        let_others_pass(self.data)
        command = [sys.executable, "-P", "-m", "scripts.supervise", "--data", str(self.data)]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        environment = {**os.environ, "PYTHONPATH": str(HERE), **self.environment}
        environment["PATH"] += ":/usr/sbin:/sbin"
        said = len(self.log) if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        wait_until(lambda: "Ctrl-C stops it" in self.log[said:] or self._died(), 30)
        if healthy:
            wait_until(lambda: self.get("/health").status == 200, 30)

    def _died(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None

    def pids(self, name: str) -> list[int]:
        """Of the program `name` ("indexer", "uploader" or "nginx") of this Larder."""
        assert self.process is not None
        listing = subprocess.check_output(["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], text=True)
        return [int(line.split()[0]) for line in listing.splitlines() if name in line]

    @contextlib.contextmanager
    def without(self, *names: str) -> Iterator[None]:
        """For a while these programs do not run (they are stopped, as a hung one is)."""
        pids = [pid for name in names for pid in self.pids(name)]
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def add_user(self, user: str = USER, password: str = PASSWORD) -> None:
        run_tool("-m", "uploader.users", "--data", str(self.data), "add", user, "--stdin", stdin=password + "\n")

    def add_token(self, name: str, *options: str) -> dict[str, str]:
        """The header by which it is sent."""
        made = run_tool("-m", "uploader.commands", "--data", str(self.data), "token", "add", name, *options)
        return basic("__token__", made.stdout.strip())

    def rule(self, policy: str) -> None:
        """Put it in force, and wait until it is."""
        (self.data / "larder.toml").write_text(policy)
        in_force = self.paths.policy_in_force / "larder.toml"
        wait_until(lambda: in_force.exists() and in_force.read_text() == policy)

    def upload(self, file: Path, path: str, login: Mapping[str, str]) -> Answer:
        """As a client sends it."""
        body, headers = form(file)
        return self.request("POST", path, body, {**headers, **login})

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request to exactly this path; no redirect is followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.reason, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """GET; `If_None_Match="…"` is the header If-None-Match."""
        return self.request("GET", path, headers={key.replace("_", "-"): value for key, value in headers.items()})

    def detail(self, project: str) -> dict[str, dict[str, Any]]:
        """File name → entry of the project's JSON page; empty where there is no page."""
        answer = self.get(f"/simple/{project}/", Accept=JSON)
        return {entry["filename"]: entry for entry in answer.json()["files"]} if answer.status == 200 else {}

    def digest(self, project: str, filename: str) -> str | None:
        """As the project's page has it; None where it is not listed."""
        entry = self.detail(project).get(filename)
        return entry["hashes"]["sha256"] if entry else None

    def wait_listed(self, project: str, file: Path, seconds: float = 10.0) -> dict[str, Any]:
        """The entry, once the page lists the file with the digest it has."""
        from tests.archives import digest

        wanted = digest(file)
        return wait_until(
            lambda: (
                (entry := self.detail(project).get(file.name, {})) and entry["hashes"]["sha256"] == wanted and entry
            ),
            seconds,
        )

    def wait_gone(self, project: str, filename: str, seconds: float = 10.0) -> None:
        wait_until(lambda: filename not in self.detail(project), seconds)

    def snapshot(self) -> dict[str, tuple[int, int, bytes]]:
        """All that people's data is: path → inode, modification time, content, of all but site and state."""
        tops = (path for path in self.data.iterdir() if path.name not in ("site", "state"))
        files = (file for top in tops for file in (top, *top.rglob("*")) if file.is_file())
        return {
            str(file.relative_to(self.data)): (file.stat().st_ino, file.stat().st_mtime_ns, file.read_bytes())
            for file in files
        }

    def site_snapshot(self) -> dict[str, tuple[int, int]]:
        """Every page: path → inode and modification time."""
        files = (file for file in sorted((self.data / "site").rglob("*")) if file.is_file())
        return {str(file.relative_to(self.data)): (file.stat().st_ino, file.stat().st_mtime_ns) for file in files}


@contextlib.contextmanager
def running_in(directory: Path, **environment: str) -> Iterator[Larder]:
    """A Larder on `directory/data`, stopped whatever happens: also where it never was healthy."""
    found = Larder(directory / "data", free_port(), directory / "log", environment)
    try:
        found.start()
        yield found
    finally:
        found.stop()


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def let_others_pass(path: Path) -> None:
    """Open pytest's own directories above `path` to whom root starts the programs as, where these could not pass."""
    if os.geteuid() == 0 and not can_give(READ_ALL):
        for parent in path.parents:
            if Path(tempfile.gettempdir()) in parent.parents and parent.exists():
                parent.chmod(0o755)


def run_tool(
    *arguments: str,
    stdin: str | None = None,
    check: bool = True,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run `python ARGUMENTS` of this environment, with `env` on top of the test's own."""
    environment = {**os.environ, **(env or {}), "PYTHONPATH": str(HERE)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, input=stdin, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def place_of(url: str) -> str:
    return urlsplit(url).path


def form(file: Path, filename: str = "", **fields: str) -> tuple[bytes, dict[str, str]]:
    """An upload's body and headers, the content last; `_action` is `:action`."""
    boundary = "limit-of-a-part"
    texts = {":action": "file_upload", "protocol_version": "1"}
    texts |= {(":action" if key == "_action" else key): value for key, value in fields.items()}
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode() for name, text in texts.items()
    ]
    head = f'Content-Disposition: form-data; name="content"; filename="{filename or file.name}"\r\n\r\n'.encode()
    parts.append(head + file.read_bytes() + b"\r\n")
    marked = b"".join(b"--" + boundary.encode() + b"\r\n" + part for part in parts)
    return marked + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}
