"""What a MicroPython board sends, and what it makes of the answer."""

import socket
from email.parser import BytesParser
from typing import Any, Protocol

from tests.running import Answer


class Server(Protocol):
    """A whole Larder, or nginx alone."""

    port: int


def ask(server: Server, path: str, *headers: str) -> Answer:
    """What a board sends, HTTP/1.0 with a Host and no more, or with these headers instead; the answer up to its end."""
    lines = [f"GET {path} HTTP/1.0", *(headers or (f"Host: 127.0.0.1:{server.port}",)), "", ""]
    return parse(talk(server, "\r\n".join(lines).encode("latin-1")))


def talk(server: Server, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def parse(answer: bytes) -> Answer:
    head, body = answer.split(b"\r\n\r\n", 1)
    status_line, headers = head.split(b"\r\n", 1)
    _, status, reason = status_line.decode().split(" ", 2)
    return Answer(int(status), reason, BytesParser().parsebytes(headers), body)


def document(server: Server, path: str, *headers: str) -> Any:
    answer = ask(server, path, *headers)
    return answer.json() if answer.status == 200 else {"info": {"version": None}, "releases": {}}


def latest(server: Server, path: str) -> str | None:
    """The version the document calls the latest; it lists that one, and one file for each."""
    found = document(server, path)
    version: str | None = found["info"]["version"]
    assert version is None or version in found["releases"]
    assert all(len(files) == 1 for files in found["releases"].values())
    return version
