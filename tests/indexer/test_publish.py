"""Dirty projects become pages: urgent ones first, a bounded time at once, and what fails later, said once."""

import errno
import logging
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.index import Index
from indexer.manifest import Manifest
from indexer.model import Counts, Overview
from indexer.people import People
from indexer.publish import BUDGET, OVERDUE, SHARE, Publisher
from indexer.scan import scan
from indexer.site import Site
from indexer.tables import open_state
from indexer.tend import INTERVAL, Tending
from indexer.texts import RecentTexts
from indexer.tracker import FEW, Tracker
from store.data import Data
from store.identity import Identity
from store.listing import read_listing
from store.repository import Repository
from tests.archives import make_sdist, make_wheel


class Room:
    """A publisher with all it works on; the clock is the test's."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.reports: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.state = open_state(repository)
        index = Index(self.state, "1")
        self.tracker = Tracker(repository, self.state, index, self.reports.put)
        self.site = Site(repository, Manifest(self.state))
        self.ahead: set[str] = set()  # projects that nobody came by yet
        is_ahead = self.ahead.__contains__
        self.publisher = Publisher(repository, self.state, self.tracker, self.site, is_ahead)
        self.people = People(repository, self.state, self.site, index, self.reports.put)
        self.tending = Tending(self.site, self.publisher, self.people)
        self.now = 100.0

    def add(self, name: str, version: str = "1.0") -> Path:
        wheel = make_wheel(self.repository.packages, name, version, Summary="much " * 50)
        self.publisher.soil(self.tracker.look([wheel.name]) | self.tracker.step(), urgent=False)
        return wheel

    def step(self, seconds: float = 0.0) -> int:
        self.now += seconds
        changed = self.publisher.step(self.now)
        self.publisher.take_settled()
        return changed

    def overview(self) -> None:
        gathered = Overview(tuple(sorted(self.publisher.projects())), (), (), Counts(0, 0, 0), False, "")
        self.publisher.publish_overview(lambda: gathered, self.now)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    repository = Data.at(tmp_path, tmp_path / "run").default
    repository.packages.mkdir()
    found = Room(repository)
    yield found
    found.tracker.stop()


def test_a_dirty_project_gets_its_pages_and_a_gone_one_loses_them(room: Room) -> None:
    wheel = room.add("demo")
    assert room.step() == 1
    assert read_listing(room.repository, "demo").keys() == {wheel.name}
    metadata = room.repository.site / f"packages/{wheel.name}.metadata"
    assert metadata.read_bytes().startswith(b"Metadata-Version")
    assert room.step() == 0
    wheel.unlink()
    room.publisher.soil(room.tracker.look([wheel.name]), urgent=True)
    assert room.step() == 1
    assert not room.repository.project("demo").exists()
    assert not metadata.exists()
    assert room.publisher.pending == 0


def test_what_would_not_differ_is_not_written(room: Room) -> None:
    room.add("demo")
    room.step()
    before = room.repository.project("demo").stat().st_ino
    room.publisher.soil({"demo"}, urgent=True)
    assert room.step() == 0
    assert room.repository.project("demo").stat().st_ino == before


def test_urgent_projects_come_first_and_a_step_is_bounded(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    clock = [0.0]

    def slow(project: str) -> bool:
        order.append(project)
        clock[0] += BUDGET / 3
        return True

    monkeypatch.setattr(room.publisher._renderer, "render", slow)
    monkeypatch.setattr("indexer.publish.time.monotonic", lambda: clock[0])
    room.publisher.soil([f"p{number}" for number in range(500)], urgent=False)
    room.publisher.soil(["p400", "new"], urgent=True)
    assert room.step() == 3
    assert order == ["p400", "new", "p0"]
    assert room.publisher.pending == 498


def test_what_installers_wait_for_comes_first_and_a_restart_forgets_nothing_of_the_rest(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.publish.REST", -1.0)  # there is no time for it
    for number in range(3):
        make_sdist(room.repository.packages, f"p{number}", "1.0")
    room.publisher.soil(room.tracker.look(["p0-1.0.tar.gz", "p1-1.0.tar.gz", "p2-1.0.tar.gz"]), urgent=True)
    room.publisher.soil(room.tracker.step(), urgent=True)
    boards = room.repository.site / "boards"
    assert room.step() == 3
    assert all(read_listing(room.repository, f"p{number}") for number in range(3))
    assert not boards.exists()
    assert room.publisher.pending == 3
    assert room.publisher.patience(room.now) == 0.0
    again = Publisher(room.repository, room.state, room.tracker, room.site, room.ahead.__contains__)
    monkeypatch.setattr("indexer.publish.REST", 10.0)
    assert again.step(room.now) == 0
    assert sorted(path.name for path in boards.iterdir()) == ["p0", "p1", "p2"]
    assert again.pending == 0
    assert sorted(again.take_settled()) == ["p0", "p1", "p2"]
    assert room.state.all("select * from due") == []


def test_what_nobody_waits_for_is_put_off_while_files_are_read_but_not_for_ever(room: Room) -> None:
    for number in range(3):
        make_sdist(room.repository.packages, f"p{number}", "1.0")
    room.publisher.soil(room.tracker.look(["p0-1.0.tar.gz"]) | room.tracker.step(), urgent=True)
    room.tracker.look(["p1-1.0.tar.gz", "p2-1.0.tar.gz"])
    boards = room.repository.site / "boards"
    assert (room.step(), room.tracker.unread) == (1, 2)
    room.publisher.overview_is_dirty = False
    assert room.publisher.patience(room.now) == OVERDUE
    room.step(OVERDUE / 2)
    assert not boards.exists()
    assert room.publisher.patience(room.now) == OVERDUE / 2
    room.step(OVERDUE / 2)
    assert [path.name for path in boards.iterdir()] == ["p0"]


def test_what_is_for_boards_alone_comes_and_goes_by_itself(room: Room) -> None:
    room.add("demo")
    room.step()
    pages, boards = room.repository.project("demo"), room.repository.site / "boards/demo"
    assert sorted(path.name for path in boards.iterdir()) == ["of@1.0", "of@latest"]
    sdist = make_sdist(room.repository.packages, "demo", "1.0")
    room.publisher.soil(room.tracker.look([sdist.name]) | room.tracker.step(), urgent=True)
    room.step()
    assert (boards / "boards.json").exists()
    before = pages.stat().st_ino
    sdist.unlink()
    room.publisher.soil(room.tracker.look([sdist.name]), urgent=True)
    room.step()
    assert not (boards / "boards.json").exists()
    assert pages.stat().st_ino != before


def test_a_link_that_is_gone_or_leads_elsewhere_is_made_anew(room: Room) -> None:
    room.add("demo")
    room.step()
    boards = room.repository.site / "boards/demo"
    target = (boards / "of@1.0").readlink()
    for elsewhere in (None, "/etc"):
        (boards / "of@1.0").unlink()
        if elsewhere:
            (boards / "of@1.0").symlink_to(elsewhere)
        assert "boards/demo" in list(room.site.find_damage())
        room.publisher.soil({"demo"}, urgent=False)
        room.step()
        assert (boards / "of@1.0").readlink() == target
        assert "boards/demo" not in list(room.site.find_damage())


def test_a_page_waits_for_what_is_still_to_be_read_and_no_other_does(room: Room) -> None:
    for number in range(FEW + 1):
        make_sdist(room.repository.packages, "acme-core", f"1.{number}")
    unread: dict[str, Identity] = {}
    room.tracker.reconcile(scan(room.repository.packages), unread)
    room.tracker.read_all(unread)
    room.publisher.soil({"acme-core"}, urgent=True)
    room.add("acme-tools")
    assert room.step() == 1
    assert not room.repository.project("acme-core").exists()
    while room.tracker.unread:
        room.publisher.soil(room.tracker.receive(room.reports.get(timeout=20)), urgent=False)  # type: ignore[arg-type]
        room.publisher.soil(room.tracker.step(), urgent=False)
    assert room.step() == 1
    assert len(read_listing(room.repository, "acme-core")) == FEW + 1


def test_a_page_waits_for_what_nobody_came_by_and_stays_urgent(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[str] = []

    def publish(project: str) -> bool:
        published.append(project)
        return True

    monkeypatch.setattr(room.publisher._renderer, "render", publish)
    room.ahead.update(("late", "later"))
    room.publisher.soil(["late"], urgent=True)
    room.publisher.soil(["later"], urgent=False)
    assert room.step() == 0
    assert room.publisher.pending == 2
    room.ahead.clear()
    room.publisher.soil(["early", "later", "late"], urgent=False)
    room.step()
    assert published == ["late", "early", "later"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), ValueError("a bug")])
def test_whatever_writing_a_page_raises_is_that_pages_reason_said_once_and_tried_again(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    publish = Site.publish

    def refuse(self: Site, name: str, *rest: object) -> bool:
        if name == "projects/bad":
            raise error
        return publish(self, name, *rest)  # type: ignore[arg-type]

    room.add("bad")
    room.add("good")
    with monkeypatch.context() as broken, caplog.at_level(logging.INFO):
        broken.setattr(Site, "publish", refuse)
        assert room.step() == 1
        for _ in range(50):
            room.step(0.5)
        assert caplog.text.count("could not write bad") == 1
        assert caplog.text.count("Traceback") == isinstance(error, ValueError)
        assert str(error) in room.publisher.faults["bad"]
    room.step(120.0)
    assert room.publisher.faults == {}
    assert read_listing(room.repository, "bad")


def test_what_fails_of_the_rest_is_said_once_too_and_tried_less_and_less_often(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    publish, tries = Site.publish, [0]

    def refuse(self: Site, name: str, *rest: object) -> bool:
        if name == "boards/bad":
            tries[0] += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        return publish(self, name, *rest)  # type: ignore[arg-type]

    sdist = make_sdist(room.repository.packages, "bad", "1.0")
    room.publisher.soil(room.tracker.look([sdist.name]) | room.tracker.step(), urgent=True)
    with monkeypatch.context() as broken:
        broken.setattr(Site, "publish", refuse)
        for _ in range(50):
            room.step(0.5)
        assert read_listing(room.repository, "bad")
        assert "No space left" in room.publisher.faults["bad"]
        assert caplog.text.count("could not write bad") == 1
        assert tries[0] <= 6
    room.step(120.0)
    assert room.publisher.faults == {}
    assert (room.repository.site / "boards/bad/boards.json").exists()
    assert room.state.all("select * from due") == []


def test_lost_metadata_is_read_from_the_wheel_again(room: Room) -> None:
    wheel = room.add("demo")
    room.tracker.texts = RecentTexts()
    room.step()
    assert (room.repository.site / f"packages/{wheel.name}.metadata").read_bytes().startswith(b"Metadata-Version")


def test_the_overview_follows_and_takes_a_bounded_share_of_the_time(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.add("demo")
    room.step()
    room.overview()
    page = room.repository.overview / "list.html"
    assert ">demo</a>" in page.read_text()
    assert room.publisher.patience(room.now) == float("inf")
    room.add("other")
    room.step()
    room.publisher._overview_took = 0.5 / SHARE  # the last one took long
    room.overview()
    assert ">other</a>" not in page.read_text()
    assert room.publisher.patience(room.now) == 0.5
    room.now += 0.5
    room.overview()
    assert ">other</a>" in page.read_text()


def settle(room: Room) -> None:
    while room.publisher.pending:
        room.step()


def test_what_is_damaged_is_made_again_a_bounded_number_at_a_time(room: Room) -> None:
    for number in range(20):
        room.add(f"p{number}")
    settle(room)
    room.tending.step(room.now, is_calm=True)
    for path in list(room.repository.projects.rglob("simple.json")):
        path.write_bytes(b"")
    for _ in range(100):
        room.now += INTERVAL
        room.tending.step(room.now, is_calm=True)
    assert room.publisher.pending == 20
    while room.publisher.pending:
        room.step()
    assert all(path.stat().st_size for path in room.repository.site.glob("projects/*/simple.json"))
