"""What is taken out of archives for boards: whole or not at all, kept while it is needed, put right where it is not."""

import gzip
import json
import shutil
import tarfile
import zlib
from pathlib import Path

import pytest

from indexer.unpack import find_faults, sweep, unpack
from store.boards import ARCHIVE, NONE, PACKAGE, UNPACKED, board_file, source_of, unpacked
from store.data import Data
from store.repository import Repository
from tests.archives import digest, make_archive, make_sdist, make_wheel, sdist_contents
from tests.nginx.rendered import read_details


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    found = Data.at(tmp_path / "data", tmp_path / "run").default
    found.packages.mkdir(parents=True)
    found.site.mkdir(parents=True)
    return found


def unpack_all(repository: Repository) -> set[str]:
    """The sources of all there is."""
    files = [(detail.name, file) for detail in read_details(repository.packages) for file in detail.files]
    for project, file in files:
        unpack(repository, project, file)
    return {source_of(file.distribution.digest) for _, file in files}


def directory_of(repository: Repository, file: Path) -> Path:
    return unpacked(repository, source_of(digest(file)))


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
    sources = unpack_all(repository)
    first, second = (directory_of(repository, wheel) for wheel in wheels)
    same, other = hashes(first)["same.py"], hashes(first)["demo.py"]
    assert (first / same).stat().st_ino == (second / same).stat().st_ino
    sweep(repository, sources - {first.name})
    assert (first.exists(), second.exists()) == (False, True)
    assert files_for_boards(repository) == set(hashes(second).values())
    assert other not in files_for_boards(repository)
    sweep(repository, set())
    assert (second.exists(), files_for_boards(repository)) == (False, set())


@pytest.mark.parametrize("gone", ["one", "all"])
def test_files_that_are_gone_are_there_again(repository: Repository, gone: str) -> None:
    wheel = make_wheel(repository.packages, "demo", "1.0")
    sources = unpack_all(repository)
    file = board_file(repository, hashes(directory_of(repository, wheel))["demo.py"])
    if gone == "one":
        file.unlink()
    else:
        shutil.rmtree(repository.site / UNPACKED / "files")
    sweep(repository, sources)
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
    make_wheel(repository.packages, "demo", "1.0")
    sources = unpack_all(repository)
    left = repository.site / UNPACKED / ".new-x" / "y"
    left.mkdir(parents=True)
    (left / ("a" * 64)).write_text("x")
    sweep(repository, sources)
    assert {path.name for path in (repository.site / UNPACKED).iterdir()} == {*sources, "files"}


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
    assert [path.name for path in directory_of(repository, large).iterdir()] == [NONE]
    assert (directory_of(repository, large) / NONE).read_text() == (
        f"{large.name!r} holds more files than fit on a board; expected at most 1000, and 4 MiB\n"
    )
