"""An address that says who is a user, as `[authentication]` in `larder.toml` has it."""

import base64
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Users(http.server.BaseHTTPRequestHandler):
    """Knows everybody by one password; a number for a name is the status that it is answered."""

    def do_GET(self) -> None:
        name, _, password = base64.b64decode(self.headers["Authorization"].split()[1]).decode().partition(":")
        status = int(name) if name.isdigit() else 200 if password == "s3cret" else 401
        self.send_response(status)
        self.send_header("Remote-Groups", "others, team")
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering(host: str = "127.0.0.1") -> Iterator[str]:
    """It answers at the address meanwhile."""
    with http.server.ThreadingHTTPServer((host, 0), _Users) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{host}:{server.server_port}/check?for=larder"
        finally:
            server.shutdown()
            thread.join()
