"""What reaches the uploader, and what nginx never takes in."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.archives import make_wheel
from tests.nginx.alone import Site
from tests.running import wait_until

MANY = 8 << 20  # bytes: enough to be seen on a disk
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


@pytest.fixture
def site(site: Site) -> Site:
    make_wheel(site.packages, "demo", "1.0")
    site.render()
    return site


@pytest.mark.parametrize(
    "path",
    ["/", "/simple/", "/simple", "/legacy/", "/pypi", "/pypi/", "/RPC2", "/health", "/nowhere/at/all", "/simple/demo/",
     "/packages/demo-1.0-py3-none-any.whl", "/-/larder.css", "/.upload", "/repositories/team/", "/legacy//",
     "/legacy/?a=b&c=%2F", "/de%20mo/", "/a/../b"],
)  # fmt: skip
def test_whatever_is_sent_reaches_the_uploader_with_its_address(site: Site, path: str) -> None:
    site.reply = lambda asked: (400, {}, b"no\n")
    answer = site.request("POST", path, b"sent", {"Content-Type": "text/x"})
    assert (answer.status, answer.body) == (400, b"no\n")
    [asked] = site.asked
    assert (asked.method, asked.path, asked.body) == ("POST", path, b"sent")
    assert asked.headers["Content-Type"] == "text/x"


def test_what_is_no_read_and_is_not_sent_is_not_allowed(site: Site) -> None:
    for method in ("PATCH", "OPTIONS", "MKCOL"):
        for path in ("/simple/demo/", "/packages/demo-1.0-py3-none-any.whl", "/health", "/", "/nope/a/b", "/Demo/"):
            assert site.request(method, path, b"x" * 5000).status == 405
    assert site.asked == []


def test_the_uploader_is_told_who_asks_and_no_client_can_say_otherwise(site: Site) -> None:
    forged = {"X-Larder-Client": "10.9.8.7", "X-Forwarded-For": "10.9.8.7"}
    for method, path in (("GET", "/health"), ("GET", "/Demo/"), ("GET", "/Demo/json"), ("POST", "/legacy/")):
        site.request(method, path, headers=forged)
        assert site.asked[-1].headers.get_all("X-Larder-Client") == ["127.0.0.1"]


def test_a_read_brings_no_body_to_the_uploader(site: Site) -> None:
    for body in (b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"):
        for path in (b"/health", b"/Demo/"):
            assert send(site, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + body).startswith(
                b"HTTP/"
            )
            asked = site.asked[-1]
            assert (asked.path.encode(), asked.headers["Content-Length"], asked.body) == (path, None, b"")
            assert asked.headers["Transfer-Encoding"] is None


def send(site: Site, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def stored(site: Site) -> int:
    """Bytes that nginx keeps on a disk at this moment, also in files without a name."""
    assert site.process is not None
    directory = site.prefix / "tmp"
    workers = Path(f"/proc/{site.process.pid}/task/{site.process.pid}/children").read_text().split()
    links = [link for worker in workers for link in Path(f"/proc/{worker}/fd").iterdir()]
    named = [file for file in directory.rglob("*") if file.name not in ("nginx.pid", "secret.conf")]
    return sum(map(size, named)) + sum(size(link) for link in links if leads_below(directory, link))


def leads_below(directory: Path, link: Path) -> bool:
    """Whether an open file lies there; one that was closed since it was listed does not."""
    try:
        return directory in link.readlink().parents
    except FileNotFoundError:
        return False


def size(path: Path) -> int:
    """Bytes of a file; none of a directory, and of what is gone since it was listed."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


def pour(site: Site, method: str, path: str, *, chunked: bool, meanwhile: Callable[[], None]) -> bytes:
    """Send MANY bytes, or as many as are taken, of a body that would be 100 GiB; the beginning of the answer."""
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {100 << 30}"
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        try:
            connection.sendall(head)
            for _ in range(MANY // 0x10000):
                connection.sendall(CHUNK if chunked else CHUNK[7:-2])
                meanwhile()
        except ConnectionError:
            pass
        connection.settimeout(2)
        try:
            return connection.recv(4096)
        except (ConnectionError, TimeoutError):
            return b""


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path", ["/health", "/Foo/", "/Foo/json", "/simple/demo/", "/demo/", "/", "/packages/demo-1.0-py3-none-any.whl"]
)
def test_nobody_makes_nginx_store_what_comes_with_a_read(site: Site, method: str, path: str, *, chunked: bool) -> None:
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, stored(site))

    pour(site, method, path, chunked=chunked, meanwhile=look)
    assert most == 0
    assert all(asked.body == b"" for asked in site.asked)
    assert site.get("/simple/demo/").status == 200


def test_an_upload_is_passed_on_as_it_comes_and_stored_nowhere(site: Site) -> None:
    """By a stub that answers only once it has seen the end of what is sent."""
    body = os.urandom(MANY)
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {MANY}\r\nConnection: close\r\n\r\n".encode()
    site.reply = lambda asked: (200, {}, str(len(asked.body)).encode())
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        connection.sendall(head)
        for at in range(0, MANY, 1 << 20):
            connection.sendall(body[at : at + (1 << 20)])
            assert stored(site) == 0
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.endswith(str(MANY).encode())
    assert site.asked[-1].body == body


def test_reads_need_no_uploader(site: Site) -> None:
    site.paths.socket.unlink()
    for path in ("/", "/simple/", "/simple/demo/", "/packages/demo-1.0-py3-none-any.whl", "/-/larder.css"):
        assert site.get(path).status == 200
    assert site.get("/demo/").status == 302
    for path in ("/simple/nope/", "/simple/foo-/", "/-/", "/simple/-/", "/Foo/", "/Foo/json", "/demo==1.0.0/json"):
        assert site.get(path).status == 404
    for method, path in (("GET", "/health"), ("POST", "/legacy/")):
        answer = site.request(method, path)
        assert (answer.status, answer.text) == (503, "the uploader does not answer\n")


def test_an_upload_is_never_tried_twice(site: Site) -> None:
    """Whatever becomes of the uploader meanwhile."""

    def vanish(_: object) -> tuple[int, dict[str, str], bytes]:
        raise ConnectionError

    site.reply = vanish
    assert site.request("POST", "/", b"x").status == 503
    wait_until(lambda: len(site.asked) == 1)
