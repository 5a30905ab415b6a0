"""Whether a project is here: the disk is asked, and remembered only as long as it tells every change."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from store.data import Data
from uploader.upstream import here
from uploader.upstream.aside import Aside
from uploader.upstream.here import Here

Has = Callable[[str], bool]


@pytest.fixture
def data(tmp_path: Path) -> Data:
    found = Data.at(tmp_path / "data", tmp_path / "run")
    found.default.packages.mkdir(parents=True)
    return found


@pytest.fixture
def has(data: Data) -> Has:
    found = Here(Aside())
    return lambda project: asyncio.run(found.has(data.default, project))


@pytest.mark.parametrize(
    ("filename", "projects", "others"),
    [
        ("demo-1.0-py3-none-any.whl", ["demo"], ["dem", "demo-1"]),
        ("Demo_Pkg.Core-1.0-py3-none-any.whl", ["demo-pkg-core"], ["demo", "demo-pkg"]),
        ("demo-pkg-1.0.tar.gz", ["demo-pkg"], ["demo"]),
        ("py-2-1.tar.gz", ["py", "py-2"], ["py-2-1"]),  # nobody knows but who looks inside
        ("demo-1.0-py3.11.egg", ["demo"], ["demo-1"]),
        ("demo-1.0-py3-none-any.whl.part", [], ["demo"]),
        (".demo-1.0-py3-none-any.whl", [], ["demo"]),
        ("deep/er/demo-1.0.zip", ["demo"], ["deep", "er"]),
        ("demo.status", ["demo"], ["status"]),
        ("Demo_Two.status", ["demo-two"], ["demo"]),
        ("notes.txt", [], ["notes"]),
        ("one-2005k.tar.gz", ["one"], []),  # of none of these anybody can list anything
        ("two-1.0.custom-build.tar.gz", ["two"], ["tw"]),
        ("three-latest.zip", ["three-latest"], ["three"]),
        ("four-1.0.x-py3-none-any.whl", ["four"], []),
        ("five-1.0.tar.xz", ["five"], []),
        ("six.tar.gz", ["six"], []),
        ("seven-1.0 copy.tar.gz", ["seven"], []),
        ("eight-1.0.TAR.GZ", ["eight"], []),
        ("nine-1.0.tar.gz.asc", ["nine"], []),
        ("Its_Own/whatever.tar.gz", ["its-own", "whatever"], []),
        ("others/demo-1.0.tar.gz", ["demo"], ["others"]),
        ("demo_more-1.0-py3-none-any.whl.publish.attestation", ["demo-more"], ["demo"]),
        ("demo_more-1.0.tar.gz.sha256", ["demo-more"], ["demo"]),
        ("demo-more.zip", ["demo-more"], ["demo"]),
        ("demo-more_1.0.tar.gz", ["demo-more"], ["demo"]),
        ("demo-more-1.0.deb", ["demo-more"], ["demo"]),
    ],
)
def test_a_file_that_can_be_of_a_project_has_it_here(
    data: Data, has: Has, filename: str, projects: list[str], others: list[str]
) -> None:
    file = data.default.packages / filename
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"whatever it is")
    assert [has(name) for name in projects] == [True] * len(projects)
    assert [has(name) for name in others] == [False] * len(others)


def test_a_page_has_it_here_too(data: Data, has: Has) -> None:
    data.default.project("paged").mkdir(parents=True)
    assert has("paged")


def test_what_comes_and_goes_is_seen_at_once_also_within_one_tick_of_the_clock(data: Data, has: Has) -> None:
    packages = data.default.packages
    for number in range(50):
        file = packages / f"quick_{number}-1.0.tar.gz"
        assert not has(f"quick-{number}")
        file.touch()
        assert has(f"quick-{number}")
        file.unlink()
        assert not has(f"quick-{number}")


def test_a_directory_whose_time_is_set_back_is_looked_at_again(data: Data, has: Has) -> None:
    packages = data.default.packages
    old = time.time() - 1000
    os.utime(packages, (old, old))
    assert not has("restored")
    (packages / "restored-1.0.tar.gz").touch()
    os.utime(packages, (old, old))  # as `cp -a`, `rsync -a` and whoever restores a backup do
    assert has("restored")


def test_nothing_is_read_again_that_did_not_change(data: Data, has: Has, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = data.default.packages
    for number in range(3):
        (packages / f"d{number}").mkdir()
    monkeypatch.setattr(here, "SETTLED", -1.0)
    read: list[str] = []
    scandir = os.scandir

    def scan(path: str) -> object:
        read.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    for _ in range(3):
        assert not has("nothing")
    assert len(read) == 4


def test_packages_that_are_not_there_are_not_taken_for_empty(data: Data, has: Has) -> None:
    data.default.packages.rmdir()
    with pytest.raises(FileNotFoundError):
        has("anything")
    data.default.packages.write_text("a file")
    with pytest.raises(NotADirectoryError):
        has("anything")


def test_what_is_moved_while_it_is_looked_for_is_found(data: Data, has: Has, monkeypatch: pytest.MonkeyPatch) -> None:
    """Always to where it is not looked at that moment."""
    packages = data.default.packages
    for name in ("a", "b"):
        (packages / name).mkdir()
    file = packages / "b/moved-1.0.tar.gz"
    file.touch()
    scandir, moves = os.scandir, 0

    def scan(path: Path) -> object:
        nonlocal moves, file
        if file.parent == path and moves < 2:
            file, moves = file.rename(packages / ("a" if path.name == "b" else "b") / file.name), moves + 1
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    assert has("moved")
    assert moves == 2


def test_where_everything_is_being_moved_it_cannot_be_told(
    data: Data, has: Has, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = data.default.packages
    for name in ("a", "b"):
        (packages / name).mkdir()
    scandir = os.scandir

    def scan(path: Path) -> object:
        (packages / "a/x").touch()
        (packages / "b/x").touch()
        os.utime(packages / "a")
        os.utime(packages / "b")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    with pytest.raises(OSError, match="files are being moved"):
        has("anything")


@pytest.mark.parametrize("name", ["", "sub"])
def test_one_directory_that_always_changes_is_no_reason_not_to_tell(
    data: Data, has: Has, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As where there are uploads all the time, or somebody copies."""
    (data.default.packages / "sub").mkdir()
    scandir = os.scandir

    def scan(path: Path) -> object:
        found = list(scandir(path))
        os.utime(data.default.packages / name)
        return contextlib.nullcontext(found)

    monkeypatch.setattr(os, "scandir", scan)
    assert not has("anything")


def test_a_directory_that_is_renamed_while_it_is_looked_for_is_found(
    data: Data, has: Has, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its being listed and its being read."""
    packages = data.default.packages
    (packages / "team").mkdir()
    (packages / "team/corp-1.0.tar.gz").touch()
    scandir, moves = os.scandir, 0

    def scan(path: Path) -> object:
        nonlocal moves
        found = list(scandir(path))
        if path == packages and moves < 3:
            moves += 1
            next(packages.iterdir()).rename(packages / f"team{moves}")
        return contextlib.nullcontext(found)

    monkeypatch.setattr(os, "scandir", scan)
    assert has("corp")
    assert moves == 3
