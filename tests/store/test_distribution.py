"""What a distribution says of itself, by its metadata or else by its name."""

import io
import random
from pathlib import Path

import pytest

from store.distribution import Contents, pick_release, read_contents
from store.errors import BadArchive, BadName, Refused
from store.names import Release, parse_filename, parse_project, parse_version
from tests.archives import core_metadata, make_archive, make_board_sdist, make_sdist, make_wheel

FLAWED = b"Metadata-Version: 1.0\nName: UNKNOWN\nVersion: 1.0\n"


def read(file: Path) -> Contents:
    with file.open("rb") as content:
        return read_contents(content, parse_filename(file.name))


def refusal(file: Path) -> str:
    with pytest.raises(Refused) as caught:
        read(file)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 500
    return str(caught.value)


def said(contents: Contents) -> tuple[tuple[Release, ...], str, bytes]:
    return contents.releases, contents.requires_python, contents.core_metadata


def releases(*texts: str) -> tuple[Release, ...]:
    return tuple(Release(parse_project(text.split()[0]), parse_version(text.split()[1])) for text in texts)


def test_a_wheel_says_what_its_metadata_says(tmp_path: Path) -> None:
    contents = read(make_wheel(tmp_path, "demo", "1.0", Requires_Python=">=3.8"))
    text = core_metadata("demo", "1.0", Requires_Python=">=3.8").encode()
    assert said(contents) == (releases("demo 1.0"), ">=3.8", text)


def test_an_sdist_says_what_its_metadata_says(tmp_path: Path) -> None:
    contents = read(make_sdist(tmp_path, "a-1", "2", Requires_Python=">=3.8"))
    assert said(contents) == (releases("a-1 2"), ">=3.8", b"")


def test_metadata_is_looked_for_where_it_belongs(tmp_path: Path) -> None:
    bare = make_archive(tmp_path / "demo-1.0.tar.gz", "demo-1.0", {"tests/PKG-INFO/x": b""})
    assert "holds no PKG-INFO" in refusal(bare)
    assert "or setup.py or pyproject.toml" in refusal(bare)
    board = make_board_sdist(tmp_path, "board", "1.0", {"board.py": b""})
    assert read(board).releases == releases("board 1.0")
    wheel = make_archive(tmp_path / "demo-1.0-py3-none-any.zip", "", {"x/y.dist-info/METADATA": b"Metadata-Version: 1"})
    assert "dist-info/METADATA" in refusal(wheel.rename(wheel.with_suffix(".whl")))


def test_the_metadata_nearest_the_top_counts(tmp_path: Path) -> None:
    other = core_metadata("other", "9").encode()
    contents = {"a.egg-info/PKG-INFO": other, "PKG-INFO": core_metadata("demo", "1.0").encode()}
    for order in (contents, dict(reversed(contents.items()))):
        file = make_archive(tmp_path / "demo-1.0.tar.gz", "demo-1.0", order)
        assert read(file).releases == releases("demo 1.0")


def test_metadata_of_another_release_is_refused(tmp_path: Path) -> None:
    contents = {"PKG-INFO": core_metadata("x", "1.0").encode(), "setup.py": b""}
    assert "its metadata is of 'x' '1.0'" in refusal(make_archive(tmp_path / "demo-1.0.zip", "demo-1.0", contents))


def test_huge_metadata_is_refused(tmp_path: Path) -> None:
    contents = {"PKG-INFO": core_metadata("demo", "1.0").encode() + random.Random(4).randbytes(9 << 20)}
    assert "larger than" in refusal(make_archive(tmp_path / "demo-1.0.tar.gz", "demo-1.0", contents))


@pytest.mark.parametrize("version", ["1.3", "2.9", "abc"])
def test_a_wheel_with_metadata_of_an_unknown_version_is_read(tmp_path: Path, version: str) -> None:
    text = core_metadata("demo", "1.0").replace("2.1", version).encode()
    wheel = make_archive(tmp_path / "demo-1.0-py3-none-any.zip", "", {"demo-1.0.dist-info/METADATA": text})
    assert said(read(wheel.rename(wheel.with_suffix(".whl")))) == (releases("demo 1.0"), "", text)


@pytest.mark.parametrize("build_file", ["setup.py", "pyproject.toml"])
@pytest.mark.parametrize("top", ["demo-1.0", "other", "."])
@pytest.mark.parametrize("suffix", [".tar.gz", ".zip", ".tar.bz2"])
def test_an_sdist_without_metadata_goes_by_its_name(tmp_path: Path, build_file: str, top: str, suffix: str) -> None:
    file = make_archive(tmp_path / f"demo-1.0{suffix}", top, {build_file: b"", "demo/x.py": b""})
    assert said(read(file)) == (releases("demo 1.0"), "", b"")


def test_an_sdist_without_metadata_can_be_of_several_releases(tmp_path: Path) -> None:
    file = make_archive(tmp_path / "demo-1-2.tar.gz", "demo-1-2", {"setup.py": b""})
    assert read(file).releases == releases("demo 1.post2", "demo-1 2")


def test_an_sdist_without_metadata_whose_name_says_nothing_is_refused(tmp_path: Path) -> None:
    file = make_archive(tmp_path / "demo.tar.gz", "demo", {"setup.py": b""})
    assert "expected it to be named <name>-<version>.tar.gz" in refusal(file)


@pytest.mark.parametrize(
    "members",
    [
        {"a/b/setup.py": b""},
        {"a/setup.py": b"", "b/x.py": b""},
        {"a/setup.py/x": b""},
        {"a/x.py": b"", "b/pyproject.toml": b""},
        {"a/setup.pyc": b""},
        {"a/x": b"", "b/x": b"", "a/setup.py": b""},
        {},
    ],
    ids=str,
)
def test_what_pip_could_not_build_is_refused_without_metadata(tmp_path: Path, members: dict[str, bytes]) -> None:
    for suffix in (".zip", ".tar.gz"):
        assert "holds no PKG-INFO" in refusal(make_archive(tmp_path / f"demo-1.0{suffix}", ".", members))


@pytest.mark.parametrize("suffix", ["-py3-none-any.whl", "-py3.11.egg"])
def test_wheels_and_eggs_need_metadata(tmp_path: Path, suffix: str) -> None:
    file = make_archive(tmp_path / "x.zip", "", {"setup.py": b""}).rename(tmp_path / f"demo-1.0{suffix}")
    assert "expected core metadata inside" in refusal(file)


def test_an_sdist_whose_metadata_has_no_name_goes_by_its_own_if_pip_could_build_it(tmp_path: Path) -> None:
    file = make_archive(tmp_path / "demo-1.0.tar.gz", "demo-1.0", {"PKG-INFO": FLAWED, "setup.py": b""})
    assert read(file).releases == releases("demo 1.0")
    file = make_archive(tmp_path / "demo-1.0.tar.gz", "demo-1.0", {"PKG-INFO": FLAWED, "x.py": b""})
    assert "its metadata has no Name" in refusal(file)
    good = {"PKG-INFO": FLAWED, "demo.egg-info/PKG-INFO": core_metadata("demo", "1.0", Requires_Python=">3").encode()}
    assert read(make_archive(tmp_path / "demo-1.0.tar.gz", "demo-1.0", good)).requires_python == ">3"


def test_the_egg_info_of_test_data_says_nothing_of_an_sdist(tmp_path: Path) -> None:
    contents = {"tests/x.egg-info/PKG-INFO": core_metadata("x", "9").encode()}
    file = make_archive(tmp_path / "demo-1.0.tar.gz", "demo-1.0", contents)
    assert "its metadata is of 'x' '9'" in refusal(file)
    file = make_archive(tmp_path / "demo-1.0.tar.gz", "demo-1.0", {**contents, "setup.py": b""})
    assert read(file).releases == releases("demo 1.0")


def test_metadata_is_not_searched_for_without_end(tmp_path: Path) -> None:
    contents = {f"{number}.egg-info/PKG-INFO": FLAWED for number in range(20)}
    assert "has no Name" in refusal(make_archive(tmp_path / "demo-1.0.tar.gz", "demo-1.0", contents))
    contents |= {"PKG-INFO": core_metadata("demo", "1.0").encode()}
    assert "more than 20 texts" in refusal(make_archive(tmp_path / "demo-1.0.tar.gz", "demo-1.0", contents))
    contents = dict(reversed(contents.items()))
    assert read(make_archive(tmp_path / "demo-1.0.tar.gz", "demo-1.0", contents)).releases == releases("demo 1.0")


HOSTILE = [
    "1" * 5000,
    "x" * (1 << 20),
    "a\n b",
    "a\0b",
    "'\"<b>",
    "é",
    "\x1b[2J",
    "\x85",
    "1" + ".0" * 300_000,
    "=?q?=",
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_metadata_is_refused_in_one_short_line(tmp_path: Path, value: str) -> None:
    for name, version in ((value, "1.0"), ("demo", value)):
        contents = {"PKG-INFO": core_metadata(name, version).encode()}
        refusal(make_archive(tmp_path / "demo-1.0.tar.gz", "demo-1.0", contents))


def test_a_reason_names_a_hostile_path_in_one_short_line(tmp_path: Path) -> None:
    for path in ("../\n\x1b[2J", "../" + "é" * 400, "../\ud7ff"):
        for suffix in (".zip", ".tar.gz"):
            assert "outside itself" in refusal(make_archive(tmp_path / f"demo-1.0{suffix}", ".", {path: b""}))


def test_no_file_at_all_is_refused() -> None:
    for filename in ("demo-1.0.tar.gz", "demo-1.0.zip", "demo-1.0.tar", "demo-1.0.tar.bz2"):
        with pytest.raises(BadArchive):
            read_contents(io.BytesIO(), parse_filename(filename))


def test_one_release_of_several_is_picked_by_who_knows_it() -> None:
    several = releases("demo 1.post2", "demo-1 2")
    assert pick_release(several, lambda release: release.project == "demo-1") == several[1]
    assert pick_release(several, lambda release: True) is None
    assert pick_release(several, lambda release: False) is None
    assert pick_release(several[:1], lambda release: False) == several[0]
    assert pick_release((), lambda release: True) is None


def test_what_a_name_cannot_be_is_no_archive_of_its_kind(tmp_path: Path) -> None:
    contents = {"PKG-INFO": core_metadata("demo", "1.0").encode()}
    with pytest.raises(BadName):
        read(make_archive(tmp_path / "demo.zip", "demo", contents))
