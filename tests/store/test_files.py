"""How a file comes to lie on the disk: whole or not at all, never over another."""

import errno
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store import files, switch, syncs
from store.errors import AlreadyExists
from tests.running import wait_until


@pytest.fixture(params=["unnamed", "named"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways a file can be on its way: without a name, and where the file system cannot do that."""
    if request.param == "named":
        opened = os.open

        def refuse(path: Path, flags: int, *rest: int) -> int:
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, "Operation not supported")
            return opened(path, flags, *rest)

        monkeypatch.setattr("store.files.os.open", refuse)
    return str(request.param)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_on_its_way_shows_no_name_but_a_hidden_one_and_leaves_nothing(way: str, tmp_path: Path) -> None:
    with files.open_incoming(tmp_path) as incoming:
        incoming.file.write(b"half")
        assert all(name.startswith(files.PREFIX) for name in names(tmp_path))
        assert len(names(tmp_path)) == (way == "named")
    assert names(tmp_path) == []


def test_a_placed_file_is_whole_and_everyone_may_read_it(way: str, tmp_path: Path) -> None:
    with files.open_incoming(tmp_path) as incoming:
        incoming.file.write(b"whole")
        files.make_durable(incoming.file)
        files.place(incoming, tmp_path / "there")
    assert names(tmp_path) == ["there"]
    assert (tmp_path / "there").read_bytes() == b"whole"
    assert (tmp_path / "there").stat().st_mode & 0o777 == 0o644


def test_placing_never_overwrites(way: str, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"first")
    with files.open_incoming(tmp_path) as incoming, pytest.raises(AlreadyExists, match="'there'"):
        files.place(incoming, tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == b"first"


def test_placing_over_replaces_in_one_step(way: str, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"first")
    with files.open_incoming(tmp_path) as incoming:
        incoming.file.write(b"second")
        files.make_durable(incoming.file)
        files.place_over(incoming, tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == b"second"
    assert names(tmp_path) == ["there"]


def test_what_a_crash_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    for name in (f"{files.PREFIX}abc", "kept", ".hidden"):
        (tmp_path / name).touch()
    files.sweep_incoming(tmp_path)
    assert names(tmp_path) == [".hidden", "kept"]


@pytest.mark.parametrize("durable", [False, True])
def test_a_small_file_is_replaced_or_stays(tmp_path: Path, durable: bool) -> None:
    files.write(tmp_path / "file", b"one", durable=durable)
    files.write(tmp_path / "file", b"two", durable=durable)
    (tmp_path / "directory").mkdir()
    with pytest.raises(OSError, match="directory"):
        files.write(tmp_path / "directory", b"x", durable=durable)
    assert (tmp_path / "file").read_bytes() == b"two"
    assert names(tmp_path) == ["directory", "file"]


@pytest.mark.parametrize("lacking", ["nothing", "the flag", "the function"])
def test_directories_change_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    if lacking == "the flag":
        monkeypatch.setattr(switch, "_EXCHANGE", 1 << 30)  # which no kernel knows
    if lacking == "the function":
        monkeypatch.setattr(switch, "_renameat2", None)
    here, new = tmp_path / "here", tmp_path / "new"
    for name in ("one", "two"):
        new.mkdir()
        (new / name).touch()
        switch.exchange(here, new)
        assert [path.name for path in here.iterdir()] == [name]
        if name == "one":
            assert not new.exists()
    assert [path.name for path in new.iterdir()] == ["one"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "new"]
    shutil.rmtree(new)
    with pytest.raises(FileNotFoundError):
        switch.exchange(here, new)
    assert [path.name for path in here.iterdir()] == ["two"]


def test_what_stands_where_a_directory_is_to_be_changes_places_with_it(tmp_path: Path) -> None:
    here, new = tmp_path / "here", tmp_path / "new"
    new.mkdir()
    here.symlink_to("nowhere")
    switch.exchange(here, new)
    assert here.is_dir()
    assert new.is_symlink()


def test_a_link_is_switched_whatever_stood_in_its_way(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "versions" / name).mkdir(parents=True)
    link = tmp_path / "here" / "link"
    (link / "in" / "the way").mkdir(parents=True)
    for name in ("one", "two"):
        switch.switch(str(link), str(tmp_path / "versions" / name))
        assert link.resolve() == tmp_path / "versions" / name
        assert not link.readlink().is_absolute()
    link.unlink()
    link.write_text("a file")
    switch.switch(str(link), str(tmp_path / "versions" / "one"))
    assert link.resolve().name == "one"


class SlowDisk:
    """Stands in for flushing a directory, which takes until it is let go; what was there when it began is durable."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.durable: set[str] = set()
        self.begun = 0
        self.may_end = threading.Event()
        self.fails = False
        monkeypatch.setattr(syncs, "_sync", self.sync)

    def sync(self, directory: Path) -> None:
        seen = names(directory)
        self.begun += 1
        assert self.may_end.wait(10)
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.durable.update(seen)


def is_waiting(directory: Path, threads: int) -> bool:
    """Whether so many threads are in `sync_directory`."""
    found = syncs._syncs.get(directory)
    return found is not None and found.awaited == threads


def test_those_who_come_while_a_directory_is_flushed_share_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)

    def place(name: str) -> bool:
        (tmp_path / name).touch()
        syncs.sync_directory(tmp_path)
        return name in disk.durable

    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(place, "first")
        wait_until(lambda: disk.begun)
        others = [pool.submit(place, f"other{n}") for n in range(19)]
        wait_until(lambda: is_waiting(tmp_path, 20))
        disk.may_end.set()
        assert all(each.result(10) for each in (first, *others))
    assert disk.begun == 2
    assert not syncs._syncs


def test_one_after_another_each_flushes_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SlowDisk(monkeypatch)
    disk.may_end.set()
    for n in range(3):
        (tmp_path / str(n)).touch()
        syncs.sync_directory(tmp_path)
        assert str(n) in disk.durable
    assert disk.begun == 3


def test_two_directories_do_not_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SlowDisk(monkeypatch)
    with ThreadPoolExecutor(2) as pool:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            pool.submit(syncs.sync_directory, tmp_path / name)
        wait_until(lambda: disk.begun == 2)
        disk.may_end.set()


def test_a_flush_that_fails_is_a_failure_of_each_who_wanted_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SlowDisk(monkeypatch)
    disk.fails = True
    with ThreadPoolExecutor(4) as pool:
        wanted = [pool.submit(syncs.sync_directory, tmp_path) for _ in range(4)]
        wait_until(lambda: is_waiting(tmp_path, 4))
        disk.may_end.set()
        assert [type(each.exception(10)) for each in wanted] == [OSError] * 4
    assert not syncs._syncs


def test_a_file_may_be_read_by_all_whatever_the_umask(way: str, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with files.open_incoming(tmp_path) as incoming:
            files.place(incoming, tmp_path / "there")
    finally:
        os.umask(before)
    assert (tmp_path / "there").stat().st_mode & 0o777 == 0o644


def test_what_is_filled_meanwhile_can_be_removed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page"
    page.mkdir()
    rmtree = shutil.rmtree

    def fill_and_remove(path: Path) -> None:
        page.mkdir()
        (page / "new").touch()
        rmtree(path)

    monkeypatch.setattr(shutil, "rmtree", fill_and_remove)
    files.remove_at_once(page)
    assert [path.name for path in tmp_path.iterdir()] == ["page"]
    files.remove_at_once(tmp_path / "nothing")
