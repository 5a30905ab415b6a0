"""The data set of the benchmark: valid distributions, as many and as large as is said."""

import re
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from scripts.bench.dataset.archives import make_archive
from scripts.bench.dataset.fresh import Fresh, invent, write_large_wheel
from scripts.bench.dataset.plan import HEAVY_SIZE, LARGEST, Distribution, plan, projects
from scripts.bench.dataset.texts import source
from store.distribution import read_contents
from store.metadata import parse_metadata
from store.names import parse_filename
from tests.running import HERE

SIZES = (100, 1_000, 10_000)


def check_readable(distribution: Distribution, file: Path) -> bytes:
    """Larder itself takes the file for what it is meant to be; its core metadata."""
    with file.open("rb") as content:
        contents = read_contents(content, parse_filename(distribution.filename))
    [release] = contents.releases
    assert (release.project, str(release.version)) == (distribution.project, distribution.version)
    assert re.fullmatch(r">=3\.\d+", contents.requires_python)
    return contents.core_metadata


def members(file: Path) -> int:
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as wheel:
            return len(wheel.namelist())
    with tarfile.open(file) as sdist:
        return len(sdist.getnames())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dataset")
    command = [sys.executable, "-P", "-m", "scripts.bench.dataset", str(directory), "--files", "100"]
    subprocess.run(command, env={"PYTHONPATH": str(HERE)}, check=True)
    return directory


def test_every_file_is_a_distribution_that_larder_lists(made: Path) -> None:
    wanted = plan(100)
    assert {file.name for file in made.iterdir()} == {each.filename for each in wanted}
    texts = [check_readable(each, made / each.filename) for each in wanted]
    assert all(2_000 <= len(text) <= 6_400 for text in texts if text)
    assert len([text for text in texts if text]) == 50  # of the wheels
    assert {parse_metadata(text).requires_python for text in texts if text} > {">=3.6"}


def test_a_file_has_as_many_members_and_bytes_as_real_ones(made: Path) -> None:
    assert {members(file) for file in made.iterdir()} == set(range(14, 21))
    ratios = [(made / each.filename).stat().st_size / each.size for each in plan(100)]
    assert all(0.6 < ratio < 2 for ratio in ratios)
    assert 0.9 < sum(ratios) / len(ratios) < 1.2


def test_a_file_is_the_same_on_any_machine(made: Path) -> None:
    for distribution in plan(100)[:6]:
        assert (made / distribution.filename).read_bytes() == make_archive(distribution)


@pytest.mark.parametrize("files", SIZES)
def test_a_plan_has_as_many_files_as_are_asked_for_each_of_a_name_of_its_own(files: int) -> None:
    wanted = plan(files)
    assert len({each.filename for each in wanted}) == files
    assert Counter(each.kind for each in wanted) == {"wheel": files // 2, "sdist": files // 2}


def test_a_smaller_plan_is_made_of_the_same_projects() -> None:
    assert list(projects(1_000)) == list(projects(10_000))[: len(projects(1_000))]


def test_ten_thousand_files_are_a_thousand_projects_one_of_them_large() -> None:
    counts = list(projects(10_000).values())
    assert len(counts) == 1_000
    assert counts[:2] == [LARGEST, 20]
    assert max(counts[2:]) < 20
    assert counts.count(10) > 350


def test_most_files_are_small_and_a_few_are_large() -> None:
    sizes = [each.size for each in plan(10_000)]
    assert 490e6 < sum(sizes) < 560e6
    assert sum(10_000 <= size <= 60_000 for size in sizes) > 6_000
    assert sizes.count(HEAVY_SIZE) == 31


def test_what_is_uploaded_is_valid_and_in_no_data_set(tmp_path: Path) -> None:
    projects_of_ten = [name for name, count in projects(1_000).items() if count == 10]
    invented = invent(projects_of_ten, 60, 20_000, 1) + invent(projects_of_ten, 60, 20_000, 2)
    names = {Fresh(each, tmp_path).name for each in invented}
    assert len(names) == 120
    assert not names & {(each.project, each.filename) for each in plan(10_000)}
    for each in invented[:2]:
        file = tmp_path / each.filename
        file.write_bytes(make_archive(each))
        check_readable(each, file)


def test_a_large_wheel_is_a_distribution_too(tmp_path: Path) -> None:
    [wheel] = invent(["amber-anchor-0"], 1, 30_000_000, 3)
    file = tmp_path / wheel.filename
    write_large_wheel(file, wheel)
    assert 24e6 < file.stat().st_size < 36e6
    check_readable(wheel, file)


def test_the_modules_are_python() -> None:
    compile(source().take(3, 200_000), "source", "exec")
