"""An installer for boards, run by MicroPython: it asks, believes and refuses what upip of firmware 1.14 to 1.19 does.

upip itself left the firmware with 1.20. What is kept of it is all that a server can notice: the bytes
of a request, which answers count, which parts of the document are read, how an archive is unpacked.
It does without the modules that boards lack, pathlib and typing among them.

    micropython [-X heapsize=64K] upip.py [--old] INDEX DIRECTORY NAME...

`--old` is firmware before 1.18, which knows no `NAME==VERSION`.
"""
# ruff: noqa: PTH102, PTH123

import errno
import gc
import io
import json
import os
import socket
import sys

import deflate  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:  # MicroPython looks at no annotation
    from typing import Any

SMALL_HEAP = 65536
LEFT_OUT = ("setup.", "PKG-INFO", "README")


class NotFound(Exception):
    pass


def open_url(url: str) -> "Any":
    """The body of the answer as a stream, to be read until the other side closes."""
    scheme, _, authority, path = url.split("/", 3)
    host, port = authority, 443
    if ":" in authority:
        host, text = authority.split(":")
        port = int(text)
    assert scheme == "http:", "this one has no TLS"
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    connection = socket.socket(family, kind, protocol)
    connection.connect(address)
    stream = connection.makefile("rwb", 0)
    stream.write(f"GET /{path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
    check_status(stream.readline())
    skip_headers(stream)
    return stream


def check_status(line: bytes) -> None:
    """Of three words, the second 200. No redirect is followed."""
    _, status, _ = line.split(None, 2)
    if status in (b"301", b"404"):
        raise NotFound("Package not found")
    if status != b"200":
        raise ValueError(status)


def skip_headers(stream: "Any") -> None:
    """Whatever they say, of the length or of chunks."""
    line = stream.readline()
    while line != b"\r\n":
        if not line:
            raise ValueError("the headers do not end")
        line = stream.readline()


def find_archive(index: str, requirement: str, old: bool) -> str:
    """The address of the one archive of the release wanted."""
    name, pinned = requirement, ""
    if "==" in requirement and not old:
        name, pinned = requirement.split("==")
    stream = open_url(index + "/" + name + "/json")
    try:
        document = json.load(stream)
    finally:
        stream.close()
    files = document["releases"][pinned or document["info"]["version"]]
    assert len(files) == 1, "one file per release"
    return str(files[0]["url"])


def install(url: str, directory: str) -> "list[str]":
    """Unpack while reading; the requirements found, word for word."""
    stream = open_url(url)
    try:
        return unpack(deflate.DeflateIO(stream, deflate.GZIP, window_bits()), directory)
    finally:
        stream.close()


def window_bits() -> int:
    """4 KiB where the heap is small, else the 32 KiB that any gzip may need."""
    heap = gc.mem_alloc() + gc.mem_free()  # type: ignore[attr-defined]
    return 12 if heap <= SMALL_HEAP else 15


def unpack(archive: "Any", directory: str) -> "list[str]":
    """Of a member only name and size count, not its type."""
    requirements: list[str] = []
    block = bytearray(512)
    while True:
        read_block(archive, block)
        path = bytes(block[:100]).split(b"\0")[0].decode()
        if not path:
            return requirements
        size = int(bytes(block[124:135]).decode(), 8)
        place = path.split("/", 1)[-1]
        if ".egg-info" in place and place.endswith("/requires.txt"):
            text = io.BytesIO()
            copy(archive, size, text)
            requirements += text.getvalue().decode().splitlines()
        elif path.endswith("/") or place.startswith(LEFT_OUT) or ".egg-info" in place:
            copy(archive, size, None)
        else:
            make_way(directory + "/" + place)
            with open(directory + "/" + place, "wb") as file:
                copy(archive, size, file)


def copy(archive: "Any", size: int, to: "Any") -> None:
    """`size` bytes, and past what fills the last block."""
    block = bytearray(512)
    while size > 0:
        read_block(archive, block)
        if to is not None:
            to.write(memoryview(block)[: min(size, 512)])
        size -= 512


def read_block(archive: "Any", block: bytearray) -> None:
    view, have = memoryview(block), 0
    while have < len(block):
        got = archive.readinto(view[have:])
        if not got:
            raise ValueError("the archive ends too early")
        have += got


def make_way(path: str) -> None:
    """Make the directories above `path`."""
    at = path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
        at = path.find("/", at + 1)


def main(arguments: "list[str]") -> int:
    old = arguments[0] == "--old"
    index, directory, *waiting = arguments[1:] if old else arguments
    done = set()
    while waiting:
        requirement = waiting.pop(0)
        if requirement in done:
            continue
        done.add(requirement)
        try:
            url = find_archive(index, requirement, old)
            print("Installing", requirement, "from", url)
            waiting += install(url, directory)
        except Exception as error:
            print(f"Error installing '{requirement}': {error!r}")
            return 1
        gc.collect()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
