"""What a MicroPython board gets: the document upip asks for, and installations by a real MicroPython."""

import functools
import json
import random
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest

from tests.archives import make_archive, make_board_sdist, make_sdist, make_wheel, sdist_contents
from tests.conftest import Start
from tests.micropython import find_micropython
from tests.running import HERE, PASSWORD, USER, Answer, Larder, basic, form, place_of, wait_until

UPIP = HERE / "tests/boards/upip.py"
NAME = "my-micropython-package"
SMALL = "64K"
MODULE = b"".join(f"def f{n}():\n    return {n}  # {random.Random(n).random()}\n".encode() for n in range(150))


@pytest.fixture(scope="module")
def larder(shared_larder: Larder) -> Larder:
    """With `my-micropython-package` at one version, of a pre-release and a local part, uploaded as twine does."""
    file = make_board_sdist(
        shared_larder.data.parent / "dist",
        NAME,
        "0.2.0rc99+dev42",
        {"board_module.py": MODULE, "board_package/__init__.py": b"", "board_package/deep/data.py": b"x = 'deep'\n"},
    )
    upload(shared_larder, file)
    return shared_larder


@pytest.fixture(scope="module")
def versions(larder: Larder) -> Larder:
    """With `many` at five versions, and `early` at two, neither final."""
    for version in ("1.0", "1.1", "1.2-rc1", "1.10.0", "2.0.dev3"):
        make_board_sdist(larder.packages, "many", version, {"many.py": f"version = {version!r}\n".encode()})
    for version in ("0.1.0-rc9", "0.1.0rc10"):
        make_board_sdist(larder.packages, "early", version, {"early.py": f"version = {version!r}\n".encode()})
    wait_until(lambda: len(document(larder, "/many/json")["releases"]) == 5)
    wait_until(lambda: len(document(larder, "/early/json")["releases"]) == 2)
    return larder


def upload(larder: Larder, file: Path) -> None:
    body, headers = form(file)
    answer = larder.request("POST", "/", body, {**headers, **basic(USER, PASSWORD)})
    assert answer.status == 200, answer.text


def ask(larder: Larder, path: str, *headers: str) -> Answer:
    """What a board sends, HTTP/1.0 with a Host and no more, or with these headers instead; the answer up to its end."""
    lines = [f"GET {path} HTTP/1.0", *(headers or (f"Host: 127.0.0.1:{larder.port}",)), "", ""]
    return parse(talk(larder, "\r\n".join(lines).encode("latin-1")))


def talk(larder: Larder, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", larder.port), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def parse(answer: bytes) -> Answer:
    head, body = answer.split(b"\r\n\r\n", 1)
    status_line, headers = head.split(b"\r\n", 1)
    _, status, reason = status_line.decode().split(" ", 2)
    return Answer(int(status), reason, BytesParser().parsebytes(headers), body)


def document(larder: Larder, path: str, *headers: str) -> Any:
    answer = ask(larder, path, *headers)
    return answer.json() if answer.status == 200 else {"info": {"version": None}, "releases": {}}


def latest(larder: Larder, path: str) -> str | None:
    """The version the document calls the latest; it lists that one, and one file for each."""
    found = document(larder, path)
    version: str | None = found["info"]["version"]
    assert version is None or version in found["releases"]
    assert all(len(files) == 1 for files in found["releases"].values())
    return version


def run_board(*arguments: str, heap: str = SMALL) -> "subprocess.CompletedProcess[str]":
    command = [*find_micropython(), "-X", f"heapsize={heap}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def install(larder: Larder, directory: Path, *requirements: str, heap: str = SMALL, old: bool = False) -> str:
    """Install like a board; what it says."""
    index = f"http://127.0.0.1:{larder.port}"
    done = run_board(str(UPIP), *(["--old"] if old else []), index, str(directory), *requirements, heap=heap)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_in(directory: Path) -> dict[str, bytes]:
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()}


@pytest.mark.parametrize("heap", ["56K", "64K", "2M"])
def test_a_board_installs_and_imports(larder: Larder, tmp_path: Path, heap: str) -> None:
    said = install(larder, tmp_path / "lib", NAME, heap=heap)
    assert f"http://127.0.0.1:{larder.port}/packages/{NAME}-0.2.0rc99%2Bdev42.tar.gz" in said
    assert files_in(tmp_path / "lib") == {
        "board_module.py": MODULE,
        "board_package/__init__.py": b"",
        "board_package/deep/data.py": b"x = 'deep'\n",
    }
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'lib')!r}); "
    program += "import board_module; from board_package.deep import data; print(board_module.f149(), data.x)"
    ran = run_board("-c", program)
    assert ran.stdout == "149 deep\n", ran.stderr


def test_a_board_installs_what_a_package_requires(larder: Larder, tmp_path: Path) -> None:
    requires = {"needy.egg-info/requires.txt": b"Needed_Thing>=0.1\nneeded.other~=1.0\nneeded-pinned==1.0\n"}
    needed = [("needed-thing", "0.2"), ("needed-other", "1.3"), ("needed-pinned", "1.0"), ("needed-pinned", "2.0")]
    for name, version in needed:
        module = name.replace("-", "_")
        upload(larder, make_board_sdist(tmp_path, name, version, {f"{module}.py": version.encode()}))
    upload(larder, make_board_sdist(tmp_path, "needy", "1.0", {**requires, "needy.py": b"import needed_thing\n"}))
    for firmware in ("new", "old"):
        install(larder, tmp_path / firmware, "needy", old=firmware == "old")
        assert files_in(tmp_path / firmware) == {
            "needy.py": b"import needed_thing\n",
            "needed_thing.py": b"0.2",
            "needed_other.py": b"1.3",
            "needed_pinned.py": b"1.0",
        }


def test_a_board_leaves_out_what_is_for_computers(larder: Larder, tmp_path: Path) -> None:
    extra = {"setup.cfg": b"", "README.md": b"", "tidy.egg-info/top_level.txt": b"tidy\n"}
    upload(larder, make_archive(tmp_path / "tidy-1.0.tar.gz", "tidy-1.0", {**sdist_contents("tidy", "1.0"), **extra}))
    install(larder, tmp_path / "lib", "tidy", heap="2M")
    assert files_in(tmp_path / "lib") == {"tidy.py": b"version = '1.0'\n"}


@pytest.mark.parametrize(
    ("requirement", "old", "version"),
    [
        ("many", False, "1.10.0"),
        ("many==1.1", False, "1.1"),
        ("many==1.1", True, "1.1"),
        ("Many==1.1", True, "1.1"),
        ("many==1.2-RC1", True, "1.2-rc1"),
        ("many>=1.0", True, "1.10.0"),
        ("early", True, "0.1.0rc10"),
    ],
)
def test_a_board_gets_the_version_it_asks_for(
    versions: Larder, tmp_path: Path, requirement: str, old: bool, version: str
) -> None:
    install(versions, tmp_path, requirement, old=old)
    assert [text.decode() for text in files_in(tmp_path).values()] == [f"version = {version!r}\n"]


def test_a_slash_after_the_address_of_the_index_does_no_harm(larder: Larder, tmp_path: Path) -> None:
    done = run_board(str(UPIP), f"http://127.0.0.1:{larder.port}/", str(tmp_path), NAME)
    assert done.returncode == 0, done.stdout
    assert "board_module.py" in files_in(tmp_path)


def test_what_does_not_exist_is_not_found_by_a_board(larder: Larder, tmp_path: Path) -> None:
    done = run_board(str(UPIP), f"http://127.0.0.1:{larder.port}", str(tmp_path), "no-such-thing")
    assert "NotFound('Package not found',)" in done.stdout
    assert done.returncode == 1
    assert files_in(tmp_path) == {}


def test_a_small_board_reads_the_document_of_fifty_releases(larder: Larder, tmp_path: Path) -> None:
    for n in range(50):
        make_board_sdist(larder.packages, "prolific", f"1.{n}", {"prolific.py": str(n).encode()})
    wait_until(lambda: latest(larder, "/prolific/json") == "1.49")
    install(larder, tmp_path, "prolific==1.7")
    assert files_in(tmp_path) == {"prolific.py": b"7"}


def test_the_answer_is_one_that_upip_can_read(larder: Larder) -> None:
    request = f"GET /{NAME}/json HTTP/1.0\r\nHost: 192.168.1.5:8089\r\n\r\n"
    answer = talk(larder, request.encode())
    assert re.match(rb"HTTP/1\.[01] 200 OK\r\n", answer)
    headers = parse(answer).headers
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Connection"] == "close"
    assert headers["Transfer-Encoding"] is None
    assert headers["Content-Encoding"] is None
    url = f"http://192.168.1.5:8089/packages/{NAME}-0.2.0rc99%2Bdev42.tar.gz"
    assert parse(answer).json() == {
        "info": {"version": "0.2.0rc99+dev42"},
        "releases": {"0.2.0rc99+dev42": [{"url": url}]},
    }
    assert len(parse(answer).body) < 250


def test_the_document_is_plain_even_for_who_takes_it_compressed(larder: Larder) -> None:
    answer = ask(larder, f"/{NAME}/json", "Host: h:1", "Accept-Encoding: gzip, br")
    assert answer.headers["Content-Encoding"] is None
    assert answer.json()["info"]["version"] == "0.2.0rc99+dev42"


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        (["Host: pypi.lan:8089"], "http://pypi.lan:8089"),
        (["Host: pypi.lan"], "http://pypi.lan:80"),
        (["Host: PyPI_2.lan:443"], "http://PyPI_2.lan:443"),
        (["Host: [::1]:8089"], "http://[::1]:8089"),
        (["Host: [::1]"], "http://[::1]:80"),
        (["Host: pypi.lan", "X-Forwarded-Proto: https"], "https://pypi.lan:443"),
        (["Host: pypi.lan:8443", "X-Forwarded-Proto: https"], "https://pypi.lan:8443"),
        (["Host: pypi.lan", "X-Forwarded-Proto: http"], "http://pypi.lan:80"),
        (["Host: pypi.lan", "X-Forwarded-Proto: gopher"], "http://pypi.lan:80"),
        (["Host: pypi.lan", "X-Forwarded-Prefix: /python/index/"], "http://pypi.lan:80/python/index"),
    ],
)
def test_addresses_are_those_the_board_came_by_with_the_port_spelt_out(
    larder: Larder, headers: list[str], origin: str
) -> None:
    (files,) = document(larder, f"/{NAME}/json", *headers)["releases"].values()
    assert [entry["url"] for entry in files] == [f"{origin}/packages/{NAME}-0.2.0rc99%2Bdev42.tar.gz"]


@pytest.mark.parametrize(
    "header",
    [
        'Host: a"b<c>',
        "Host: user:secret@pypi.lan:80",
        "Host: pypi.lan:80:90",
        "Host: <!--#echo var=request_uri -->",
        "Host: pypi.lan#",
        'X-Forwarded-Proto: https","x":"',
        'X-Forwarded-Prefix: /a"b',
        "X-Forwarded-Prefix: /../..//evil",
    ],
)
def test_a_hostile_header_never_lands_in_the_document(larder: Larder, header: str) -> None:
    headers = [header] if header.startswith("Host") else [f"Host: 127.0.0.1:{larder.port}", header]
    answer = ask(larder, f"/{NAME}/json", *headers)
    if answer.status == 400:  # nginx takes some for no host at all
        assert header.partition(": ")[2] not in answer.text
        return
    ((entry,),) = answer.json()["releases"].values()
    assert entry == {"url": f"{larder.url}/packages/{NAME}-0.2.0rc99%2Bdev42.tar.gz"}


def test_without_a_host_the_address_is_the_one_it_came_to(larder: Larder) -> None:
    ((entry,),) = document(larder, f"/{NAME}/json", "Accept: */*")["releases"].values()
    assert entry["url"].startswith(f"{larder.url}/packages/")


def test_one_sdist_is_offered_where_there_are_many_files(larder: Larder, tmp_path: Path) -> None:
    for suffix in (".zip", ".tar.gz", ".tar.bz2", ".tar"):
        make_sdist(larder.packages, "crowd", "1.0", suffix)
    make_wheel(larder.packages, "crowd", "1.0")
    make_wheel(larder.packages, "crowd", "3.0")
    wait_until(lambda: len(larder.detail("crowd")) == 6)
    wait_until(lambda: latest(larder, "/crowd/json"))
    url = f"{larder.url}/packages/crowd-1.0.tar.gz"
    assert document(larder, "/crowd/json") == {"info": {"version": "1.0"}, "releases": {"1.0": [{"url": url}]}}
    assert larder.get(place_of(url)).body == (larder.packages / "crowd-1.0.tar.gz").read_bytes()
    install(larder, tmp_path, "crowd", heap="2M")
    assert files_in(tmp_path) == {"crowd.py": b"version = '1.0'\n"}


def test_of_two_sdists_of_a_release_the_one_not_yanked_is_offered(larder: Larder) -> None:
    for name in ("twice-told", "twice_told"):
        make_archive(larder.packages / f"{name}-1.0.tar.gz", name, sdist_contents("twice-told", "1.0"))
    wait_until(lambda: len(larder.detail("twice-told")) == 2 and latest(larder, "/twice-told/json"))

    def is_offered(name: str) -> bool:
        (entry,) = document(larder, "/twice-told/json")["releases"]["1.0"]
        return place_of(entry["url"]) == f"/packages/{name}-1.0.tar.gz"

    for yanked, kept in (("twice_told", "twice-told"), ("twice-told", "twice_told")):
        (larder.packages / f"{kept}-1.0.tar.gz.yanked").unlink(missing_ok=True)
        (larder.packages / f"{yanked}-1.0.tar.gz.yanked").touch()
        wait_until(functools.partial(is_offered, kept))


def test_the_latest_is_the_newest_final_release_else_the_newest_before_one(versions: Larder) -> None:
    assert latest(versions, "/many/json") == "1.10.0"
    assert list(document(versions, "/many/json")["releases"]) == ["1.0", "1.1", "1.2rc1", "1.10.0", "2.0.dev3"]
    assert latest(versions, "/early/json") == "0.1.0rc10"


def test_a_yanked_release_is_not_the_latest_but_can_be_asked_for(larder: Larder, tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        make_board_sdist(larder.packages, "regretted", version, {"regretted.py": version.encode()})
    wait_until(lambda: latest(larder, "/regretted/json") == "2.0")
    yanked = larder.packages / "regretted-2.0.tar.gz.yanked"
    yanked.write_text("too hot")
    wait_until(lambda: latest(larder, "/regretted/json") == "1.0")
    assert latest(larder, "/regretted==2.0/json") == "2.0"
    install(larder, tmp_path, "regretted==2.0")
    assert files_in(tmp_path) == {"regretted.py": b"2.0"}
    (larder.packages / "regretted-1.0.tar.gz.yanked").touch()
    wait_until(lambda: latest(larder, "/regretted/json") == "2.0")
    yanked.unlink()
    wait_until(lambda: latest(larder, "/regretted/json") == "2.0")


@pytest.mark.parametrize(
    "asked",
    [
        "many",
        "many>=1.0",
        "many%3E%3D1.0",
        "many>1,<2",
        "many~=1.0",
        "many!=1.1",
        "many[extra]>=1",
        "many%20>=1",
        "Many",
        "MANY>=1.0",
        "many;python_version=='3.4'",
    ],
)
@pytest.mark.parametrize("before", ["/", "//"])
def test_a_requirement_in_the_path_means_the_project(versions: Larder, before: str, asked: str) -> None:
    answer = ask(versions, f"{before}{asked}/json")
    assert (answer.status, answer.body) == (200, ask(versions, "/many/json").body)


@pytest.mark.parametrize(
    "asked",
    [NAME, "My_MicroPython.Package", "MY--micropython__package", "my.micropython.package>=0.1", f"{NAME}/"],
)
def test_names_as_typed_get_the_document_itself(larder: Larder, asked: str) -> None:
    answer = ask(larder, f"/{asked}/json")
    assert (answer.status, answer.body) == (200, ask(larder, f"/{NAME}/json").body)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Transfer-Encoding"] is None


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        ("many==1.1", "1.1"),
        ("many==1.1.0", "1.1"),
        ("many==1.10", "1.10.0"),
        ("many==1.10.0", "1.10.0"),
        ("many==v1.1", "1.1"),
        ("many===1.1", "1.1"),
        ("many[extra]==1.1", "1.1"),
        ("many==1.1;python_version=='3.4'", "1.1"),
        ("many==1.2-rc1", "1.2rc1"),
        ("many==1.2.RC-1", "1.2rc1"),
        ("many==1.2rc1", "1.2rc1"),
        ("many%3D%3D1.1", "1.1"),
        ("Many==1.1", "1.1"),
        ("Many==2.0-dev3", "2.0.dev3"),
        ("early==0.1.0-rc9", "0.1.0rc9"),
        (f"{NAME}==0.2.0rc99+dev42", "0.2.0rc99+dev42"),
        (f"{NAME}==0.2.0-rc99+dev42", "0.2.0rc99+dev42"),
        (f"{NAME}==0.2.0rc99%2Bdev42", "0.2.0rc99+dev42"),
        ("My_MicroPython.Package==0.2rc99+DEV-42", None),
        ("My_MicroPython.Package==0.2rc99+DEV42", "0.2.0rc99+dev42"),
        ("many==1.3", None),
        ("Many==1.3", None),
        ("many==1.*", None),
        ("many==latest", None),
        ("Many==latest", None),
        ("many==../latest", None),
        ("many==", None),
    ],
)
def test_a_version_in_the_path_means_that_version_alone(versions: Larder, asked: str, version: str | None) -> None:
    found = document(versions, f"/{asked}/json")
    assert (found["info"]["version"], list(found["releases"])) == (version, [version] if version else [])


def test_a_version_with_an_epoch_can_be_asked_for(larder: Larder) -> None:
    make_board_sdist(larder.packages, "epochal", "1!2.0", {"epochal.py": b""})
    wait_until(lambda: latest(larder, "/epochal/json") == "1!2.0")
    for asked in ("epochal==1!2.0", "epochal==1!2", "Epochal==1!2.0.0", "epochal==1%212.0"):
        assert latest(larder, f"/{asked}/json") == "1!2.0"


@pytest.mark.parametrize(
    "path",
    [
        "/unknown/json",
        "/Unknown/json",
        "/unknown==1.0/json",
        "/unknown>=1.0/json",
        "//json",
        "/[extra]/json",
        "/boards/many/latest.json",
        "/.board/many/latest.json",
        "/many/json/",
        "/../many/json",
    ],
)
def test_what_is_not_there_is_404(versions: Larder, path: str) -> None:
    answer = ask(versions, path)
    assert answer.status in ((404, 400) if ".." in path else (404,))
    assert answer.reason  # upip wants three words


def test_a_project_without_an_archive_for_boards_is_404(larder: Larder) -> None:
    file = make_wheel(larder.packages, "Wheel.Only", "1.0")
    make_sdist(larder.packages, "Wheel.Only", "2.0", ".zip")
    larder.wait_listed("wheel-only", file)
    wait_until(lambda: len(larder.detail("wheel-only")) == 2)
    for path in ("/wheel-only/json", "/Wheel.Only/json", "/wheel-only==1.0/json", "/wheel-only==2.0/json"):
        assert ask(larder, path).status == 404


def test_a_removed_archive_vanishes_from_the_document_and_with_the_last_one_the_document(larder: Larder) -> None:
    files = [make_board_sdist(larder.packages, "fleeting", version, {}) for version in ("1.0", "2.0")]
    wait_until(lambda: latest(larder, "/fleeting/json") == "2.0")
    files[1].unlink()
    wait_until(lambda: latest(larder, "/fleeting/json") == "1.0")
    assert [ask(larder, f"/fleeting=={version}/json").status for version in ("2.0", "2", "1.0")] == [404, 404, 200]
    make_wheel(larder.packages, "fleeting", "1.0")
    wait_until(lambda: len(larder.detail("fleeting")) == 2)
    files[0].unlink()
    wait_until(lambda: ask(larder, "/fleeting/json").status == 404)


def test_boards_are_served_from_disk_alone(start_larder: Start, tmp_path: Path) -> None:
    larder = start_larder()
    file = make_board_sdist(larder.packages, "steady", "1.0rc1", {"steady.py": b"x = 1\n"})
    larder.wait_listed("steady", file)
    wait_until(lambda: latest(larder, "/steady/json"))
    with larder.without("indexer", "uploader"):
        for asked in ("steady", "steady==1.0rc1", "steady>=0.1"):
            assert latest(larder, f"//{asked}/json") == "1.0rc1"
        install(larder, tmp_path / "lib", "steady")
        install(larder, tmp_path / "old", "steady==1.0rc1", old=True)
    assert files_in(tmp_path / "lib") == files_in(tmp_path / "old") == {"steady.py": b"x = 1\n"}


def test_a_document_uploaded_is_there_with_the_answer(larder: Larder, tmp_path: Path) -> None:
    for n in range(10):
        upload(larder, make_board_sdist(tmp_path, "prompt", f"1.{n}", {"prompt.py": b""}))
        assert latest(larder, "/prompt/json") == f"1.{n}"


# The program that stands for upip, held against what upip does.


Serve = Callable[[bytes], tuple[str, list[bytes]]]


@pytest.fixture
def serve_once() -> Iterator[Serve]:
    """Answer one request with these bytes; the index's address, and the request once it came."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        threads = []

        def serve(answer: bytes) -> tuple[str, list[bytes]]:
            asked: list[bytes] = []
            threads.append(threading.Thread(target=answer_one, args=(listener, answer, asked)))
            threads[-1].start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}", asked

        yield serve
        for thread in threads:
            thread.join()


def answer_one(listener: socket.socket, answer: bytes, asked: list[bytes]) -> None:
    connection, _ = listener.accept()
    with connection:
        asked.append(connection.recv(4096))
        connection.sendall(answer)


def test_our_upip_sends_the_bytes_that_upip_sends(serve_once: Serve, tmp_path: Path) -> None:
    index, asked = serve_once(b"HTTP/1.0 404 Not Found\r\n\r\n")
    run_board(str(UPIP), f"{index}/upip", str(tmp_path), "Micropython-hello>=0.1")
    host = index.removeprefix("http://")
    assert asked == [f"GET /upip/Micropython-hello>=0.1/json HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()]


def answer_with(files: list[dict[str, str]]) -> bytes:
    body = json.dumps({"info": {"version": "1"}, "releases": {"1": files}})
    return f"HTTP/1.1 200 OK\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 301 Moved Permanently\r\nLocation: /x/\r\n\r\n", "NotFound"),
        (b"HTTP/1.1 302 Found\r\nLocation: /x/\r\n\r\n", "ValueError(b'302',)"),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "ValueError(b'401',)"),
        (b"HTTP/1.1 200 \r\n\r\n{}", "ValueError"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "Error installing"),
        (answer_with([]), "AssertionError"),
        (answer_with([{"url": "http://h:1/a"}, {"url": "http://h:1/b"}]), "AssertionError"),
        (answer_with([{"url": "/packages/x-1.0.tar.gz"}]), "Error installing"),
    ],
)
def test_our_upip_refuses_what_upip_refuses(serve_once: Serve, tmp_path: Path, answer: bytes, said: str) -> None:
    index, _ = serve_once(answer)
    done = run_board(str(UPIP), index, str(tmp_path), "x")
    assert done.returncode == 1
    assert said in done.stdout


def test_our_upip_cannot_unpack_a_big_window_on_a_small_heap(larder: Larder, tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(20_000)
    file = make_archive(
        tmp_path / "wide-1.0.tar.gz", "wide-1.0", {**sdist_contents("wide", "1.0"), "a.bin": noise, "b.bin": noise}
    )
    upload(larder, file)
    done = run_board(str(UPIP), larder.url, str(tmp_path / "lib"), "wide")
    assert "OSError" in done.stdout
    install(larder, tmp_path / "big", "wide", heap="2M")
    assert files_in(tmp_path / "big")["b.bin"] == noise
