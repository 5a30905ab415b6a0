"""`/health` in one line."""

import os
import shutil
import time

import pytest

from store.heartbeat import ALIVE, Heartbeat, write_heartbeat
from tests.uploader.room import Room


def health(room: Room) -> tuple[int, str]:
    answer = room.request("GET", "/health")
    assert answer.text.count("\n") == 1
    return answer.status, answer.text.rstrip("\n")


def test_all_is_well(room: Room) -> None:
    room.beat()
    assert health(room) == (200, "ok")
    assert room.request("HEAD", "/health").status == 200


def test_notes_leave_it_well(room: Room) -> None:
    room.beat(notes=("larder.toml is refused: line 1", "2 files were left out"))
    assert health(room) == (200, "ok, but larder.toml is refused: line 1; 2 files were left out")


def test_every_fault_is_said(room: Room) -> None:
    room.beat(faults=("the page of 'a' cannot be written", "packages/ cannot be read"), notes=("note",))
    assert health(room) == (503, "the page of 'a' cannot be written; packages/ cannot be read")


def test_faults_are_one_line_whatever_they_hold(room: Room) -> None:
    room.beat(faults=("a\r\nX-Injected: 1", "\x1b[31m" + "ä" * 10_000))
    answer = room.request("GET", "/health")
    assert (answer.status, answer.headers["X-Injected"], answer.text.count("\n")) == (503, None, 1)
    assert answer.reason.isascii()
    assert len(answer.reason) <= 300


def test_an_indexer_that_was_never_there_is_missed(room: Room) -> None:
    assert health(room) == (503, "no sign of the indexer ever; uploads are stored but not listed")


def test_a_silent_indexer_is_missed(room: Room) -> None:
    room.beat(notes=("old",))
    long_ago = time.time() - ALIVE - 5
    os.utime(room.data.heartbeat, (long_ago, long_ago))
    assert health(room) == (503, "no sign of the indexer for 20 s; uploads are stored but not listed")


def test_an_indexer_that_was_stopped_is_missed(room: Room) -> None:
    room.beat(stopped=True)
    assert health(room) == (503, "the indexer was stopped; uploads are stored but not listed")


@pytest.mark.parametrize(("starts", "status"), [(3, 200), (4, 503)])
def test_an_indexer_that_keeps_dying_is_said(room: Room, starts: int, status: int) -> None:
    write_heartbeat(room.data, Heartbeat(starts=tuple(time.time() - n for n in range(starts))))
    assert health(room)[0] == status
    said = "the indexer was started 4 times in the last 10 minutes without having been stopped; its log says why"
    assert (health(room)[1] == said) is (status == 503)


def test_no_policy_in_force_is_said(room: Room) -> None:
    room.beat()
    shutil.rmtree(room.data.policy_in_force)
    status, said = health(room)
    assert (status, said.startswith("the indexer has not said yet which policy is in force")) == (503, True)


def test_missing_packages_are_said(room: Room) -> None:
    room.beat()
    room.packages.rmdir()
    status, said = health(room)
    assert (status, said.startswith(f"{room.packages}: No such file or directory")) == (503, True)


def test_several_faults_are_said_together(room: Room) -> None:
    room.packages.rmdir()
    room.data.htpasswd.unlink()
    room.data.htpasswd.mkdir()
    status, said = health(room)
    assert (status, said.count("; no sign of the indexer"), said.count(str(room.data.htpasswd))) == (503, 1, 1)
