"""nginx by itself, on a site made by the page kinds, with a stub for the uploader."""

import asyncio
import os
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import IO, Any

from aiohttp.test_utils import make_mocked_request

from store.data import Data
from store.policy import ANONYMOUS, Policy
from store.ways import list_ways
from tests.nginx.rendered import write_site
from tests.running import HERE, Larder, wait_until
from uploader.answers import HttpRefusal
from uploader.auth.readers import Readers
from uploader.redirects import redirect

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Asked:
    """A request as the uploader gets it."""

    method: str
    path: str
    headers: Message
    body: bytes


@dataclass
class Site(Larder):
    """nginx alone serves `data`, as a Larder does whose other programs are stopped or stand still."""

    asked: list[Asked] = field(default_factory=list)
    reply: Callable[[Asked], Reply] = lambda _: (404, {}, b"the stub knows nothing\n")
    policy: Policy = field(default_factory=Policy)
    hashes: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def prefix(self) -> Path:
        return self.data.parent

    @property
    def run(self) -> Path:
        return self.prefix / "run"

    def allow(self, *who: str, overwrite: bool = False, boards_open: bool = False) -> None:
        """Put in force that these may read, and nobody else."""
        directory = self.paths.policy_in_force / self.paths.default.name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        self.policy = Policy(download=who, overwrite=overwrite, boards_open=boards_open)
        for way, target in list_ways(self.paths, self.paths.default, self.policy).items():
            (self.paths.policy_in_force / way).parent.mkdir(parents=True, exist_ok=True)
            (self.paths.policy_in_force / way).symlink_to(target)
        self.know(self.hashes)

    def know(self, users: Mapping[str, bytes | str]) -> None:
        """Have nginx check the passwords of these, user → hash, and of nobody else."""
        self.hashes = {user: hashed.encode() if isinstance(hashed, str) else hashed for user, hashed in users.items()}
        Readers(self.paths.readers_of("default")).keep(self.hashes, self.policy, frozenset())

    def render(self, **overview: Any) -> None:
        """Make all pages anew from what lies in `packages/`."""
        write_site(self.paths.default, **overview)

    @contextmanager
    def serving(self) -> Iterator["Site"]:
        """Run nginx and the stub."""
        with _stub(self), self.log_file.open("ab") as log:
            self.start_nginx(log)
            try:
                yield self
            finally:
                self.stop()

    def start_nginx(self, log: IO[bytes]) -> None:
        lay_out(self.prefix, self.paths, self.port)
        command = ["nginx", "-p", str(self.prefix), "-c", str(self.prefix / "nginx.conf"), "-e", "stderr"]
        whoever = " user root;" if os.geteuid() == 0 else ""  # pytest's directories are for their owner alone
        environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
        self.process = subprocess.Popen([*command, "-g", f"daemon off;{whoever}"], env=environment, cwd="/", stderr=log)
        wait_until(self._is_up)

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            return self.get("/-/").status == 404
        except OSError:
            return False


def lead(asked: Asked) -> Reply:
    """What the uploader answers to names as people type them."""
    try:
        response = asyncio.run(redirect(make_mocked_request("GET", asked.path)))
    except HttpRefusal as error:
        return error.status, {}, b""
    return response.status, dict(response.headers), b""


def lay_out(prefix: Path, data: Data, port: int) -> None:
    """What nginx.conf expects around itself."""
    shutil.copyfile(HERE / "nginx/nginx.conf", prefix / "nginx.conf")
    (prefix / "site").symlink_to(data.site)
    if not (prefix / "data").exists():
        (prefix / "data").symlink_to(data.root)
    (prefix / "tmp").mkdir(exist_ok=True)
    (prefix / "tmp/secret.conf").write_text('map "" $secret { default "of this test"; }\n')
    (prefix / "listen.conf").write_text(f"listen 127.0.0.1:{port};\n")
    (prefix / "local.conf").write_text(
        f"upstream uploader {{ server unix:{data.socket}; }}\n"
        f'map "" $in_force {{ default {data.policy_in_force}; }}\n'
        f'map "" $admitted {{ default {data.admitted}; }}\n'
    )


def make_site(prefix: Path, port: int) -> Site:
    """One with nothing in it, open to everybody, that overwrites nothing."""
    site = Site(prefix / "data", port, prefix / "log")
    for directory in (site.packages, site.paths.htpasswd.parent, site.paths.socket.parent):
        directory.mkdir(parents=True)
    site.paths.htpasswd.touch()
    site.allow(ANONYMOUS)
    return site


@contextmanager
def _stub(site: Site) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "nginx"

        def log_message(self, *_: Any) -> None:
            pass

        def read_body(self) -> bytes:
            """As long as it is said to be, or else whatever came along with the headers."""
            if "Content-Length" in self.headers:
                return self.rfile.read(int(self.headers["Content-Length"]))
            self.connection.setblocking(False)
            body = self.rfile.read1() or b""
            self.connection.setblocking(True)
            return body

        def answer(self) -> None:
            asked = Asked(self.command, self.path, self.headers, self.read_body())
            site.asked.append(asked)
            with suppress(ConnectionError):
                status, headers, body = site.reply(asked)
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else body)

        do_GET = do_HEAD = do_POST = answer

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(str(site.paths.socket), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield
        server.shutdown()
