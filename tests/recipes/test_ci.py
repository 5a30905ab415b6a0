"""What CI services do with a closed Larder and a token: the lines of the recipes, by the real tools."""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import digest, make_wheel
from tests.recipes.running import make_project, on_path, run_on_github, run_on_gitlab
from tests.running import JSON, Larder, basic, running_in

POLICY = '[repositories.default]\ndownload = ["ann"]\nupload = ["ann"]\n[repositories.team]\n'
TEAM = "/repositories/team"


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    """Closed to everybody but one user and a token, in one of two repositories."""
    with running_in(tmp_path_factory.mktemp("closed")) as found:
        found.add_user()
        found.rule(POLICY)
        yield found


@pytest.fixture(scope="module")
def token(larder: Larder) -> str:
    header = larder.add_token("ci", "--repository", "team", "--download", "--upload")["Authorization"]
    return base64.b64decode(header.split()[1]).decode().partition(":")[2]


def on_github(larder: Larder, where: Path, token: str, *jobs: str) -> "subprocess.CompletedProcess[str]":
    known = {"vars.LARDER": larder.url + TEAM, "secrets.LARDER_TOKEN": token}
    return [run_on_github("github-ci.yml", job, where, known, on_path("build")) for job in jobs][-1]


def on_gitlab(larder: Larder, where: Path, token: str, *jobs: str) -> "subprocess.CompletedProcess[str]":
    environment = {"LARDER": larder.url + TEAM, "LARDER_TOKEN": token, **on_path("build")}
    return [run_on_gitlab("gitlab-ci.yml", job, where, environment) for job in jobs][-1]


SERVICES = {"github": on_github, "gitlab": on_gitlab}


def listed(larder: Larder, project: str, token: str) -> dict[str, str]:
    """File name → digest."""
    login = basic("__token__", token)["Authorization"]
    answer = larder.get(f"{TEAM}/simple/{project}/", Accept=JSON, Authorization=login)
    return {entry["filename"]: entry["hashes"]["sha256"] for entry in answer.json()["files"]} if answer.body else {}


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_built_is_uploaded_and_installed(larder: Larder, token: str, tmp_path: Path, service: str) -> None:
    where, project = tmp_path / "workspace", f"by_{service}"
    make_project(where, project, "1.2.post3")
    done = SERVICES[service](larder, where, token, "build", "upload")
    assert done.returncode == 0, done.stdout
    files = [file for file in (where / "dist").iterdir() if file.name != ".gitignore"]
    assert listed(larder, project.replace("_", "-"), token) == {file.name: digest(file) for file in files}
    assert len(files) == 2
    [installed] = where.glob(f"fresh/lib/*/site-packages/{project}.py")
    assert 'version = "1.2.post3"' in installed.read_text()
    assert token not in done.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_a_job_fails_without_the_right_token(larder: Larder, tmp_path: Path, service: str) -> None:
    where = tmp_path / "workspace"
    make_wheel(where / "dist", f"refused-by-{service}", "1.0")
    before = larder.snapshot()
    done = SERVICES[service](larder, where, "wrong" * 8, "upload")
    assert done.returncode != 0
    assert "401" in done.stdout or "wrong user name or password" in done.stdout
    assert larder.snapshot() == before
    assert not (where / "fresh").exists()
