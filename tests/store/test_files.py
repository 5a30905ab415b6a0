"""How a file comes to lie on the disk: whole or not at all, never over another."""

import errno
import os
from pathlib import Path

import pytest

from store import files
from store.errors import AlreadyExists


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


def test_a_link_is_switched_whatever_stood_in_its_way(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "versions" / name).mkdir(parents=True)
    link = tmp_path / "here" / "link"
    (link / "in" / "the way").mkdir(parents=True)
    for name in ("one", "two"):
        files.switch(link, tmp_path / "versions" / name)
        assert link.resolve() == tmp_path / "versions" / name
        assert not link.readlink().is_absolute()
    link.unlink()
    link.write_text("a file")
    files.switch(link, tmp_path / "versions" / "one")
    assert link.resolve().name == "one"
