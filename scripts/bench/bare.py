"""The limit of serving: nginx alone, with the pages and files of a Larder as plain files, and WebDAV PUT."""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench.larder import Larder
from scripts.bench.processes import Program, free_port, wait_for
from scripts.bench.talk import HTML, JSON, Connection, ask, get

_CONFIGURATION = """\
worker_processes auto;
pid nginx.pid;
daemon off;
error_log stderr warn;
{user}
events {{ worker_connections 1000; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    default_type application/octet-stream;
    types {{ text/html html; application/vnd.pypi.simple.v1+json json; }}
    client_body_temp_path tmp;
    proxy_temp_path tmp;
    fastcgi_temp_path tmp;
    uwsgi_temp_path tmp;
    scgi_temp_path tmp;
    server {{
        listen 127.0.0.1:{port};
        root {root}/tree;
        index index.json;
        location /put/ {{
            dav_methods PUT;
            client_max_body_size 0;
        }}
    }}
}}
"""


@dataclass
class BareNginx:
    """Pages at `/simple/…/index.html` and `index.json`, files at `/packages/`, what is PUT at `/put/`."""

    root: Path
    port: int = field(default_factory=free_port)
    program: Program = field(init=False)

    def __post_init__(self) -> None:
        self.root.mkdir()
        self.program = Program(self.root / "log")

    @property
    def tree(self) -> Path:
        return self.root / "tree"

    @property
    def pid(self) -> int:
        return self.program.pid

    def start(self) -> None:
        """Until it answers."""
        for directory in (self.root / "tmp", self.tree / "put"):
            directory.mkdir(parents=True, exist_ok=True)
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = self.root / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(user=user, port=self.port, root=self.root))
        command = ["nginx", "-p", str(self.root), "-c", str(configuration), "-e", "stderr"]
        environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        self.program.start(command, environment)
        wait_for("a bare nginx", self._is_up, 10)

    def _is_up(self) -> bool:
        with suppress(OSError):
            return ask(self.port, "/none").status == 404
        return not self.pid

    def stop(self) -> None:
        self.program.stop()

    def take(self, larder: Larder, projects: Iterable[str]) -> None:
        """Copy the list and the pages of these projects from a Larder that runs, and link their files."""
        with Connection(larder.port) as connection:
            self._save_pages(connection, "/simple/")
            for project in projects:
                self._save_pages(connection, f"/simple/{project}/")
                for filename in larder.listed(project, connection):
                    self._save_file(connection, larder.packages / filename)

    def _save_pages(self, connection: Connection, path: str) -> None:
        for accept, name in ((HTML, "index.html"), (JSON, "index.json")):
            self._save(f"{path}{name}", connection.ask(get(path, f"Accept: {accept}")).body)

    def _save_file(self, connection: Connection, file: Path) -> None:
        path = f"/packages/{file.name}"
        answer = connection.ask(get(f"{path}.metadata"))
        if answer.status == 200:
            self._save(f"{path}.metadata", answer.body)
        link = self.tree / path.lstrip("/")
        link.parent.mkdir(exist_ok=True)
        os.link(file, link)

    def _save(self, path: str, content: bytes) -> None:
        file = self.tree / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def forget_put(self) -> None:
        """Put aside what was PUT."""
        put = self.tree / "put"
        put.rename(Path(tempfile.mkdtemp(prefix="aside-", dir=self.root)) / "put")
        put.mkdir()
