"""An address that says who is a user, as `[authentication]` in `larder.toml` has it."""

import base64
import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


def make_certificate(directory: Path) -> Path:
    """Of 127.0.0.1, signed by itself, with its key."""
    file = directory / "certificate.pem"
    of = ["-subj", "/CN=users", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1", "-nodes"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run(["openssl", "req", "-x509", *key, *of, "-keyout", file, "-out", f"{file}.1"], check=True)
    file.write_text(file.read_text() + Path(f"{file}.1").read_text())
    return file


@contextmanager
def answering(host: str = "127.0.0.1", certificate: Path | None = None) -> Iterator[str]:
    """It answers at the address meanwhile; over TLS where there is a certificate."""
    with http.server.ThreadingHTTPServer((host, 0), _Users) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{'https' if certificate else 'http'}://{host}:{server.server_port}/check?for=larder"
        finally:
            server.shutdown()
            thread.join()
