"""An uploader on a socket of its own, in this process, as nginx would ask it."""

import asyncio
import contextlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from aiohttp import web

from store import switch
from store.current import SETTLED, CurrentPolicy
from store.data import Data
from store.heartbeat import Heartbeat, write_heartbeat
from store.listing import Listed, render_listing
from store.settings import Settings, read_settings
from tests.archives import digest
from tests.running import Answer, basic, form
from uploader.app import SERVER, create_app
from uploader.auth.hashes import hash_password

USER, PASSWORD = "ann", "correct-horse"
AUTH = basic(USER, PASSWORD)
CLIENT = {"X-Larder-Client": "192.0.2.7"}


class Room:
    """One data directory with one user, a policy in force and an uploader."""

    def __init__(self, directory: Path) -> None:
        self.data = Data.at(directory / "data", directory / "run")
        for path in (self.packages, self.data.htpasswd.parent, self.data.socket.parent, self.data.default.state):
            path.mkdir(parents=True)
        self.data.heartbeat.parent.mkdir()
        self.data.htpasswd.write_text(f"{USER}:{hash_password(PASSWORD)}\n")
        self.set_policy("")

    @property
    def packages(self) -> Path:
        return self.data.default.packages

    @property
    def settings(self) -> Settings:
        run, root = str(self.data.run), str(self.data.root)
        return read_settings({"LARDER_DATA": root, "LARDER_RUN": run, "LARDER_LISTING_WAIT": "1"})

    def set_policy(self, text: str) -> None:
        """Put it in force, as the indexer does."""
        self.data.policy.write_text(f"[repositories.default]\n{text}\n")
        current = CurrentPolicy(self.data)
        current.look(0.0)
        current.look(SETTLED + 1)
        assert not current.problem

    def beat(self, *, stopped: bool = False, **fields: tuple[str, ...]) -> None:
        write_heartbeat(self.data, Heartbeat(stopped=stopped, **fields))  # type: ignore[arg-type]

    def list_files(self, project: str, *paths: str) -> None:
        """Write the project's page set as the indexer does; `paths` are relative to the packages."""
        entries = [Listed(path, digest(self.packages / path), "1.0") for path in paths]
        pages = self.data.default.versions / f"{project}-{time.monotonic_ns()}"
        pages.mkdir(parents=True)
        self.data.default.projects.mkdir(exist_ok=True)
        (pages / self.data.default.listing(project).name).write_bytes(render_listing(entries))
        switch.switch(str(self.data.default.project(project)), str(pages))

    def snapshot(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(self.data.root.rglob("*")) if path.is_file()}

    def stored(self) -> list[str]:
        """Every path below the packages."""
        found = (path.relative_to(self.packages) for path in self.packages.rglob("*") if path.is_file())
        return sorted(str(PurePosixPath(path)) for path in found)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = _Connection("uploader", timeout=20)
        connection.path = str(self.data.socket)
        try:
            connection.request(method, path, body, {**CLIENT, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.reason, response.headers, response.read())
        finally:
            connection.close()

    def upload(self, file: Path, path: str = "/", **fields: str) -> Answer:
        body, headers = form(file, **fields)
        return self.request("POST", path, body, headers | AUTH)

    def upload_as(self, login: Mapping[str, str], file: Path) -> Answer:
        body, headers = form(file)
        return self.request("POST", "/", body, headers | dict(login))

    def read(self, login: Mapping[str, str], name: str = "0" * 32) -> str:
        """The status that nginx is told when it asks whether they may, or 204."""
        of = {"X-Larder-Credentials": name, "X-Larder-Repository": "default"}
        answer = self.request("GET", "/.may-read", headers=of | dict(login))
        return answer.headers["X-Larder-Denial"] or str(answer.status)

    def connect(self) -> socket.socket:
        """A bare connection, for what no client sends."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(str(self.data.socket))
        return connection

    def send(self, *raw: bytes) -> Answer:
        """The answer to raw bytes."""
        with self.connect() as connection:
            for part in raw:
                connection.sendall(part)
            with http.client.HTTPResponse(connection) as response:
                response.begin()
                return Answer(response.status, response.reason, response.headers, response.read())


async def _end(runner: web.AppRunner) -> None:
    await runner.cleanup()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Connection(http.client.HTTPConnection):
    path = ""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


@contextlib.contextmanager
def serving(room: Room) -> Iterator[Room]:
    """While this lasts the uploader answers."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(create_app(room.settings), access_log=None, shutdown_timeout=0.1, **SERVER)

    async def start() -> None:
        await runner.setup()
        await web.UnixSite(runner, str(room.data.socket)).start()
        room.data.socket.chmod(0o777)

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield room
    finally:
        asyncio.run_coroutine_threadsafe(_end(runner), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """While this lasts root's rights are not there."""
    if os.geteuid():
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
