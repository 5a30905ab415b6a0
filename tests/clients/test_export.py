"""What `scripts/export` writes is an index for every client, whatever serves the files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import digest, make_wheel
from tests.clients.test_install import POETRY, Pip, poetry, uv_install
from tests.exported import export, list_files, serving


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("exported") / "data"
    packages = data / "packages"
    make_wheel(packages, "base-thing", "1.0")
    make_wheel(packages, "base-thing", "2.0", Requires_Python=">=4")
    make_wheel(packages / "deep", "upper-thing", "1.0+local.1", Requires_Dist="base-thing")
    yanked = make_wheel(packages, "upper-thing", "3.0")
    (packages / f"{yanked.name}.yanked").write_text("it bites")
    return data


@pytest.fixture(scope="module")
def index(data: Path) -> Iterator[str]:
    """The address of a copy of it, with all files."""
    export(data, data.parent / "public")
    with serving(data.parent / "public") as url:
        yield url


@pytest.fixture(scope="module")
def split_index(data: Path) -> Iterator[str]:
    """The address of a copy whose files another server has."""
    with serving(data / "packages") as elsewhere:
        export(data, data.parent / "pages", "--packages-url", elsewhere)
        assert not [path for path in list_files(data.parent / "pages") if path.startswith("packages")]
        with serving(data.parent / "pages") as url:
            yield url


@pytest.fixture(params=["index", "split_index"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def test_pip_installs_with_what_is_needed(url: str, tmp_path: Path) -> None:
    pip = Pip(tmp_path / "home")
    code, said = pip("install", "--target", tmp_path / "site", "--index-url", f"{url}/simple/", "Upper.Thing")
    assert code == 0, said
    assert {path.name for path in (tmp_path / "site").glob("*.py")} == {"upper_thing.py", "base_thing.py"}


def test_pip_reads_metadata_beside_the_file_where_it_lies(data: Path, index: str, tmp_path: Path) -> None:
    pip = Pip(tmp_path / "home")
    code, said = pip("install", "-v", "--dry-run", "--index-url", f"{index}/simple/", "upper-thing")
    assert code == 0, said
    assert "upper_thing-1.0+local.1-py3-none-any.whl.metadata" in said.replace("%2B", "+")


def test_pip_takes_a_yanked_release_only_when_pinned_and_checks_hashes(url: str, data: Path, tmp_path: Path) -> None:
    pip = Pip(tmp_path / "home")
    assert pip.download("--index-url", f"{url}/simple/", "upper-thing==3.0") == {"upper_thing-3.0-py3-none-any.whl"}
    assert "it bites" in pip.said
    requirements = tmp_path / "requirements.txt"
    wheel = data / "packages/base_thing-1.0-py3-none-any.whl"
    requirements.write_text(f"base-thing==1.0 --hash=sha256:{digest(wheel)}\n")
    assert pip.download("--index-url", f"{url}/simple/", "--require-hashes", "-r", requirements) == {wheel.name}


def test_uv_installs_with_what_is_needed(url: str, tmp_path: Path) -> None:
    said = uv_install(url, tmp_path, "upper-thing")
    assert "base-thing==1.0" in said, said
    assert "upper-thing==1.0+local.1" in said


def test_poetry_adds(url: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(POETRY.format(url=url))
    said = poetry(tmp_path / "home", tmp_path, "add", "upper-thing")
    assert said.startswith("0:"), said
    assert list(tmp_path.glob(".venv/lib/*/site-packages/base_thing.py"))
