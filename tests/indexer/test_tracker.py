"""The index follows the disk: by what is heard, by a comparison of everything, and around whatever cannot be read."""

import errno
import os
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from indexer.index import Index
from indexer.inspect import inspect
from indexer.model import Rejected
from indexer.pool import Broken, Inspected
from indexer.reconcile import SLICE, Reconciler
from indexer.scan import scan
from indexer.tables import open_state
from indexer.tracker import ALONE, FEW, Tracker
from store.archive.budget import HERE_AND_NOW
from store.data import Data
from store.distribution import Distribution
from store.repository import Repository
from tests.archives import core_metadata, digest, make_archive, make_sdist, make_wheel, sdist_contents


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    found = Data.at(tmp_path, tmp_path / "run").default
    found.packages.mkdir()
    return found


class Tracked:
    """A tracker, and what its pool reports."""

    def __init__(self, repository: Repository) -> None:
        self.inbox: queue.SimpleQueue[Inspected | Broken] = queue.SimpleQueue()
        state = open_state(repository)
        self.index = Index(state, "1")
        self.tracker = Tracker(repository, state, self.index, self.inbox.put)
        self.reconciler = Reconciler(repository, state, self.tracker, 600.0)

    def reconcile(self) -> set[str]:
        """Compare everything, until all is read."""
        rounds, dirty = self.reconciler.rounds, set()
        self.reconciler.request(0.0)
        while self.reconciler.rounds == rounds:
            dirty |= self.reconciler.step(1e9 * (rounds + 1))
        return dirty | self.read()

    def look(self, *paths: str) -> set[str]:
        """Look at these, and read what is unknown of them."""
        return self.tracker.look(paths) | self.read()

    def read(self) -> set[str]:
        """Go on until all is read."""
        dirty = self.tracker.step()
        while self.tracker.unread:
            if not self.tracker.is_reading:
                dirty |= self.tracker.receive(self.inbox.get(timeout=20))
            dirty |= self.tracker.step()
        return dirty

    def reason(self, path: str) -> str:
        return self.index.reasons()[path]


@pytest.fixture
def tracked(repository: Repository) -> Iterator[Tracked]:
    found = Tracked(repository)
    yield found
    found.tracker.stop()


def test_what_is_heard_of_is_known_at_once(tracked: Tracked, repository: Repository) -> None:
    wheel = make_wheel(repository.packages / "sub", "demo", "1.0")
    assert tracked.look("sub") == {"demo"}
    assert tracked.look("sub") == set()
    wheel.unlink()
    assert tracked.look(f"sub/{wheel.name}") == {"demo"}
    assert tracked.index.projects() == set()


def test_a_comparison_finds_what_came_changed_and_went(tracked: Tracked, repository: Repository) -> None:
    for name in ("kept", "changed", "gone"):
        make_wheel(repository.packages, name, "1.0")
    assert tracked.reconcile() == {"kept", "changed", "gone"}
    make_wheel(repository.packages, "changed", "1.0", {"more.py": b""})
    make_wheel(repository.packages, "come", "1.0")
    (repository.packages / "gone-1.0-py3-none-any.whl").unlink()
    assert tracked.reconcile() == {"changed", "come", "gone"}
    assert tracked.index.projects() == {"kept", "changed", "come"}
    read = tracked.tracker.read
    assert tracked.reconcile() == set()
    assert tracked.tracker.read == read


def test_many_files_are_read_by_others_in_bounded_steps(tracked: Tracked, repository: Repository) -> None:
    wheel = make_wheel(repository.packages, "many", "1.0")
    for number in range(SLICE + FEW + 2):
        os.link(wheel, repository.packages / f"many-1.0-{number}-py3-none-any.whl")
    tracked.reconciler.request(0.0)
    tracked.reconciler.step(1.0)
    assert tracked.reconciler.ahead == FEW + 3
    assert tracked.reconciler.awaits("many")
    assert "many" in tracked.reconciler.step(1.0)
    assert not tracked.reconciler.is_going_on
    assert not tracked.reconciler.awaits("many")
    assert tracked.tracker.awaits("many")
    assert not tracked.tracker.awaits("other")
    tracked.reconcile()
    assert not tracked.tracker.awaits("many")
    detail = tracked.index.detail("many")
    assert detail is not None
    assert len(detail.files) == SLICE + FEW + 3


@pytest.mark.parametrize(("count", "is_shared"), [(ALONE, False), (ALONE + 1, True)])
def test_of_many_that_come_at_once_a_part_is_read_by_others(
    tracked: Tracked, repository: Repository, count: int, is_shared: bool
) -> None:
    wheels = [make_wheel(repository.packages, "many", f"1.{number}") for number in range(count)]
    tracked.tracker.look(wheel.name for wheel in wheels)
    assert tracked.tracker._pool.is_busy == is_shared
    assert (tracked.tracker.unread, tracked.tracker.awaits("many")) == (count, True)
    assert tracked.read() == {"many"}
    detail = tracked.index.detail("many")
    assert detail is not None
    assert (len(detail.files), tracked.tracker.read) == (count, count)


def test_many_small_files_do_not_wait_for_a_large_one(tracked: Tracked, repository: Repository) -> None:
    large = make_archive(
        repository.packages / "large-1.0.tar",
        "large-1.0",
        {**sdist_contents("large", "1.0"), "zeros": bytes(int(HERE_AND_NOW.packed))},
    )
    tracked.tracker.look([large.name])
    tracked.tracker.step()
    assert tracked.tracker._pool.is_busy
    wheels = [make_wheel(repository.packages, "many", f"1.{number}") for number in range(2 * ALONE)]
    tracked.tracker.look(wheel.name for wheel in wheels)
    tracked.tracker.step()
    while tracked.tracker.is_reading:
        tracked.tracker.step()
    assert tracked.tracker.unread == 1
    tracked.read()
    assert tracked.index.projects() == {"large", "many"}


def test_one_costly_file_among_many_holds_up_no_other(tracked: Tracked, repository: Repository) -> None:
    contents = {**sdist_contents("costly", "1.0"), "zeros": bytes(int(HERE_AND_NOW.unpacked))}
    costly = make_archive(repository.packages / "costly-1.0.tar.gz", "costly-1.0", contents)
    others = [make_wheel(repository.packages, "many", f"1.{number}") for number in range(2 * ALONE)]
    tracked.look(*(wheel.name for wheel in others), costly.name)
    assert tracked.index.projects() == {"many"}
    assert tracked.tracker.take_unsteady() == [costly.name]
    assert tracked.look(costly.name) == {"costly"}
    assert tracked.index.projects() == {"costly", "many"}


def test_a_comparison_takes_one_project_after_another(
    tracked: Tracked, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.reconcile.SLICE", 2)
    make_wheel(repository.packages, "zoo", "1.0")
    make_sdist(repository.packages / "deep", "acme", "1.0")
    make_wheel(repository.packages, "Acme", "1.1")
    make_wheel(repository.packages, "acme_tools", "1.0")
    make_wheel(repository.packages, "BEES", "1.0")
    projects = ["acme", "acme-tools", "bees", "zoo", "none"]
    assert all(map(tracked.reconciler.awaits, projects))
    tracked.reconciler.request(0.0)
    come_by = []
    for _ in range(3):
        before = {project for project in projects if tracked.reconciler.awaits(project)}
        dirty = tracked.reconciler.step(1.0)
        come_by.append({project for project in before if not tracked.reconciler.awaits(project)})
        assert come_by[-1] <= dirty
    assert come_by == [set(), {"acme", "acme-tools"}, {"bees", "zoo", "none"}]
    tracked.reconciler.request(1e9)
    tracked.reconciler.step(2e9)
    assert tracked.reconciler.is_going_on
    assert not any(map(tracked.reconciler.awaits, projects))


def test_pages_wait_only_for_what_an_unread_file_can_belong_to(tracked: Tracked, repository: Repository) -> None:
    for number in range(FEW + 1):
        make_sdist(repository.packages, "acme-core", f"1.{number}")
    tracked.reconciler.request(0.0)
    tracked.reconciler.step(1.0)
    assert tracked.tracker.unread == FEW + 1
    assert tracked.tracker.awaits("acme-core")
    assert not any(map(tracked.tracker.awaits, ("acme", "acme-tools", "acme-core-more")))


def test_what_changes_or_goes_while_others_read_it_is_not_taken_for_what_it_was(
    tracked: Tracked, repository: Repository
) -> None:
    wheels = [make_wheel(repository.packages, "many", f"1.{number}") for number in range(FEW + 1)]
    tracked.reconciler.request(0.0)
    tracked.reconciler.step(1.0)
    tracked.tracker.step()
    reports: list[Inspected | Broken] = []  # of what was there then
    while not any(wheels[0].name in report.paths for report in reports):
        reports.append(tracked.inbox.get(timeout=20))
    wheels[0].unlink()
    make_wheel(repository.packages, "many", "1.1", {"more.py": b""})
    tracked.tracker.look([wheels[0].name, wheels[1].name])
    for report in reports:
        tracked.tracker.receive(report)
    assert set(tracked.tracker.take_unsteady()) == {wheels[0].name, wheels[1].name}
    tracked.look(wheels[0].name, wheels[1].name)
    assert tracked.index.facts(wheels[0].name) is None
    facts = tracked.index.facts(wheels[1].name)
    assert isinstance(facts, Distribution)
    assert facts.digest == digest(wheels[1])


@pytest.mark.parametrize("path", ["sub", "sub/deep", ""])
def test_what_may_not_be_looked_into_stays_as_it_is_known(
    tracked: Tracked, repository: Repository, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    make_wheel(repository.packages / "sub", "demo", "1.0")
    make_wheel(repository.packages / "sub/deep", "deeper", "1.0")
    tracked.reconcile()
    with monkeypatch.context() as closed:
        forbid(closed, repository.packages / path)
        tracked.reconcile()
        tracked.look("sub")
        assert tracked.index.projects() == {"demo", "deeper"}
        if not path.endswith(".whl"):
            assert "may not be looked into: Permission denied" in tracked.reason(path)
    tracked.tracker.retry(time.monotonic() + 100)
    tracked.reconcile()
    assert tracked.index.reasons() == {}
    assert tracked.tracker.take_reopened()


def forbid(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """What the file system says where somebody may not look."""
    scandir, lstat = os.scandir, Path.lstat

    def closed_scandir(directory: Path) -> object:
        if Path(directory) == path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(directory)

    def closed_lstat(self: Path) -> os.stat_result:
        if path in self.parents:
            raise PermissionError(errno.EACCES, "Permission denied")
        return lstat(self)

    monkeypatch.setattr("indexer.scan.os.scandir", closed_scandir)
    monkeypatch.setattr(Path, "lstat", closed_lstat)


def test_a_file_that_cannot_be_read_is_tried_again(
    tracked: Tracked, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(repository.packages, "demo", "1.0")

    def refuse(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr("indexer.inspect._open_without_waiting", refuse)
        tracked.look(wheel.name)
    assert "cannot be read: Input/output error" in tracked.reason(wheel.name)
    tracked.tracker.retry(time.monotonic())
    assert tracked.read() == set()
    tracked.tracker.retry(time.monotonic() + 2)
    assert tracked.read() == {"demo"}
    assert tracked.index.reasons() == {}


@pytest.mark.parametrize("error", [ValueError("4,300 digits"), MemoryError(), RecursionError("deep"), KeyError("x")])
def test_whatever_reading_a_file_raises_is_that_files_reason(
    tracked: Tracked, repository: Repository, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    first, other = (make_wheel(repository.packages, name, "1.0") for name in ("demo", "other"))
    read = inspect.__globals__["read_contents"]

    def raise_for_demo(file: object, parsed: object, **budget: object) -> object:
        if getattr(parsed, "filename", "") == first.name:
            raise error
        return read(file, parsed, **budget)

    monkeypatch.setattr("indexer.inspect.read_contents", raise_for_demo)
    tracked.look(first.name, other.name)
    assert tracked.index.projects() == {"other"}
    assert type(error).__name__ in tracked.reason(first.name)


def test_a_version_of_five_thousand_digits_is_a_reason(tracked: Tracked, repository: Repository) -> None:
    contents = {**sdist_contents("digits", "1"), "PKG-INFO": core_metadata("digits", "9" * 5000).encode()}
    make_archive(repository.packages / "digits-1.tar.gz", "digits-1", contents)
    make_wheel(repository.packages, "demo", "1.0")
    tracked.reconcile()
    assert tracked.index.projects() == {"demo"}
    reason = tracked.reason("digits-1.tar.gz")
    assert len(reason) < 600


def test_what_changes_while_it_is_read_is_looked_at_again(
    tracked: Tracked, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(repository.packages, "demo", "1.0")

    read = inspect.__globals__["read_contents"]

    def touch(file: BinaryIO, *parsed: object, **budget: object) -> object:
        os.utime(file.fileno(), (1, 1))
        return read(file, *parsed, **budget)

    monkeypatch.setattr("indexer.inspect.read_contents", touch)
    tracked.look(wheel.name)
    assert tracked.index.projects() == set()
    assert tracked.tracker.take_unsteady() == [wheel.name]
    assert tracked.tracker.take_unsteady() == []


def test_a_rejected_file_is_read_again_when_something_is_heard_of_it(tracked: Tracked, repository: Repository) -> None:
    wheel = make_wheel(repository.packages, "demo", "1.0")
    whole, times = wheel.read_bytes(), (1_700_000_000, 1_700_000_000)
    wheel.write_bytes(bytes(len(whole)))
    os.utime(wheel, times)
    tracked.look(wheel.name)
    assert isinstance(tracked.index.facts(wheel.name), Rejected)
    with wheel.open("r+b") as file:  # in place: the same inode, size and time
        file.write(whole)
    os.utime(wheel, times)
    assert tracked.look(wheel.name) == {"demo"}
    assert isinstance(tracked.index.facts(wheel.name), Distribution)


def test_what_nginx_could_not_serve_is_not_listed(
    tracked: Tracked, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A capability may open to the indexer what is closed to nginx."""
    wheel = make_wheel(repository.packages, "demo", "1.0")
    monkeypatch.setattr("store.files.os.access", lambda *_, **__: False)
    tracked.look(wheel.name)
    assert tracked.index.projects() == set()
    assert "cannot be read: Permission denied; expected what uid" in tracked.reason(wheel.name)


def test_links_pipes_and_odd_names_have_their_reasons(tracked: Tracked, repository: Repository) -> None:
    packages = repository.packages
    (packages / "dangling-1.0.zip").symlink_to("nowhere")
    (packages / "directory-1.0.zip").symlink_to(packages)
    os.mkfifo(packages / "pipe-1.0.zip")
    (packages / os.fsdecode(b"caf\xe9-1.0.zip")).touch()
    tracked.reconcile()
    assert {path: reason.partition(";")[0] for path, reason in tracked.index.reasons().items()} == {
        "dangling-1.0.zip": "is a link that leads nowhere (No such file or directory)",
        "directory-1.0.zip": "is a link to a directory, a pipe or a device",
        "pipe-1.0.zip": "is a link to a directory, a pipe or a device",
        "caf\udce9-1.0.zip": "its path is not UTF-8",
    }


def test_ignored_names_are_not_seen(repository: Repository) -> None:
    for name in (".hidden", "x.part", "a/.git/x.zip", "b~/x.zip", "shown.zip"):
        (repository.packages / name).parent.mkdir(parents=True, exist_ok=True)
        (repository.packages / name).touch()
    assert [seen.path for seen in scan(repository.packages)] == ["shown.zip"]
    assert list(scan(repository.packages, "a/.git/x.zip")) == []
    assert list(scan(repository.packages, "gone.zip")) == []


@pytest.mark.parametrize("instead", ["nothing", "file"])
def test_with_the_whole_directory_gone_nothing_is_known_to_be_gone(
    tracked: Tracked, repository: Repository, instead: str
) -> None:
    wheel = make_wheel(repository.packages, "demo", "1.0")
    tracked.reconcile()
    repository.packages.rename(repository.packages.with_name("away"))
    if instead == "file":
        repository.packages.write_text("x")
    tracked.look(wheel.name)
    tracked.reconcile()
    assert tracked.index.projects() == {"demo"}


def test_packages_may_be_a_link_to_a_directory(tracked: Tracked, repository: Repository) -> None:
    repository.packages.rename(repository.packages.with_name("elsewhere"))
    repository.packages.symlink_to("elsewhere")
    wheel = make_wheel(repository.packages, "demo", "1.0")
    assert tracked.reconcile() == {"demo"}
    wheel.unlink()
    assert tracked.look(wheel.name) == {"demo"}


def test_directories_may_be_too_deep_but_stop_nobody(tracked: Tracked, repository: Repository) -> None:
    deep = repository.packages.joinpath(*["d"] * 600)
    deep.mkdir(parents=True)
    make_wheel(repository.packages, "demo", "1.0")
    assert tracked.reconcile() == {"demo"}
    [(_, reason)] = tracked.index.reasons().items()
    assert "directories deep" in reason


def test_a_plain_tar_that_is_being_filled_is_not_taken_for_whole(tracked: Tracked, repository: Repository) -> None:
    tar = make_sdist(repository.packages, "demo", "1.0", ".tar")
    with tar.open("r+b"):
        tracked.look(tar.name)
        assert tracked.index.projects() == set()
        assert tracked.tracker.take_unsteady() == [tar.name]
    assert tracked.look(tar.name) == {"demo"}
