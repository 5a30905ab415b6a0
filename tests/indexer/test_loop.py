"""The loop as a whole, on a directory of its own: what it says of itself, and that nothing stops it."""

import errno
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from indexer.loop import Loop
from indexer.reconcile import SLICE
from indexer.settle import Hint
from indexer.site import Site
from store.current import read_in_force
from store.data import Data
from store.heartbeat import Heartbeat, read_heartbeat
from store.listing import read_listing
from store.settings import read_settings
from tests.archives import core_metadata, make_archive, make_wheel, sdist_contents
from tests.running import wait_until


class Running:
    """A loop in a thread."""

    def __init__(self, root: Path) -> None:
        environment = {"LARDER_DATA": str(root / "data"), "LARDER_RUN": str(root / "run")}
        self.settings = read_settings(environment)
        self.data: Data = self.settings.data
        for directory in (self.packages, self.data.site, self.data.state, self.data.heartbeat.parent):
            directory.mkdir(parents=True, exist_ok=True)
        self.loop: Loop | None = None
        self.thread = threading.Thread()

    @property
    def packages(self) -> Path:
        return self.data.default.packages

    @property
    def heartbeat(self) -> Heartbeat:
        return read_heartbeat(self.data)[0]

    def start(self) -> None:
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        wait_until(lambda: self.loop)

    def _run(self) -> None:
        self.loop = Loop(self.settings)
        self.loop.run()

    def stop(self) -> None:
        if self.loop is not None:
            self.loop.stop()
        if self.thread.is_alive():
            self.thread.join(20)
        assert not self.thread.is_alive()

    def lists(self, wheel: Path) -> bool:
        return wheel.name in read_listing(self.data.default, wheel.name.partition("-")[0].replace("_", "-"))

    def wait_listed(self, wheel: Path) -> None:
        wait_until(lambda: self.lists(wheel), 20)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    found = Running(tmp_path)
    yield found
    found.stop()


def test_what_is_there_is_listed_and_then_the_heart_says_that_all_is_well(running: Running) -> None:
    wheel = make_wheel(running.packages, "demo", "1.0")
    running.start()
    wait_until(lambda: running.heartbeat.starts and not running.heartbeat.faults)
    assert running.lists(wheel)
    running.stop()
    assert running.heartbeat.stopped


def test_until_all_is_listed_the_heart_says_how_far_it_is(running: Running) -> None:
    loop = Loop(running.settings)
    assert loop._faults(0.0) == ("looking at what there is: read 0 of 0 files, 0 projects still to be written",)
    for now in (0.0, 1.0, 2.0):
        loop._turn([], now)
    assert loop._faults(2.0) == ()
    loop._upkeeps.stop()


def test_the_policy_is_in_force_after_the_first_turn(running: Running) -> None:
    loop = Loop(running.settings)
    assert read_in_force(running.data) is None
    loop._turn([], time.monotonic())
    assert read_in_force(running.data) is not None
    loop._upkeeps.stop()


def test_a_policy_that_is_refused_is_a_note(running: Running) -> None:
    running.start()
    wait_until(lambda: running.heartbeat.starts and not running.heartbeat.faults)
    running.data.policy.write_text("upload = [")
    wait_until(lambda: any("line 1" in note and "stays" in note for note in running.heartbeat.notes))
    running.data.policy.write_text("# nothing\n")
    wait_until(lambda: not running.heartbeat.notes)


def test_a_page_that_cannot_be_written_is_a_fault_and_no_other_waits(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = Site.publish

    def refuse(self: Site, name: str, *rest: Any) -> bool:
        if name.endswith("blocked"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return publish(self, name, *rest)

    blocked = make_wheel(running.packages, "blocked", "1.0")
    with monkeypatch.context() as full:
        full.setattr(Site, "publish", refuse)
        running.start()
        running.wait_listed(make_wheel(running.packages, "other", "1.0"))
        wait_until(lambda: any("No space left on device" in fault for fault in running.heartbeat.faults))
        assert not running.lists(blocked)
    running.wait_listed(blocked)
    wait_until(lambda: not running.heartbeat.faults)


def test_what_stands_in_the_way_of_pages_is_removed(running: Running) -> None:
    running.start()
    wheel = make_wheel(running.packages, "first", "1.0")
    running.wait_listed(wheel)
    shutil.rmtree(running.data.default.projects)
    running.data.default.projects.write_text("in the way")
    running.wait_listed(wheel)
    running.wait_listed(make_wheel(running.packages, "second", "1.0"))
    wait_until(lambda: not running.heartbeat.faults)


def test_packages_that_are_gone_are_a_fault_and_what_was_listed_stays(running: Running) -> None:
    wheel = make_wheel(running.packages, "demo", "1.0")
    running.start()
    running.wait_listed(wheel)
    running.packages.rename(running.packages.with_name("away"))
    wait_until(lambda: any("what was listed stays" in fault for fault in running.heartbeat.faults))
    assert running.lists(wheel)
    running.packages.with_name("away").rename(running.packages)
    wait_until(lambda: not running.heartbeat.faults)
    running.wait_listed(make_wheel(running.packages, "next", "1.0"))


def test_a_file_that_makes_libraries_raise_stops_no_other(running: Running) -> None:
    running.start()
    contents = {**sdist_contents("digits", "1"), "PKG-INFO": core_metadata("digits", "9" * 5000).encode()}
    make_archive(running.packages / "digits-1.tar.gz", "digits-1", contents)
    running.wait_listed(make_wheel(running.packages, "demo", "1.0"))
    assert running.thread.is_alive()


def test_a_restart_never_shows_a_page_with_part_of_its_files(running: Running) -> None:
    source = make_wheel(running.data.root.parent, "many", "1.0")
    for number in range(SLICE + 10):
        (running.packages / f"many-1.0-{number}-py3-none-any.whl").hardlink_to(source)
    running.start()
    wait_until(lambda: len(read_listing(running.data.default, "many")) == SLICE + 10, 60)
    running.stop()
    loop = Loop(running.settings)
    make_wheel(running.packages, "many", "2.0")
    for now in (1.0, 2.0, 3.0):
        loop._turn([("default", Hint("many-2.0-py3-none-any.whl"))], now)
        assert len(read_listing(running.data.default, "many")) >= SLICE + 10
    assert len(read_listing(running.data.default, "many")) == SLICE + 11
    loop._upkeeps.stop()


def test_good_pages_stay_until_what_was_learnt_is_learnt_again(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(running.packages, "demo", "1.0")
    running.start()
    running.wait_listed(wheel)
    running.stop()
    shutil.rmtree(running.data.state)
    running.data.state.mkdir()
    loop = Loop(running.settings)
    monkeypatch.setattr("indexer.publish.BUDGET", -1.0)  # nothing is written yet
    for now in range(1, 6):
        loop._turn([], float(now))
    assert running.lists(wheel)
    monkeypatch.setattr("indexer.publish.BUDGET", 10.0)
    for now in range(6, 12):
        loop._turn([], float(now))
    assert running.lists(wheel)
    assert loop._faults(12.0) == ()
    loop._upkeeps.stop()


def test_an_uploads_page_does_not_wait_for_a_thousand_other_files(running: Running) -> None:
    source = make_wheel(running.data.root.parent, "acme-core", "1.0")
    for number in range(1000):
        (running.packages / f"acme_core-1.0-{number}-py3-none-any.whl").hardlink_to(source)
    loop = Loop(running.settings)
    for now in (1.0, 2.0):  # all that is there is handed to other processes, and none of their reports is taken in
        loop._turn([], now)
    assert next(iter(loop._upkeeps))._tracker.unread == 1000
    wheel = make_wheel(running.packages, "acme-tools", "1.0")
    loop._turn([("default", Hint(wheel.name))], 3.0)
    assert running.lists(wheel)
    assert next(iter(loop._upkeeps))._tracker.unread == 1000
    loop._upkeeps.stop()
