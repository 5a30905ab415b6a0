"""The stand-in of GitHub where it can be reached: over TLS, as gh insists on."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tests.recipes.github import Call, GitHub, Reply


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    github: GitHub

    def _answer(self) -> None:
        asked = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(asked.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        authorization = self.headers.get("Authorization", "")
        self._send(self.github.answer(Call(self.command, unquote(asked.path), query, authorization, body)))

    def _send(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        kind = "application/octet-stream" if isinstance(reply.body, bytes) else "application/json"
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Link": reply.link}
        self.send_response(reply.status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = _answer


@contextmanager
def standing_in(certificate: Path) -> Iterator[GitHub]:
    """It answers meanwhile."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        github = handler.github = GitHub(f"https://127.0.0.1:{server.server_port}", certificate)  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield github
        finally:
            server.shutdown()
            thread.join()
