"""What goes wrong in the uploader or below it: one line in the answer, one in the log."""

import errno
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archives import make_wheel
from tests.uploader.room import Room, as_nobody, serving
from uploader.upload import arriving, check, uploads


def fail_with(number: int) -> object:
    def fail(*_: object, **__: object) -> object:
        raise OSError(number, os.strerror(number))

    return fail


FAULTS = {
    errno.ENOSPC: 507,
    errno.EDQUOT: 507,
    errno.EROFS: 503,
    errno.EACCES: 503,
    errno.EIO: 503,
    errno.EMFILE: 503,
}


STEPS = {"open_incoming": arriving, "make_durable": uploads, "store_distribution": uploads, "check": uploads}


@pytest.fixture(params=STEPS)
def fail_at_a_step(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return lambda number: monkeypatch.setattr(STEPS[request.param], request.param, fail_with(number))


@pytest.mark.parametrize("number", FAULTS, ids=errno.errorcode.get)
def test_a_disk_that_refuses_is_said(
    room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture, fail_at_a_step: Callable[[int], None], number: int
) -> None:
    fail_at_a_step(number)
    before = room.snapshot()
    answer = room.upload(make_wheel(tmp_path, "demo", "1.0"))
    assert (answer.status, os.strerror(number) in answer.reason) == (FAULTS[number], True)
    assert room.snapshot() == before
    [message] = caplog.messages
    assert message.startswith("refused POST '/' from 192.0.2.7 user 'ann'")
    assert message.endswith(f": {answer.status} {answer.text.rstrip()}")


def test_missing_packages_are_said(room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    room.packages.rename(room.packages.with_name("moved"))
    answer = room.upload(make_wheel(tmp_path, "demo", "1.0"))
    assert (answer.status, "No such file or directory" in answer.reason) == (503, True)
    assert len(caplog.messages) == 1


@pytest.fixture
def small_room(tmp_path: Path) -> Iterator[Room]:
    """With a data directory on a file system of 2 MB."""
    data = tmp_path / "data"
    data.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(data)], check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        with serving(Room(tmp_path)) as room:
            yield room
    finally:
        subprocess.run(["umount", "-l", str(data)], check=True)


def test_a_full_disk_is_said_and_nothing_stays(small_room: Room, tmp_path: Path) -> None:
    before = small_room.snapshot()
    answer = small_room.upload(make_wheel(tmp_path, "full", "1.0", {"noise": os.urandom(4 << 20)}))
    assert (answer.status, "disk is full" in answer.reason) == (507, True)
    assert small_room.snapshot() == before
    assert small_room.upload(make_wheel(tmp_path, "small", "1.0")).status == 200


def test_a_disk_that_became_read_only_is_said(small_room: Room, tmp_path: Path) -> None:
    small_room.beat()
    wheel = make_wheel(tmp_path, "late", "1.0")
    subprocess.run(["mount", "-o", "remount,ro", str(small_room.data.root)], check=True)
    answer = small_room.upload(wheel)
    assert (answer.status, "Read-only file system" in answer.reason) == (503, True)
    answer = small_room.request("GET", "/health")
    assert (answer.status, "Read-only file system" in answer.reason) == (503, True)


def test_an_unexpected_exception_is_logged_once_and_answered_by_its_identifier(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("of a kind\n2026-01-01 uploader: WARNING refused POST '/' from 10.0.0.1 \x1b[31m")

    monkeypatch.setattr(check, "parse_filename", fail)
    answer = room.upload(make_wheel(tmp_path, "demo", "1.0"))
    found = re.fullmatch(r"an unexpected error, which the uploader's log explains as ([0-9a-f]{8})\n", answer.text)
    assert (answer.status, found is not None) == (500, True)
    assert found is not None
    [message] = caplog.messages
    head, *lines = message.split("\n")
    assert head.endswith(f"file 'demo-1.0-py3-none-any.whl': 500 {found[1]}")
    assert lines[0].strip() == "Traceback (most recent call last):"
    assert all(line.startswith("    ") and line.isprintable() for line in lines)
    assert room.stored() == []


def test_another_method_is_refused(room: Room) -> None:
    for method in ("PUT", "DELETE"):
        answer = room.request(method, "/simple/demo/")
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
    for method in ("OPTIONS", "PATCH"):
        answer = room.request(method, "/simple/demo/")
        assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET, HEAD, POST, PUT")


def test_a_user_who_may_not_write_gets_one_line(open_room: Room) -> None:
    wheel = make_wheel(open_room.data.run, "demo", "1.0")
    open_room.packages.chmod(0o555)
    with as_nobody():
        answer = open_room.upload(wheel)
        health = open_room.request("GET", "/health")
    assert (answer.status, "Permission denied" in answer.reason) == (503, True)
    assert health.status == 503
    assert f"{open_room.packages}: uid {os.geteuid() or 65534} " in health.text
    assert "mode 0555" in health.text
    open_room.packages.chmod(0o755)
