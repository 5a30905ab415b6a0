"""GitHub Releases and Pages: the workflow's own lines, by the real gh, with a stand-in of GitHub behind it."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import make_archive, make_sdist, make_wheel
from tests.authority import make_certificate
from tests.clients.environments import find_client
from tests.exported import list_files, serving
from tests.recipes.github import REPOSITORY, TOKEN, WHEN, GitHub
from tests.recipes.listening import standing_in
from tests.recipes.running import RECIPES, make_project, on_path, run, run_on_github
from tests.running import HERE

ALL = {
    "demo-1.0-py3-none-any.whl",
    "demo-1.0-py3-none-any.whl.metadata",
    "demo-1.0.tar.gz",
}
FILES = {"/assets/": 502}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def github(certificate: Path) -> Iterator[GitHub]:
    with standing_in(certificate) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def release(
    github: GitHub, home: Path, *files: Path, tag: str = "v1.0", token: str = TOKEN
) -> "subprocess.CompletedProcess[str]":
    return run([RECIPES / "github-release", tag, *files], home, github.environment(home, token))


def write_index(github: GitHub, home: Path, token: str = TOKEN) -> "subprocess.CompletedProcess[str]":
    command: list[str | Path] = [RECIPES / "github-index", home / "public", "https://acme.example/demo/"]
    return run(command, home, github.environment(home, token))


def download(github: GitHub, home: Path, *what: str) -> set[str]:
    """The names of what pip finds by the index alone; nothing else knows its files."""
    target = home / "downloads"
    shutil.rmtree(target, ignore_errors=True)
    with serving(home / "public") as url:
        where: list[str | Path] = ["-d", target, "--index-url", f"{url}/simple/"]
        done = run(
            [find_client("pip"), "download", "--no-deps", *where, *what],
            home,
            {"REQUESTS_CA_BUNDLE": str(github.certificate)},
        )
    return {file.name for file in target.glob("*")} or {done.stdout}


def build(where: Path) -> Path:
    """A workspace in which the workflow's first job has run."""
    make_project(where / "project", "demo", "1.0")
    (where / "larder").symlink_to(HERE)
    built = run_on_github("github-pages.yml", "build", where, {}, on_path("build"))
    assert built.returncode == 0, built.stdout
    return where


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("built") / "workspace")


def test_a_tag_becomes_a_release_and_an_index_to_install_from(github: GitHub, workspace: Path, home: Path) -> None:
    known = {
        "github.repository": REPOSITORY,
        "github.token": TOKEN,
        "steps.pages.outputs.base_url": "https://acme.example/demo",
    }
    environment = {"GITHUB_REF_NAME": "v1.0", **github.environment(home)}
    for job in ("release", "pages"):
        done = run_on_github("github-pages.yml", job, workspace, known, environment)
        assert done.returncode == 0, done.stdout
    assert {tag: files.keys() for tag, files in github.released().items()} == {"v1.0": ALL}
    assert {call.authorization for call in github.calls} == {f"token {TOKEN}"}
    assert github.changes() == [
        f"POST /api/v3/repos/{REPOSITORY}/releases",
        *[f"POST /api/uploads/repos/{REPOSITORY}/releases/1/assets"] * 3,
        f"PATCH /api/v3/repos/{REPOSITORY}/releases/1",
    ]
    github.calls.clear()
    shutil.move(workspace / "public", home / "public")
    assert download(github, home, "demo==1.0") == {"demo-1.0-py3-none-any.whl"}
    below = f"/{REPOSITORY}/releases/download/v1.0/demo-1.0-py3-none-any.whl"
    assert [call.path for call in github.calls] == [f"{below}.metadata", below]


def test_what_is_built_again_has_the_same_bytes(workspace: Path, tmp_path: Path) -> None:
    found = [
        {file.name: file.read_bytes() for file in (where / "dist").iterdir()}
        for where in (workspace, build(tmp_path / "workspace"))
    ]
    assert found[0].keys() == ALL
    assert found[0] == found[1]


def test_what_is_released_is_never_altered(github: GitHub, home: Path, tmp_path: Path) -> None:
    wheel, sdist = make_wheel(tmp_path, "demo", "1.0"), make_sdist(tmp_path, "demo", "1.0")
    assert release(github, home, wheel, sdist).returncode == 0
    for tag in ("newer", "newest", "v2.0"):
        github.add(tag)
    before = github.released()
    github.calls.clear()
    assert release(github, home, wheel, sdist).returncode == 0
    make_wheel(tmp_path, "demo", "1.0", {"other.py": b""})
    done = release(github, home, make_archive(tmp_path / "more.zip", "", {"x": b""}), wheel)
    assert done.returncode == 1
    assert done.stdout == f"github-release: {wheel.name}: v1.0 has it with other bytes, and these stay\n"
    assert github.changes() == []
    assert github.released() == before


def test_a_release_that_a_person_began_gets_what_it_lacks(github: GitHub, home: Path, tmp_path: Path) -> None:
    wheel, sdist = make_wheel(tmp_path, "demo", "1.0+local.1"), make_sdist(tmp_path, "demo", "1.0")
    github.add("v1.0", sdist)
    done = release(github, home, wheel, sdist)
    assert done.returncode == 0, done.stdout
    assert github.released()["v1.0"] == {file.name: file.read_bytes() for file in (wheel, sdist)}
    assert github.changes() == [f"POST /api/uploads/repos/{REPOSITORY}/releases/1/assets"]


def test_what_somebody_releases_at_the_same_time_stays(github: GitHub, home: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    ours = github.add("v1.0")
    theirs = github.add("theirs", make_wheel(tmp_path / "theirs", "demo", "1.0", {"other.py": b""}))
    github.meanwhile = lambda: ours.assets.extend(theirs.assets)
    assert release(github, home, wheel).returncode != 0
    assert ours.assets == theirs.assets
    assert not [call for call in github.changes() if call.startswith("DELETE")]


def test_a_release_is_whole_or_not_there(github: GitHub, home: Path, tmp_path: Path) -> None:
    files = [make_wheel(tmp_path, "demo", "1.0"), make_sdist(tmp_path, "demo", "1.0")]
    github.failing = {"POST /api/uploads": 500}
    assert release(github, home, *files).returncode != 0
    assert github.released() == {}
    assert [(each.tag, each.draft) for each in github.releases] == [("v1.0", True)]
    github.failing = {}
    assert release(github, home, *files).returncode == 0
    assert github.released()["v1.0"].keys() == {file.name for file in files}
    assert release(github, home, *files).returncode == 0
    done = release(github, home, *files, make_wheel(tmp_path, "other", "1.0"))
    assert done.stdout == "github-release: v1.0: both released and a draft; remove the draft\n"
    assert write_index(github, home).returncode == 0
    assert download(github, home, "demo") == {files[0].name}


def test_a_version_before_the_release_is_one_on_github_as_well(github: GitHub, home: Path, tmp_path: Path) -> None:
    github.tags = {"v1.0", "v2.0rc1"}
    for version in ("1.0", "2.0rc1"):
        assert release(github, home, make_wheel(tmp_path, "demo", version), tag=f"v{version}").returncode == 0
    assert {each.tag: each.prerelease for each in github.releases} == {"v1.0": False, "v2.0rc1": True}
    assert write_index(github, home).returncode == 0
    assert download(github, home, "demo") == {"demo-1.0-py3-none-any.whl"}
    assert download(github, home, "--pre", "demo") == {"demo-2.0rc1-py3-none-any.whl"}


def test_what_cannot_be_asked_is_not_taken_for_nothing(github: GitHub, home: Path, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    github.add("v1.0", wheel)
    assert write_index(github, home).returncode == 0
    written = list_files(home / "public")
    assert "simple/demo/index.html" in written
    for token, failing in [("wrong", {}), (TOKEN, {f"GET /api/v3/repos/{REPOSITORY}/releases": 502}), (TOKEN, FILES)]:
        github.failing = failing
        assert release(github, home, wheel, make_sdist(tmp_path, "demo", "1.0"), token=token).returncode != 0
        assert github.changes() == []
        assert write_index(github, home, token).returncode != 0
        assert list_files(home / "public") == written


def test_there_is_no_release_without_its_tag(github: GitHub, home: Path, tmp_path: Path) -> None:
    done = release(github, home, make_wheel(tmp_path, "demo", "3.0"), tag="v3.0")
    assert done.returncode != 0
    assert github.changes() == []


@pytest.mark.parametrize("name", ["demo-1!2.0.tar.gz", "demo-1.0~x.tar.gz", ".demo.tar.gz", "a..b.tar.gz", "a b.zip"])
def test_a_name_that_github_would_change_is_refused_before_anything(
    github: GitHub, home: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"x")
    done = release(github, home, make_wheel(tmp_path, "demo", "1.0"), tmp_path / name)
    assert done.returncode == 1
    assert done.stdout.startswith(f"github-release: {name}: GitHub would change this name; expected ")
    assert done.stdout.count("\n") == 1
    assert github.calls == []


def test_the_index_has_all_distributions_of_all_releases_and_nothing_else(
    github: GitHub, home: Path, tmp_path: Path
) -> None:
    github.add("v0", make_archive(tmp_path / "linux-amd64.tar.gz", "x", {"bin/x": b""}))  # no distribution
    for version in ("1.0", "1.1"):
        github.add(f"any/{version}", make_wheel(tmp_path, "demo", version), make_sdist(tmp_path, "demo", version))
    reason = tmp_path / "demo-2.0-py3-none-any.whl.yanked"
    reason.write_text("it bites")
    github.add("yank/2.0", reason, make_wheel(tmp_path, "demo", "2.0"))
    github.add("other", make_wheel(tmp_path, "other", "1.0+local.1"))
    github.add("empty")
    github.add("v9", make_wheel(tmp_path, "demo", "9.0"), draft=True)
    done = write_index(github, home)
    assert done.returncode == 0, done.stdout
    assert "any/1.0 demo-1.0-py3-none-any.whl: no .metadata beside it" in done.stdout
    assert {path.parent.name for path in (home / "public/simple").glob("*/index.html")} == {"demo", "other"}
    assert download(github, home, "demo") == {"demo-1.1-py3-none-any.whl"}
    assert download(github, home, "demo==2.0") == {"demo-2.0-py3-none-any.whl"}
    assert download(github, home, "other") == {"other-1.0+local.1-py3-none-any.whl"}
    assert "demo==9.0" in download(github, home, "demo==9.0").pop()
    page = json.loads((home / "public/simple/demo/index.json").read_text())
    assert [entry["url"].partition("/download/")[2] for entry in page["files"]] == [
        "any/1.0/demo-1.0-py3-none-any.whl",
        "any/1.0/demo-1.0.tar.gz",
        "any/1.1/demo-1.1-py3-none-any.whl",
        "any/1.1/demo-1.1.tar.gz",
        "yank/2.0/demo-2.0-py3-none-any.whl",
    ]
    assert {entry["upload-time"][:10] for entry in page["files"]} == {WHEN[:10]}
    github.releases = [each for each in github.releases if each.tag != "any/1.1"]  # as a person removes it
    assert write_index(github, home).returncode == 0
    assert download(github, home, "demo") == {"demo-1.0-py3-none-any.whl"}
    assert github.changes() == []


def test_a_wheel_that_could_not_be_listed_is_not_released(home: Path, tmp_path: Path) -> None:
    make_archive(tmp_path / "dist-1.0-py3-none-any.zip", "", {"x.py": b""}).rename(tmp_path / "x-1.0-py3-none-any.whl")
    done = run([RECIPES / "metadata", tmp_path], home)
    assert done.returncode == 1
    assert "metadata: x-1.0-py3-none-any.whl: Larder would not list it" in done.stdout
