"""Which repositories there are, and which of them a URL is about."""

from pathlib import Path

import pytest

from store.data import Data


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data.at(tmp_path / "data", tmp_path / "run")


def names(data: Data) -> list[str]:
    return [repository.name for repository in data.repositories()]


def test_a_directory_with_packages_in_it_is_a_repository(data: Data) -> None:
    assert names(data) == ["default"]
    for name in ("team", "a.b-c_d", "x" * 64):
        (data.named / name / "packages").mkdir(parents=True)
    assert names(data) == ["default", "a.b-c_d", "team", "x" * 64]
    assert data.repository("team").packages == data.root / "repositories/team/packages"
    (data.named / "team/packages").rmdir()
    assert names(data) == ["default", "a.b-c_d", "x" * 64]


@pytest.mark.parametrize(
    "name", ["default", "larder.toml", "Team", ".team", "-team", "team-", "te am", "tea\xe4", "x" * 65, "team\n"]
)
def test_what_cannot_be_the_name_of_one_is_none(data: Data, name: str) -> None:
    (data.named / name / "packages").mkdir(parents=True)
    (data.named / "file").touch()
    (data.named / "empty").mkdir()
    assert names(data) == ["default"]


def test_what_cannot_be_looked_at_is_not_taken_for_gone(data: Data) -> None:
    data.root.mkdir()
    data.named.symlink_to(data.named)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        data.repositories()
    data.named.unlink()
    data.named.write_text("a file")
    assert names(data) == ["default"]


@pytest.mark.parametrize(
    ("path", "name", "rest"),
    [
        ("/", "default", "/"),
        ("/simple/x/", "default", "/simple/x/"),
        ("/repositories/", "default", "/repositories/"),
        ("/repositories/team", "team", "/"),
        ("/repositories/team/", "team", "/"),
        ("//repositories//team//", "team", "//"),
        ("/repositories/team/simple/x\ny/", "team", "/simple/x\ny/"),
        ("/repositories/team/repositories/x/", "team", "/repositories/x/"),
        ("/repositories/Team/", "default", "/repositories/Team/"),
        ("/repositories/default/", "default", "/repositories/default/"),
        ("/simple/repositories/team/", "default", "/simple/repositories/team/"),
    ],
)
def test_a_path_is_about_one_repository(data: Data, path: str, name: str, rest: str) -> None:
    assert data.find(path) == (data.repository(name), rest)
    assert ("/" + data.find(path)[0].address).startswith("/repositories/") is (name != "default")


def test_a_directory_below_files_is_a_store(data: Data) -> None:
    assert data.file_stores() == ()
    for called in ("data", "default", "y.1_x-2"):
        (data.files / called).mkdir(parents=True)
    for odd in ("Data", ".data", "data.toml", "a b", "x" * 65):
        (data.files / odd).mkdir()
    (data.files / "file").touch()
    assert [each.called for each in data.file_stores()] == ["data", "default", "y.1_x-2"]
    assert [data.has(name) for name in ("files+data", "files+Data", "files+file", "files+none", "files+../data")] == [
        True, False, False, False, False]  # fmt: skip
    assert data.directory_of("files+data") == data.root / "files/data"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/files/data/x", "files+data"),
        ("//files//data", "files+data"),
        ("/files/data/a\nb", "files+data"),
        ("/files/", "default"),
        ("/files/Data/x", "default"),
        ("/repositories/team/files/data/x", "team"),
    ],
)
def test_a_path_is_about_a_store_or_a_repository(data: Data, path: str, name: str) -> None:
    assert data.find_name(path) == name
