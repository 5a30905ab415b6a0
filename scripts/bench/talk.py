"""HTTP as lean as can be: a connection that is kept, and requests that were made ready before."""

import base64
import re
import socket
from dataclasses import dataclass
from typing import Self

HOST = "127.0.0.1"
JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html"
PATIENCE = 120.0  # seconds without a byte

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    status: int
    head: str
    body: bytes

    def header(self, name: str) -> str:
        lines = (line.partition(": ") for line in self.head.split("\r\n")[1:])
        return next((value for key, _, value in lines if key.lower() == name.lower()), "")


def get(path: str, *headers: str) -> bytes:
    """A request, ready to be sent: `get("/", "Accept: text/html")`."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def basic(user: str, password: str) -> str:
    return f"Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


class Connection:
    """One connection that is kept; it is opened anew where the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, request: bytes) -> Answer:
        """Send a request that may be sent twice, and read the whole answer."""
        for attempt in range(2):
            try:
                self.socket.sendall(request)
                return self.read()
            except ConnectionError:
                self.close()
                if attempt:
                    raise
        raise AssertionError("unreachable")

    @property
    def socket(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self._port), PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def read(self) -> Answer:
        """The answer to what was sent; one without a length ends with the connection."""
        data = self._receive()
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        status, length = int(head[9:12]), _LENGTH.search(head)
        if status in (204, 304):
            return Answer(status, head.decode("latin-1"), b"")
        body = self._read_rest(body, int(length[1])) if length else self._read_all(body)
        if head.startswith(b"HTTP/1.0") or b"onnection: close" in head:
            self.close()
        return Answer(status, head.decode("latin-1"), body)

    def _read_rest(self, body: bytes, length: int) -> bytes:
        parts, have = [body], len(body)
        while have < length:
            parts.append(self._receive())
            have += len(parts[-1])
        return b"".join(parts)

    def _read_all(self, body: bytes) -> bytes:
        parts = [body]
        while data := self.socket.recv(1 << 18):
            parts.append(data)
        self.close()
        return b"".join(parts)

    def _receive(self) -> bytes:
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionResetError("the server has closed the connection")
        return data

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def ask(port: int, path: str, *headers: str) -> Answer:
    """One GET on a connection of its own."""
    with Connection(port) as connection:
        return connection.ask(get(path, "Connection: close", *headers))
