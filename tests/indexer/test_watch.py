"""Hints of changes, by inotify and by polling; and what becomes of them where the watch fails."""

import errno
import logging
import queue
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.observers import Observer

from indexer.settle import Hint
from indexer.watch import start_watch
from indexer.watching import Watching
from store.data import Data
from store.settings import Settings, Watch, read_settings
from tests.running import wait_until


class Heard:
    """What a watch says, as far as it was waited for."""

    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[Hint] = queue.SimpleQueue()
        self.hints: list[Hint] = []

    def __call__(self, hint: Hint) -> None:
        self.inbox.put(hint)

    def wait_for(self, path: str, *, writing: bool = False) -> None:
        deadline = time.monotonic() + 10
        while Hint(path, writing) not in self.hints:
            self.hints.append(self.inbox.get(timeout=max(0.0, deadline - time.monotonic())))


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    (tmp_path / "packages").mkdir()
    return tmp_path / "packages"


@pytest.fixture(params=["auto", "poll"])
def heard(request: pytest.FixtureRequest, packages: Path) -> Iterator[Heard]:
    found = Heard()
    started = start_watch(packages, request.param, 0.02, found)
    assert started.is_alive()
    yield found
    started.stop()


def test_what_comes_moves_and_goes_is_heard_of(heard: Heard, packages: Path, tmp_path: Path) -> None:
    (packages / "a").write_text("x")
    heard.wait_for("a")
    (packages / "a").rename(packages / "b")
    heard.wait_for("b")
    (packages / "sub").mkdir()
    (packages / "sub/c").hardlink_to(packages / "b")
    heard.wait_for("sub/c")
    (tmp_path / "outside").write_text("x")
    (tmp_path / "outside").rename(packages / "inside")
    heard.wait_for("inside")
    shutil.rmtree(packages / "sub")
    heard.wait_for("sub")


@pytest.mark.parametrize("heard", ["auto"], indirect=True)
def test_where_something_moved_to_is_heard_of_before_where_it_was(heard: Heard, packages: Path) -> None:
    (packages / "here").mkdir()
    heard.wait_for("here")
    heard.hints.clear()
    (packages / "here").rename(packages / "there")
    heard.wait_for("here")
    assert "there" in [hint.path for hint in heard.hints]


def test_ignored_names_are_not_heard_of(heard: Heard, packages: Path) -> None:
    (packages / ".incoming-x").write_text("x")
    (packages / "x.part").write_text("x")
    (packages / "last").write_text("x")
    heard.wait_for("last")
    assert {hint.path for hint in heard.hints} <= {"", "last"}


def test_reading_is_not_heard_of(packages: Path) -> None:
    (packages / "a").write_text("x")
    heard = Heard()
    started = start_watch(packages, "auto", 1.0, heard)
    for _ in range(100):
        (packages / "a").read_text()
    (packages / "last").write_text("x")
    heard.wait_for("last")
    started.stop()
    assert {hint.path for hint in heard.hints} == {"last"}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE])
def test_where_inotify_refuses_the_directory_is_polled_and_that_is_said(
    packages: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    class Refusing(Observer):  # type: ignore[misc, valid-type]
        def start(self) -> None:
            raise OSError(number, "inotify limit reached")

    monkeypatch.setattr("indexer.watch.Observer", Refusing)
    polls(packages, caplog)


def test_where_inotify_runs_out_below_the_first_directory_it_is_polled(
    packages: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (packages / "a/b").mkdir(parents=True)
    monkeypatch.setattr("indexer.watch._count_watches", lambda: 1)
    polls(packages, caplog)
    assert "max_user_watches" in caplog.text


def polls(packages: Path, caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard()
    with caplog.at_level(logging.WARNING):
        started = start_watch(packages, "auto", 0.02, heard)
    assert "polling" in caplog.text
    (packages / "a").mkdir(exist_ok=True)
    (packages / "a/late").write_text("x")
    heard.wait_for("a/late")
    started.stop()


def test_a_file_system_that_tells_nothing_of_others_is_polled(
    packages: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("indexer.watch._file_system", lambda _: "nfs4")
    polls(packages, caplog)
    assert "nfs4" in caplog.text


@pytest.fixture
def watching(packages: Path) -> Iterator[Watching]:
    data = Data.at(packages.parent, packages.parent / "run")
    found = Watching(data.default, settings("auto"), Heard())
    yield found
    found.stop()


def settings(mode: Watch) -> Settings:
    return read_settings({"LARDER_WATCH": mode})


def move_away(packages: Path) -> None:
    packages.rename(packages.parent / "away")


def put_file_in_place(packages: Path) -> None:
    packages.rmdir()
    packages.write_text("x")


@pytest.mark.parametrize("lose", [move_away, put_file_in_place])
def test_a_directory_that_is_gone_is_a_fault_until_there_is_one_again(
    watching: Watching, packages: Path, lose: Callable[[Path], None]
) -> None:
    assert watching.keep(0.0)
    assert not watching.keep(0.1)
    lose(packages)
    assert not watching.keep(0.2)
    assert "what was listed stays" in watching.fault
    packages.unlink() if packages.is_file() else None
    packages.mkdir()
    assert watching.keep(60.0)
    assert watching.fault == ""


def test_a_watch_that_ended_by_itself_is_begun_anew(watching: Watching, packages: Path) -> None:
    assert watching.keep(0.0)
    started = watching._watch
    assert started is not None
    started.stop()
    wait_until(lambda: not started.is_alive())
    assert watching.keep(60.0)
    assert not watching.keep(60.1)


def test_links_to_directories_send_nobody_round_in_circles(packages: Path) -> None:
    (packages / "self").symlink_to(".")
    (packages / "a").mkdir()
    (packages / "a/back").symlink_to("../a")
    heard = Heard()
    started = start_watch(packages, "poll", 0.02, heard)
    (packages / "a/new").write_text("x")
    heard.wait_for("a/new")
    assert started.is_alive()
    started.stop()
