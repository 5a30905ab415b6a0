"""What passes between uploader and indexer while uploads are on their way, and what does not."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from indexer.channel import Listener
from indexer.inspect import inspect
from store.messages import Checked, Wanted
from tests.archives import make_egg, make_sdist, make_wheel
from tests.running import Answer, wait_until
from tests.uploader.room import Room
from uploader.upload import listed

NEVER = 1000.0  # seconds


class Indexer:
    """The indexer's end of the channel, in a room."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.taken: SimpleQueue[Checked | Wanted] = SimpleQueue()
        self.start()

    def start(self) -> None:
        self.listener = Listener(self.room.data.channel, self.taken.put)

    def take(self) -> Checked:
        taken = self.taken.get(timeout=10)
        assert isinstance(taken, Checked)
        return taken

    def publish(self, project: str, *paths: str) -> None:
        self.room.list_files(project, *paths)
        self.listener.tell("default", [project])


@pytest.fixture
def indexer(room: Room) -> Iterator[Indexer]:
    room.beat()
    found = Indexer(room)
    yield found
    found.listener.close()


@pytest.fixture
def begin(room: Room) -> Iterator[Callable[[Path], "Future[Answer]"]]:
    """Begin an upload, and be back when its file is stored."""
    with ThreadPoolExecutor(20) as pool:

        def begin(file: Path) -> "Future[Answer]":
            future = pool.submit(room.upload, file)
            wait_until(lambda: file.name in room.stored())
            return future

        yield begin


Begin = Callable[[Path], "Future[Answer]"]


def is_listed(answer: Answer) -> bool:
    assert answer.status == 200
    return "follow" not in answer.text


def never_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the uploader believe what it is told, and nothing else."""
    monkeypatch.setattr(listed, "LOOK", NEVER)


def test_an_upload_is_answered_when_its_page_is_told_of(
    indexer: Indexer, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_look(monkeypatch)
    wheel = make_wheel(tmp_path, "told", "1.0")
    upload = begin(wheel)
    indexer.publish("told")  # of another change
    indexer.publish("other", wheel.name)
    assert not upload.done()
    indexer.publish("told", wheel.name)
    assert is_listed(upload.result(10))


def test_all_who_wait_for_one_page_are_told(
    indexer: Indexer, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_look(monkeypatch)
    wheels = [make_wheel(tmp_path, "many", f"1.{n}") for n in range(8)]
    uploads = [begin(wheel) for wheel in wheels]
    indexer.publish("many", *(wheel.name for wheel in wheels))
    assert all(is_listed(upload.result(10)) for upload in uploads)


def test_what_was_checked_is_what_the_indexer_would_read(room: Room, indexer: Indexer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "facts", "1.0", Requires_Python=">=3.11")
    for file in (wheel, make_sdist(tmp_path, "facts", "1.1"), make_egg(tmp_path, "facts", "1.2")):
        room.upload(file)
        checked, read = indexer.take(), inspect(room.packages, file.name)
        assert read is not None
        assert (checked.repository, checked.filename) == ("default", read.path)
        assert (checked.identity, checked.distribution) == (read.identity, read.facts)
        assert checked.core_metadata == read.core_metadata


def test_nothing_is_said_of_what_is_refused(room: Room, indexer: Indexer, tmp_path: Path) -> None:
    good, bad = make_wheel(tmp_path, "good", "1.0"), make_wheel(tmp_path, "bad", "1.0")
    assert room.upload(bad, md5_digest="0" * 32).status == 400
    room.upload(good)
    assert indexer.take().filename == good.name


def test_a_message_that_was_lost_is_made_up_for_by_looking(
    room: Room, indexer: Indexer, begin: Begin, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path, "lost", "1.0")
    upload = begin(wheel)
    room.list_files("lost", wheel.name)  # and not a word
    assert is_listed(upload.result(10))


def test_an_upload_waits_on_while_the_indexer_is_restarted(indexer: Indexer, begin: Begin, tmp_path: Path) -> None:
    wheel, later = make_wheel(tmp_path, "restart", "1.0"), make_wheel(tmp_path, "restart", "2.0")
    upload = begin(wheel)
    indexer.listener.close()
    indexer.start()
    indexer.publish("restart", wheel.name)
    assert is_listed(upload.result(10))
    wait_until(lambda: indexer.room.upload(wheel).status == 200 and indexer.listener._callers)  # it is found again
    upload = begin(later)
    wait_until(lambda: indexer.take().filename == later.name)
    indexer.publish("restart", wheel.name, later.name)
    assert is_listed(upload.result(10))


def test_an_indexer_that_dies_is_waited_for_no_longer_than_its_heart_beats(
    room: Room, indexer: Indexer, begin: Begin, tmp_path: Path
) -> None:
    upload = begin(make_wheel(tmp_path, "dies", "1.0"))
    indexer.listener.close()
    room.data.heartbeat.unlink()
    assert not is_listed(upload.result(0.8))  # less than an answer may wait


def test_one_that_hangs_is_not_waited_for_either(room: Room, indexer: Indexer, begin: Begin, tmp_path: Path) -> None:
    upload = begin(make_wheel(tmp_path, "hangs", "1.0"))
    room.data.heartbeat.unlink()
    assert not is_listed(upload.result(0.8))


@pytest.mark.parametrize("garbage", [b"\xff" * 1000, b"null", b"[" * 50_000, b'{"repository": 1, "projects": 7}'])
def test_garbage_on_the_channel_changes_nothing(
    indexer: Indexer, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, garbage: bytes
) -> None:
    never_look(monkeypatch)
    wheel = make_wheel(tmp_path, "garbage", "1.0")
    upload = begin(wheel)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.connect(str(indexer.room.data.channel))
        stranger.send(garbage)
    for caller in indexer.listener._callers:
        with contextlib.suppress(OSError):  # the stranger may have been seen to be gone
            caller.send(garbage)
    indexer.publish("garbage", wheel.name)
    assert is_listed(upload.result(10))


def test_an_indexer_that_does_not_read_holds_up_nobody(room: Room, tmp_path: Path) -> None:
    room.beat()
    room.data.channel.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as deaf:
        deaf.bind(str(room.data.channel))
        deaf.listen()
        wheels = [make_wheel(tmp_path, f"deaf-{n}", "1.0", Summary="x" * 60_000) for n in range(8)]
        for wheel in wheels:
            room.list_files(wheel.name.split("-")[0].replace("_", "-"))
        threads = [threading.Thread(target=room.upload, args=(wheel,)) for wheel in wheels]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(room.stored()) == 8)
        for thread in threads:
            thread.join(10)
