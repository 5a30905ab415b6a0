"""What the two programs tell each other: whatever is lost or wrong on the way, neither end is the worse for it."""

import asyncio
import contextlib
import json
import queue
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from indexer.channel import CALLERS, Listener
from store.distribution import Distribution
from store.identity import Identity
from store.messages import PACKET, Checked, Published, Wanted, parse_told, render_checked, render_wanted
from tests.running import wait_until
from uploader.channel import Caller

TEXT = b"Name: d\xff\n\n\n"
DISTRIBUTION = Distribution((("demo", "1.0"),), "wheel", "a" * 64, ">=3.11", sha256(TEXT).hexdigest())
CHECKED = Checked("default", "demo-1.0-py3-none-any.whl", Identity(1, 1 << 63, 3), DISTRIBUTION, TEXT)
ANOTHER = CHECKED._replace(filename="demo-1.0-py2-none-any.whl")


class Indexer:
    """The indexer's end, and what it took."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: queue.SimpleQueue[Checked | Wanted] = queue.SimpleQueue()
        self.start()

    def start(self) -> None:
        self.listener = Listener(self.path, self.taken.put)

    def take(self) -> Checked | Wanted:
        return self.taken.get(timeout=10)


@pytest.fixture
def indexer(tmp_path: Path) -> Iterator[Indexer]:
    found = Indexer(tmp_path / "run" / "indexer.sock")
    yield found
    found.listener.close()


def as_uploader(path: Path, act: Callable[[Caller, list[Published]], Awaitable[None]]) -> None:
    """Run `act` with the uploader's end, and the list of what it hears."""

    async def run() -> None:
        heard: list[Published] = []
        caller = Caller(path, heard.append)
        try:
            await asyncio.wait_for(act(caller, heard), 20)
        finally:
            caller.close()

    asyncio.run(run())


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def bare(path: Path) -> socket.socket:
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    caller.connect(str(path))
    caller.settimeout(10)
    return caller


def test_what_was_checked_arrives_as_it_was_sent_and_in_order(indexer: Indexer) -> None:
    async def act(caller: Caller, _: list[Published]) -> None:
        assert caller.connect()
        caller.tell(CHECKED)
        await asyncio.to_thread(caller.tell, ANOTHER)

    as_uploader(indexer.path, act)
    assert [indexer.take(), indexer.take()] == [CHECKED, ANOTHER]


def test_what_was_published_is_heard_by_every_uploader(indexer: Indexer) -> None:
    async def act(caller: Caller, heard: list[Published]) -> None:
        others: list[Published] = []
        other = Caller(indexer.path, others.append)
        assert caller.connect()
        assert other.connect()
        for end in (caller, other):
            end.tell(CHECKED)
            await asyncio.to_thread(indexer.take)  # it is known there
        indexer.listener.tell("default", [f"demo-{n}" for n in range(1200)])
        await until(lambda: len(heard) == len(others) == 1200)
        assert heard == others == [Published("default", f"demo-{n}") for n in range(1200)]
        other.close()

    as_uploader(indexer.path, act)


def test_only_its_own_user_may_connect(indexer: Indexer) -> None:
    assert stat.S_IMODE(indexer.path.stat().st_mode) == 0o600


GARBAGE = [
    b"\xff" * 100,
    b"{}",
    b"[" * 100_000,
    b"null",
    b"1",
    b'{"repository": 1, "filename": 2, "identity": [1, 2, 3], "distribution": {}}',
    b'{"repository": "default", "filename": "x", "identity": [1, 2], "distribution": {}}',
    b'{"repository": "default", "filename": "x", "identity": "abc", "distribution": {}}',
    b'{"repository": "default", "filename": "x", "identity": [1, 2, 1e999], "distribution": {}}',
    b'{"repository": "default", "filename": "x", "identity": [1, 2, 3], "distribution": {"releases": [["a", 1]]}}',
    b'{"repository": "default", "filename": "x", "identity": [1, 2, 3], "distribution": {"releases": [], "x": "y"}}',
    b'{"repository": "default", "filename": "x", "identity": [1, 2, 3], "distribution": []}',
    json.dumps([*CHECKED[:3], vars(DISTRIBUTION)]).encode(),
    b'{"projects": null}',
    b"\n\n\n",
    b"9" * 10_000,
    render_checked(CHECKED._replace(distribution=replace(DISTRIBUTION, digest="no digest"))),
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_stops_neither_end(indexer: Indexer, garbage: bytes) -> None:
    with bare(indexer.path) as stranger:
        stranger.send(garbage)
        stranger.send(b"")  # nothing comes after it

    async def act(caller: Caller, heard: list[Published]) -> None:
        assert caller.connect()
        caller.tell(CHECKED)
        assert await asyncio.to_thread(indexer.take) == CHECKED
        for listening in indexer.listener._callers:
            with contextlib.suppress(OSError):  # the stranger may have been seen to be gone
                listening.send(garbage)
        indexer.listener.tell("default", ["demo"])
        await until(lambda: heard)
        assert heard == [Published("default", "demo")]

    as_uploader(indexer.path, act)


def test_what_is_too_long_is_not_sent_and_the_next_is(indexer: Indexer) -> None:
    async def act(caller: Caller, _: list[Published]) -> None:
        assert caller.connect()
        caller.tell(CHECKED._replace(core_metadata=b"x" * PACKET))
        caller.tell(CHECKED)

    as_uploader(indexer.path, act)
    assert indexer.take() == CHECKED


def test_without_an_indexer_nothing_is_said_and_nothing_waits(tmp_path: Path) -> None:
    async def act(caller: Caller, _: list[Published]) -> None:
        assert not caller.connect()
        caller.tell(CHECKED)

    as_uploader(tmp_path / "none.sock", act)


def test_a_restarted_indexer_is_found_again_in_the_place_of_what_a_killed_one_left(indexer: Indexer) -> None:
    async def act(caller: Caller, heard: list[Published]) -> None:
        assert caller.connect()
        indexer.listener.close()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as killed:
            killed.bind(str(indexer.path))
        await until(lambda: not caller.connect())  # it has noticed
        caller.tell(CHECKED)
        indexer.start()
        await until(caller.connect)
        caller.tell(ANOTHER)
        assert await asyncio.to_thread(indexer.take) == ANOTHER
        indexer.listener.tell("default", ["demo"])
        await until(lambda: heard)

    as_uploader(indexer.path, act)


def test_an_uploader_that_does_not_read_is_dropped_and_the_indexer_never_waits(indexer: Indexer) -> None:
    with bare(indexer.path):
        wait_until(lambda: indexer.listener._callers)
        for _ in range(10_000):
            indexer.listener.tell("default", ["demo"])
        wait_until(lambda: not indexer.listener._callers)


def test_an_uploader_that_went_away_is_forgotten(indexer: Indexer) -> None:
    for _ in range(3 * CALLERS):
        bare(indexer.path).close()
    indexer.listener.tell("default", ["demo"])
    wait_until(lambda: not indexer.listener._callers)


def test_only_so_many_may_connect(indexer: Indexer) -> None:
    callers = [bare(indexer.path) for _ in range(CALLERS + 3)]
    wait_until(lambda: len(indexer.listener._callers) == CALLERS)
    assert [caller.recv(1) for caller in callers[CALLERS:]] == [b""] * 3
    for caller in callers:
        caller.close()


def test_a_place_that_cannot_be_listened_at_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "sock").mkdir()
    listener = Listener(tmp_path / "sock", print)
    listener.tell("default", ["demo"])
    listener.close()
    assert [record.getMessage().startswith("cannot listen at") for record in caplog.records] == [True]


def test_a_closed_end_leaves_no_file(indexer: Indexer) -> None:
    indexer.listener.close()
    indexer.listener.close()
    assert not indexer.path.exists()


def test_a_message_is_one_line_and_the_metadata_as_it_is(indexer: Indexer) -> None:
    """What an uploader of another version would have to speak."""
    packet = {
        "repository": "default",
        "filename": CHECKED.filename,
        "identity": list(CHECKED.identity),
        "distribution": vars(DISTRIBUTION),
    }
    with bare(indexer.path) as caller:
        for text in (TEXT[:-1], b"", TEXT + b"\n", TEXT):  # all but the last are another's
            caller.send(json.dumps(packet).encode() + b"\n" + text)
        assert indexer.take() == CHECKED
    assert indexer.taken.empty()


def test_what_a_board_wants_is_told(indexer: Indexer) -> None:
    wanted = Wanted("team", "demo", "a" * 32)

    async def act(caller: Caller, _: list[Published]) -> None:
        caller.connect()
        caller.tell(wanted)

    as_uploader(indexer.path, act)
    assert indexer.take() == wanted


@pytest.mark.parametrize("wanted", [None, [], ["a", "b"], ["a", "b", "c", "d"], ["a", "b", 1], "abcd", {"a": 1}])
def test_what_nobody_can_want_is_no_message(wanted: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse_told(json.dumps({"wanted": wanted}).encode())
    assert parse_told(render_wanted(Wanted("", "", ""))) == Wanted("", "", "")
