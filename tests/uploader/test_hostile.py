"""What no client sends: odd forms, headers and connections. One line each, and nothing is stored."""

import contextlib
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archives import make_wheel
from tests.running import form, wait_until
from tests.uploader.room import AUTH, CLIENT, Room


@pytest.fixture(autouse=True)
def nothing_but_one_line(room: Room, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    before = room.snapshot()
    yield
    assert room.snapshot() == before
    [line] = [record.getMessage() for record in caplog.get_records("call")]
    assert re.match(r"refused POST '/' from 192\.0\.2\.7 user 'ann' file (-|['\"].*['\"]): 4\d\d ", line)
    assert line.isprintable()


HEAD = b'Content-Disposition: form-data; name="content"; filename="x-1.0.zip"'


def multipart(*parts: bytes) -> bytes:
    return b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + b"--B--\r\n"


def post(room: Room, body: bytes, content_type: str = "multipart/form-data; boundary=B") -> int:
    answer = room.request("POST", "/", body, AUTH | {"Content-Type": content_type})
    assert answer.text.count("\n") == 1
    assert answer.text.removesuffix("\n").isprintable()
    return answer.status


ODD_PARTS = {
    "nested": [b"Content-Type: multipart/mixed; boundary=C\r\n\r\n--C\r\n\r\n\r\n--C--"],
    "nested without a boundary": [b"Content-Type: multipart/mixed\r\n\r\n"],
    "a head of 1 MB": [b"X: " + b"a" * (1 << 20) + b"\r\n\r\n"],
    "a thousand heads": [b"\r\n".join(b"X-%d: a" % n for n in range(1000)) + b"\r\n\r\n"],
    "no head": [b"no header at all\r\n\r\n"],
    "unknown encodings": [b"Content-Disposition: form-data; name*=nonsense''%ff; filename*=utf-99''x\r\n\r\n"],
    "a codec that is none": [b"Content-Disposition: form-data; name*0*=hex''63; name*1=ontent\r\n\r\n"],
    "a long charset": [b'Content-Disposition: form-data; name="_charset_"\r\n\r\n' + b"x" * 100],
    "a binary charset": [b'Content-Disposition: form-data; name="_charset_"\r\n\r\n\xff\xff', HEAD + b"\r\n\r\n"],
    "two files": [HEAD + b"\r\n\r\nPK", HEAD + b"\r\n\r\nPK"],
    "base64": [HEAD + b"\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBA"],
    "gzip": [HEAD + b"\r\nContent-Encoding: gzip\r\n\r\nxxxx"],
    "a negative length": [HEAD + b"\r\nContent-Length: -5\r\n\r\nxxxx"],
    "no file name": [b'Content-Disposition: form-data; name="content"\r\n\r\nxxxx'],
    "a large signature": [b'Content-Disposition: form-data; name="gpg_signature"\r\n\r\n' + b"x" * (65 << 10)],
    "large attestations": [b'Content-Disposition: form-data; name="attestations"\r\n\r\n' + b"x" * ((1 << 20) + 1)],
    "a large field": [b'Content-Disposition: form-data; name="name"\r\n\r\n' + b"x" * (65 << 10)],
}


@pytest.mark.parametrize("odd", ODD_PARTS)
def test_an_odd_part_is_refused(room: Room, odd: str) -> None:
    assert post(room, multipart(*ODD_PARTS[odd])) == 400


@pytest.mark.parametrize(
    "filename",
    [
        b'filename="x\r\nX-Injected: 1\r\n-1.0.zip"',
        b'filename="x\0-1.0.zip"',
        b'filename="\xff\xfe-1.0.zip"',
        'filename="ä-1.0.zip"'.encode(),
        b'filename="\x1b[31mx-1.0.zip"',
        b'filename="..%2f..%2fx-1.0.zip"',
        b"filename*=utf-8''..%2f..%2fx-1.0.zip",
        b"filename*=utf-8''x%0d%0arefused%20POST-1.0.zip",
        b"filename*=utf-16''x-1.0.zip",
        b'filename*0="../x"; filename*1="-1.0.zip"',
        b'filename="' + b"x" * 5000 + b'-1.0.zip"',
        b'filename="x-1.0.zip.asc"',
        b'filename="."',
    ],
)
def test_an_odd_file_name_is_refused(room: Room, filename: bytes) -> None:
    head = b'Content-Disposition: form-data; name="content"; ' + filename
    assert post(room, multipart(head + b"\r\n\r\nPK")) == 400


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "b" * 100],
)
def test_a_boundary_that_cannot_be_is_refused(room: Room, content_type: str) -> None:
    assert post(room, multipart(HEAD + b"\r\n\r\nPK"), content_type) == 400


@pytest.mark.parametrize("body", [b"", b"\r\n", b"x" * 1000, b"--B", b"--B--\r\n", b"--B\r\n", b"\n" * 100_000])
def test_what_is_no_form_is_refused(room: Room, body: bytes) -> None:
    assert post(room, body) == 400


def test_a_million_fields_are_refused(room: Room) -> None:
    field = b'--B\r\nContent-Disposition: form-data; name="classifiers"\r\n\r\n\r\n'
    body = field * 11_000
    assert post(room, body) == 413


def test_a_form_that_is_mostly_beside_the_file_is_refused(room: Room) -> None:
    assert post(room, multipart(b"Content-Disposition: form-data\r\n\r\n" + b"x" * (33 << 20))) == 413


def test_large_heads_count_as_well(room: Room) -> None:
    part = b"\r\n".join(b"X-%d: " % n + b"a" * 8000 for n in range(8)) + b"\r\n\r\n"
    assert post(room, multipart(*([part] * 540))) == 413


@pytest.mark.parametrize(
    "content_type", ["", ";", "multipart/mixed; boundary=B", "text/html", "multipart/form-data/x", "multipart\xff/x"]
)
def test_an_odd_content_type_is_refused(room: Room, content_type: str) -> None:
    assert post(room, b"", content_type) == 415


def upload_head(room: Room, file: Path) -> tuple[bytes, bytes]:
    body, headers = form(file)
    lines = "".join(f"{key}: {value}\r\n" for key, value in {**headers, **AUTH, **CLIENT}.items())
    return f"POST / HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode(), body


def is_receiving(room: Room) -> bool:
    """Whether a file without a name is open on its way into the packages."""
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if link.readlink().is_relative_to(room.packages):
                return True
    return False


@pytest.mark.parametrize(
    "leave", [socket.socket.close, lambda connection: connection.shutdown(socket.SHUT_WR)], ids=["closed", "half"]
)
def test_a_client_that_goes_away_leaves_one_line(
    room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture, leave: Callable[[socket.socket], None]
) -> None:
    wheel = make_wheel(tmp_path, "gone", "1.0", {"big": os.urandom(1 << 20)})
    head, body = upload_head(room, wheel)
    with room.connect() as connection:
        connection.sendall(head + body[: len(body) // 2])
        wait_until(lambda: is_receiving(room))
        leave(connection)
        wait_until(lambda: caplog.messages)
    wait_until(lambda: not is_receiving(room))
    assert "400 the connection was lost" in caplog.messages[0]
