"""Starting the uploader: what is wrong is said at once, and no restart is asked for."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import VERSION
from tests.archives import make_wheel
from tests.authority import answering, make_certificate
from tests.running import HERE, basic, run_tool, wait_until
from tests.uploader.room import AUTH, Room

UNUSABLE = 78


@pytest.fixture
def idle(tmp_path: Path) -> Room:
    """A data directory that nothing serves."""
    return Room(tmp_path / "room")


def variables(room: Room) -> dict[str, str]:
    return {"LARDER_DATA": str(room.data.root), "LARDER_RUN": str(room.data.run)}


def start(room: Room, **environment: str) -> "subprocess.CompletedProcess[str]":
    return run_tool("-m", "uploader", env={**variables(room), **environment}, check=False)


@contextlib.contextmanager
def running(room: Room, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {**os.environ, **variables(room), "PYTHONPATH": str(HERE), "LARDER_LISTING_WAIT": "0.1"}
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "uploader"], env=environment, stdout=file, stderr=file)
    try:
        wait_until(room.data.socket.exists)
        wait_until(lambda: answers(room))
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def answers(room: Room) -> bool:
    try:
        return room.request("GET", "/health").status > 0
    except OSError:
        return False


def test_the_version_is_shown() -> None:
    assert run_tool("-m", "uploader", "--version").stdout == f"larder {VERSION}\n"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("LARDER_LOG_LEVEL", "debug", "LARDER_LOG_LEVEL='debug'; expected one of"),
        ("LARDER_LISTING_WAIT", "soon", "LARDER_LISTING_WAIT='soon'; expected seconds"),
        ("LARDER_DATA", "", "LARDER_DATA=''; expected the path of a directory"),
        ("LARDER_RUN", "/dev/null/run", "/dev/null/run/uploader/uploader.sock: Not a directory; expected a path"),
        ("LARDER_RUN", "/tmp/" + "x" * 150, "AF_UNIX path too long; expected a path to listen at"),
    ],
)
def test_a_bad_setting_is_one_line(idle: Room, name: str, value: str, reason: str) -> None:
    done = start(idle, **{name: value})
    if value.startswith("/tmp/"):
        shutil.rmtree(value)
    assert (done.returncode, reason in done.stderr, done.stderr.count("\n")) == (UNUSABLE, True, 1), done.stderr


def test_users_that_cannot_be_read_are_one_line(idle: Room) -> None:
    idle.data.htpasswd.unlink()
    idle.data.htpasswd.mkdir()
    done = start(idle)
    assert (done.returncode, done.stderr.count("\n")) == (UNUSABLE, 1)
    assert done.stderr.startswith(f"uploader: {idle.data.htpasswd}: Is a directory")


def test_missing_packages_are_one_line(idle: Room) -> None:
    idle.packages.rmdir()
    done = start(idle)
    assert (done.returncode, done.stderr.count("\n")) == (UNUSABLE, 1)
    assert done.stderr.startswith(f"uploader: {idle.packages}: No such file or directory")


def test_it_serves_and_sweeps_what_a_crash_left(idle: Room, tmp_path: Path) -> None:
    (idle.packages / ".incoming-leftover").write_text("half")
    log = tmp_path / "log"
    with running(idle, log):
        assert not list(idle.packages.iterdir())
        assert idle.upload(make_wheel(tmp_path, "demo", "1.0")).status == 200
        odd = b"--B\r\nContent-Disposition: ;;; form-data; name=\r\n\r\n\r\n--B--\r\n"
        assert idle.request("POST", "/", odd, AUTH | {"Content-Type": "multipart/form-data; boundary=B"}).status == 400
    lines = log.read_text().splitlines()
    assert len(lines) == 2, lines
    assert " uploader: INFO accepted POST '/' from 192.0.2.7 user 'ann' file 'demo-1.0-py3-none-any.whl' " in lines[0]


def test_the_certificates_of_the_system_are_not_read_at_the_start() -> None:
    stores = "aiohttp.connector._SSL_CONTEXT_VERIFIED, uploader.certificates.read()"
    code = f"import uploader.__main__, aiohttp; print(*(bool(store.get_ca_certs()) for store in ({stores})))"
    assert run_tool("-c", code).stdout == "False True\n"


def test_an_address_for_users_has_to_prove_that_it_is_the_one(
    idle: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    with answering(certificate=certificate) as address:
        idle.set_policy(f"download = ['authenticated']\n[authentication]\nurl = '{address}'")
        idle.beat()
        with running(idle, tmp_path / "log"):
            assert idle.read(basic("bob", "s3cret")) == "503"
        assert "users from elsewhere: https://127.0.0.1:" in (tmp_path / "log").read_text()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with running(idle, tmp_path / "log"):
            assert (idle.read(basic("bob", "s3cret")), idle.read(basic("bob", "wrong"))) == ("204", "401")
