"""What a MicroPython board installs from a running Larder, by a real MicroPython with upip's own way of asking."""

import functools
import hashlib
import json
import random
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archives import digest, make_archive, make_board_sdist, make_sdist, make_wheel, sdist_contents
from tests.clients.micropython import find_micropython
from tests.conftest import Start
from tests.nginx.board import ask, document, latest
from tests.running import HERE, PASSWORD, USER, Larder, basic, form, place_of, wait_until

UPIP = HERE / "tests/clients/boards/upip.py"
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
    assert f"http://127.0.0.1:{larder.port}/upip/{NAME}-0.2.0rc99%2Bdev42.tar.gz" in said
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
    wait_until(lambda: len(document(larder, "/prolific/json")["releases"]) == 50)
    install(larder, tmp_path, "prolific==1.7")
    assert files_in(tmp_path) == {"prolific.py": b"7"}


def test_one_sdist_is_offered_where_there_are_many_files(larder: Larder, tmp_path: Path) -> None:
    for suffix in (".zip", ".tar.gz", ".tar.bz2", ".tar"):
        make_sdist(larder.packages, "crowd", "1.0", suffix)
    make_wheel(larder.packages, "crowd", "1.0")
    make_wheel(larder.packages, "crowd", "3.0")
    wait_until(lambda: len(larder.detail("crowd")) == 6)
    wait_until(lambda: latest(larder, "/crowd/json"))
    url = f"{larder.url}/upip/crowd-1.0.tar.gz"
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
        return place_of(entry["url"]) == f"/upip/{name}-1.0.tar.gz"

    for yanked, kept in (("twice_told", "twice-told"), ("twice-told", "twice_told")):
        (larder.packages / f"{kept}-1.0.tar.gz.yanked").unlink(missing_ok=True)
        (larder.packages / f"{yanked}-1.0.tar.gz.yanked").touch()
        wait_until(functools.partial(is_offered, kept))


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


def test_the_document_of_what_was_uploaded_is_there_right_after_the_answer(larder: Larder, tmp_path: Path) -> None:
    for n in range(10):
        upload(larder, make_board_sdist(tmp_path, "prompt", f"1.{n}", {"prompt.py": b""}))
        wait_until(lambda version=f"1.{n}": latest(larder, "/prompt/json") == version, 1.0)  # type: ignore[misc]


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


def make_wide(directory: Path, name: str, contents: dict[str, bytes]) -> Path:
    """An sdist that looks back further than 4 KiB, as every one of some size does that was made for computers."""
    noise = random.Random(1).randbytes(20_000)
    wide = {f"{name}/a.bin": noise, f"{name}/b.bin": noise, **sdist_contents(name, "1.0"), **contents}
    return make_archive(directory / f"{name}-1.0.tar.gz", f"{name}-1.0", wide)


@pytest.mark.parametrize("heap", ["56K", "64K", "2M"])
def test_a_small_board_installs_what_was_packed_for_computers(larder: Larder, tmp_path: Path, heap: str) -> None:
    name = f"wide{heap.lower()}"
    needs = {f"{name}.egg-info/requires.txt": b"narrow>=1\n"}
    file = make_wide(tmp_path, name, {f"src/{name}/__init__.py": MODULE, "tests/test_it.py": b"no", **needs})
    if not latest(larder, "/narrow/json"):
        upload(larder, make_board_sdist(tmp_path, "narrow", "1.0", {"narrow.py": b"x = 1\n"}))
    upload(larder, file)
    wait_until(lambda: latest(larder, f"/{name}/json"))
    url = f"{larder.url}/upip/{name}/1.0.tar.gz"
    assert document(larder, f"/{name}/json") == {"info": {"version": "1.0"}, "releases": {"1.0": [{"url": url}]}}
    install(larder, tmp_path / "lib", name, heap=heap)
    found = files_in(tmp_path / "lib")
    assert sorted(found) == [
        "narrow.py",
        f"{name}.py",
        *(f"{name}/{file}" for file in ("__init__.py", "a.bin", "b.bin")),
    ]
    assert found[f"{name}/__init__.py"] == MODULE
    assert larder.digest(name, file.name) == digest(file)  # what pip gets is what was uploaded


def test_what_holds_more_than_fits_is_offered_as_it_is(larder: Larder, tmp_path: Path) -> None:
    file = make_wide(tmp_path, "vast", {f"vast/m{n}.py": b"" for n in range(1100)})
    upload(larder, file)
    wait_until(lambda: latest(larder, "/vast/json"))
    ((entry,),) = document(larder, "/vast/json")["releases"].values()
    answer = larder.get(place_of(entry["url"]))
    assert (answer.status, hashlib.sha256(answer.body).hexdigest()) == (200, digest(file))


def test_without_the_indexer_what_is_not_unpacked_is_offered_as_it_is(start_larder: Start, tmp_path: Path) -> None:
    larder = start_larder()
    file = make_wide(larder.packages, "wide", {})
    wait_until(lambda: latest(larder, "/wide/json"))
    with larder.without("indexer"):
        answer = larder.get("/upip/wide/1.0.tar.gz")
    assert (answer.status, hashlib.sha256(answer.body).hexdigest()) == (200, digest(file))
