"""What is taken out of archives for boards: whole or not at all, kept while it is needed, put right where it is not."""

import errno
import gzip
import json
import shutil
import tarfile
import zlib
from pathlib import Path

import pytest

from indexer.model import ListedFile
from indexer.sources import source_of
from indexer.unpack import find_faults, sweep, unpack
from store.boards import ARCHIVE, BOARDS, NONE, OF, PACKAGE, UNPACKED, board_file, name_link, target_of, unpacked
from store.data import Data
from store.distribution import Distribution
from store.identity import Identity
from store.repository import Repository
from tests.archives import make_archive, make_sdist, make_wheel, sdist_contents
from tests.nginx.rendered import read_details


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    found = Data.at(tmp_path / "data", tmp_path / "run").default
    found.packages.mkdir(parents=True)
    found.site.mkdir(parents=True)
    return found


def listed(repository: Repository) -> list[tuple[str, ListedFile]]:
    return [(detail.name, file) for detail in read_details(repository.packages) for file in detail.files]


def unpack_all(repository: Repository) -> None:
    """And have boards led to it."""
    for project, file in listed(repository):
        source, pages = source_of(project, file), repository.site / BOARDS / project
        unpack(repository, project, source, file)
        pages.mkdir(parents=True, exist_ok=True)
        (pages / name_link(file.release)).unlink(missing_ok=True)
        (pages / name_link(file.release)).symlink_to(target_of(source))


def withdraw(repository: Repository, project: str, release: str) -> None:
    (repository.site / BOARDS / project / name_link(release)).unlink()


def directory_of(repository: Repository, file: Path) -> Path:
    [source] = [source_of(project, each) for project, each in listed(repository) if each.filename == file.name]
    return unpacked(repository, source)


def hashes(directory: Path) -> dict[str, str]:
    document = (directory / PACKAGE).read_text().partition(',"deps"')[0] + "}"
    return dict(json.loads(document)["hashes"])


def files_for_boards(repository: Repository) -> set[str]:
    return {path.name for path in (repository.site / UNPACKED / "files").glob("*/*")}


def test_a_release_is_there_for_mip_and_for_upip(repository: Repository) -> None:
    wheel = make_wheel(repository.packages, "demo", "1.0", {"demo/a.py": b"a = 1\n", "demo/t.html": b"<p>"})
    unpack_all(repository)
    directory = directory_of(repository, wheel)
    assert set(hashes(directory)) == {"demo.py", "demo/a.py"}
    assert board_file(repository, hashes(directory)["demo/a.py"]).read_bytes() == b"a = 1\n"
    packed = (directory / ARCHIVE).read_bytes()
    inflater = zlib.decompressobj(16 + 12)
    assert inflater.decompress(packed) == gzip.decompress(packed)
    with tarfile.open(directory / ARCHIVE) as archive:
        assert archive.getnames() == ["board/demo.py", "board/demo/a.py", "board/demo/t.html"]
    assert [path.name for path in repository.site.rglob(".new-*")] == []


def test_a_file_of_several_releases_is_kept_once_and_as_long_as_one_needs_it(repository: Repository) -> None:
    wheels = [make_wheel(repository.packages, "demo", version, {"same.py": b"x = 1\n"}) for version in ("1.0", "2.0")]
    unpack_all(repository)
    first, second = (directory_of(repository, wheel) for wheel in wheels)
    same, other = hashes(first)["same.py"], hashes(first)["demo.py"]
    assert (first / same).stat().st_ino == (second / same).stat().st_ino
    withdraw(repository, "demo", "1.0")
    sweep(repository)
    assert (first.exists(), second.exists()) == (False, True)
    assert files_for_boards(repository) == set(hashes(second).values())
    assert other not in files_for_boards(repository)
    withdraw(repository, "demo", "2.0")
    sweep(repository)
    assert (second.exists(), files_for_boards(repository)) == (False, set())


@pytest.mark.parametrize("gone", ["one", "all"])
def test_files_that_are_gone_are_there_again(repository: Repository, gone: str) -> None:
    wheel = make_wheel(repository.packages, "demo", "1.0")
    unpack_all(repository)
    file = board_file(repository, hashes(directory_of(repository, wheel))["demo.py"])
    if gone == "one":
        file.unlink()
    else:
        shutil.rmtree(repository.site / UNPACKED / "files")
    sweep(repository)
    assert file.read_bytes() == b"version = '1.0'\n"


def test_what_is_damaged_is_found_and_made_anew(repository: Repository) -> None:
    wheel = make_wheel(repository.packages, "demo", "1.0")
    unpack_all(repository)
    assert list(find_faults(repository)) == []
    directory = directory_of(repository, wheel)
    file = board_file(repository, hashes(directory)["demo.py"])
    file.write_bytes(b"another")
    (directory / ARCHIVE).write_bytes(b"\x1f\x8bno")
    said = {reason for _, reason in find_faults(repository)}
    assert said == {"is not the file of that digest", "cannot be unpacked"}
    shutil.rmtree(directory)
    unpack_all(repository)
    assert list(find_faults(repository)) == []
    assert file.read_bytes() == b"version = '1.0'\n"


def test_what_a_crash_left_is_swept(repository: Repository) -> None:
    wheel = make_wheel(repository.packages, "demo", "1.0")
    unpack_all(repository)
    top = repository.site / UNPACKED
    (top / ".new-x" / "y").mkdir(parents=True)
    (top / ".new-x" / "y" / ("a" * 64)).write_text("x")
    (top / ("f" * 32)).mkdir()
    left = board_file(repository, "b" * 64)
    left.parent.mkdir(exist_ok=True)
    left.write_text("x")
    sweep(repository)
    assert {path.name for path in top.iterdir()} == {directory_of(repository, wheel).name, "files"}
    assert files_for_boards(repository) == set(hashes(directory_of(repository, wheel)).values())


@pytest.mark.parametrize("name", [PACKAGE, ARCHIVE, OF])
@pytest.mark.parametrize("harm", ["gone", "empty"])
def test_what_is_not_whole_is_unpacked_again(repository: Repository, name: str, harm: str) -> None:
    wheel = make_wheel(repository.packages, "demo", "1.0")
    unpack_all(repository)
    directory = directory_of(repository, wheel)
    before = (directory / name).read_bytes()
    (directory / name).unlink()
    if harm == "empty":
        (directory / name).touch()
    assert [path.parent for path, _ in find_faults(repository)] == [directory]
    unpack_all(repository)
    assert (directory / name).read_bytes() == before
    assert list(find_faults(repository)) == []


def test_a_file_that_is_another_one_by_now_is_not_unpacked(repository: Repository) -> None:
    wheel = make_wheel(repository.packages, "demo", "1.0")
    [(project, file)] = listed(repository)
    make_wheel(repository.packages, "demo", "1.0", {"other.py": b""})
    with pytest.raises(OSError, match="another file by now"):
        unpack(repository, project, source_of(project, file), file)
    assert files_for_boards(repository) == set()
    assert not unpacked(repository, source_of(project, file)).exists()
    assert wheel.exists()


def test_two_releases_of_the_same_bytes_are_two(repository: Repository) -> None:
    [first, second] = [
        ListedFile(
            f"demo-{version}.tar.gz",
            "x",
            Identity(1, 1, 1),
            version,
            Distribution((), "sdist", "a" * 64, "", ""),
            None,
            False,
        )
        for version in ("1.0", "2.0")
    ]
    assert len({source_of("demo", first), source_of("demo", second), source_of("other", first)}) == 3


def test_a_full_disk_keeps_nothing_of_what_was_begun(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    make_wheel(repository.packages, "demo", "1.0", {"same.py": b"x"})
    unpack_all(repository)
    before = files_for_boards(repository)
    make_wheel(repository.packages, "demo", "2.0", {"same.py": b"x", "more.py": b"y"})
    with monkeypatch.context() as full:
        full.setattr("indexer.unpack._pack", refuse)
        with pytest.raises(OSError, match="No space"):
            unpack_all(repository)
    assert files_for_boards(repository) == before
    monkeypatch.setattr("indexer.unpack.RESERVE", 1 << 60)
    with pytest.raises(OSError, match="which pages need"):
        unpack_all(repository)
    assert files_for_boards(repository) == before


def test_what_no_library_can_read_is_told_and_not_read_again(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(repository.packages, "demo", "1.0")
    monkeypatch.setattr("indexer.board_contents.list_needs", lambda _: 1 / 0)
    unpack_all(repository)
    assert (directory_of(repository, wheel) / NONE).read_text() == "division by zero\n"
    monkeypatch.undo()
    unpack_all(repository)
    assert not (directory_of(repository, wheel) / PACKAGE).exists()


def test_of_a_file_and_a_directory_of_one_name_the_directory_is_there(repository: Repository) -> None:
    clash = {"clash/x.py": b"", "clash/x.py/y.py": b""}
    wheel = make_wheel(repository.packages, "demo", "1.0", clash)
    unpack_all(repository)
    assert set(hashes(directory_of(repository, wheel))) == {"demo.py", "clash/x.py/y.py"}


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip", ".tar.bz2", ".tar"])
def test_any_sdist_is_unpacked(repository: Repository, suffix: str) -> None:
    sdist = make_sdist(repository.packages, "demo", "1.0", suffix)
    unpack_all(repository)
    assert set(hashes(directory_of(repository, sdist))) == {"demo.py"}


def test_nothing_leads_out_of_the_board(repository: Repository) -> None:
    hostile = {
        "..evil/x.py": b"",
        "pkg/..py": b"",
        "pkg/a b.py": b"",
        "pkg/<!--# x -->.py": b"",
        'p"q/x.py': b"",
        "é.py": b"",
    }
    sdist = make_archive(
        repository.packages / "demo-1.0.tar.gz", "demo-1.0", {**sdist_contents("demo", "1.0"), **hostile}
    )
    unpack_all(repository)
    assert set(hashes(directory_of(repository, sdist))) == {"demo.py"}


def test_what_fits_on_no_board_is_told_why(repository: Repository) -> None:
    large = make_wheel(repository.packages, "large", "1.0", {"large/x.py": b"#" * (5 << 20)})
    unpack_all(repository)
    assert sorted(path.name for path in directory_of(repository, large).iterdir()) == [NONE, OF]
    assert (directory_of(repository, large) / NONE).read_text() == (
        f"{large.name!r} holds more files than fit on a board; expected at most 1000, and 4 MiB\n"
    )
