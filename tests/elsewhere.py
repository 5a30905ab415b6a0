"""An index elsewhere that answers as a test wants it to, and remembers what it was asked."""

import contextlib
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from tests.running import JSON

Handler = http.server.BaseHTTPRequestHandler


@dataclass
class Asked:
    path: str
    headers: Message


@dataclass
class Given:
    """An answer. What follows the first `before` bytes of the body is sent once `more` is set."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    before: int | None = None
    more: threading.Event = field(default_factory=threading.Event)
    length: int | None = None  # that is announced; negative for none


@dataclass
class Elsewhere:
    """`given` is by path; of what is not given nothing is known."""

    url: str
    given: dict[str, Given] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def give(self, path: str, body: bytes, **options: Any) -> Given:
        self.given[path] = Given(body, **options)
        return self.given[path]

    def give_project(self, name: str, *files: Any, **headers: str) -> None:
        """Its page, in JSON."""
        sizes = {"versions": ["1.0"]} if all(isinstance(file, dict) and "size" in file for file in files) else {}
        page = {"meta": {"api-version": "1.1" if sizes else "1.0"}, "name": name, **sizes, "files": list(files)}
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        self.give(f"/simple/{name}/", json.dumps(page).encode(), headers={"Content-Type": JSON, **named})

    def give_file(self, filename: str, body: bytes, **entry: Any) -> dict[str, Any]:
        """The file, and what is to be said of it on a page."""
        self.give(f"/files/{filename}", body)
        hashes = {"sha256": hashlib.sha256(body).hexdigest()}
        return {"filename": filename, "url": f"../../files/{filename}", "hashes": hashes, "size": len(body), **entry}

    def count(self, path: str) -> int:
        """How often it was asked for that."""
        return [each.path for each in self.asked].count(path)

    def answer(self, handler: Handler) -> None:
        self.asked.append(Asked(handler.path, handler.headers))
        given = self.given.get(handler.path, Given(b"nothing", 404))
        tag = given.headers.get("ETag")
        if tag and handler.headers["If-None-Match"] == tag:
            given = Given(b"", 304, given.headers)
        handler.send_response(given.status)
        for name, value in given.headers.items():
            handler.send_header(name, value)
        length = len(given.body) if given.length is None else given.length
        if length >= 0 and given.status != 304:
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(given.body[: given.before])
        if given.before is not None:
            given.more.wait(30)
            handler.wfile.write(given.body[given.before :])


@contextmanager
def answering(host: str = "127.0.0.1") -> Iterator[Elsewhere]:
    """It answers meanwhile."""
    found: list[Elsewhere] = []

    class Answer(Handler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError):
                found[0].answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer((host, 0), Answer) as server:
        server.daemon_threads = True
        found.append(Elsewhere(f"http://{host}:{server.server_port}"))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield found[0]
        finally:
            for given in found[0].given.values():
                given.more.set()
            server.shutdown()
            thread.join()
