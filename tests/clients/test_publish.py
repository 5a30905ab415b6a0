"""Every client that uploads, and what it shows of a refusal."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.archives import digest, make_sdist, make_wheel
from tests.attestations import make_attestation, make_provenance
from tests.clients.environments import find_client, run_client
from tests.running import PASSWORD, USER, Larder, wait_until

BIN = Path(sys.executable).parent
PATHS = ["", "/", "/simple", "/simple/", "/legacy", "/legacy/", "/pypi", "/pypi/"]

PYPROJECT = """
[project]
name = "by-{client}"
version = "1.0"
description = "Made by {client}"
readme = "README.md"
authors = [{{name = "Ann", email = "ann@example.org"}}]

[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"
"""


def twine(larder: Larder, home: Path, *files: Path, path: str = "/", password: str = PASSWORD) -> tuple[int, str]:
    command: list[str | Path] = [BIN / "twine", "upload", "--disable-progress-bar", "-u", USER, "-p", password]
    done = run_client([*command, "--repository-url", larder.url + path, *files], home)
    return done.returncode, done.stdout


@pytest.mark.parametrize("path", PATHS)
def test_twine_uploads_to_every_address(shared_larder: Larder, tmp_path: Path, path: str) -> None:
    name = f"twine-{PATHS.index(path)}"
    files = [make_wheel(tmp_path, name, "1.0"), make_sdist(tmp_path, name, "1.0")]
    assert twine(shared_larder, tmp_path / "home", *files, path=path)[0] == 0
    assert {file.name: digest(file) for file in files} == {
        filename: entry["hashes"]["sha256"] for filename, entry in shared_larder.detail(name).items()
    }


def test_uv_publishes(shared_larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "by-uv", "1.0")
    command: list[str | Path] = [BIN / "uv", "publish", "--publish-url", f"{shared_larder.url}/legacy/"]
    command += ["-u", USER, "-p"]
    for _ in range(2):
        done = run_client([*command, PASSWORD, wheel], tmp_path / "home")
        assert done.returncode == 0, done.stdout
    assert shared_larder.digest("by-uv", wheel.name) == digest(wheel)
    other = make_wheel(tmp_path / "other", "by-uv", "1.0", {"other.py": b""})
    assert "File already exists" in run_client([*command, PASSWORD, other], tmp_path / "home").stdout
    assert "wrong user name or password" in run_client([*command, "wrong", wheel], tmp_path / "home").stdout


@pytest.mark.parametrize("client", ["uv", "twine"])
def test_attestations_are_published_and_served(shared_larder: Larder, tmp_path: Path, client: str) -> None:
    wheel = make_wheel(tmp_path, f"attested-by-{client}", "1.0")
    attestation = make_attestation(wheel.name, digest(wheel))
    sidecar = wheel.with_name(f"{wheel.name}.publish.attestation")
    sidecar.write_text(json.dumps(attestation))
    login = ["-u", USER, "-p", PASSWORD]
    command: list[str | Path] = [BIN / "uv", "publish", "--publish-url", f"{shared_larder.url}/legacy/", *login]
    if client == "twine":
        address = ["--repository-url", shared_larder.url]
        command = [BIN / "twine", "upload", "--attestations", *login, *address]
    done = run_client([*command, wheel, sidecar], tmp_path / "home")
    assert done.returncode == 0, done.stdout
    project = f"attested-by-{client}"
    said = shared_larder.detail(project)[wheel.name]["provenance"]  # as soon as it is answered
    assert said == f"../../packages/{wheel.name}.provenance"
    served = shared_larder.get(f"/packages/{wheel.name}.provenance")
    assert served.headers["Content-Type"] == "application/vnd.pypi.integrity.v1+json"
    assert served.headers["Cache-Control"] == "no-cache"
    assert served.json() == make_provenance(attestation)
    assert [*shared_larder.detail(project)] == [wheel.name]


def make_project(directory: Path, client: str) -> Path:
    directory.mkdir()
    (directory / "pyproject.toml").write_text(PYPROJECT.format(client=client))
    (directory / "README.md").write_text("# Hello\n")
    (directory / f"by_{client}.py").write_text('"""Made for a test."""\n\n__version__ = "1.0"\n')
    return directory


def publish(larder: Larder, client: str, project: Path, home: Path) -> str:
    program, dist = find_client(client), project / "dist"
    dist.mkdir()
    make_wheel(dist, f"by-{client}", "1.0")
    url = f"{larder.url}/legacy/"
    login = {"USERNAME": USER, "PASSWORD": PASSWORD}
    commands: dict[str, list[str | Path]] = {
        "poetry": [program, "publish", "--repository", "larder", "--no-interaction"],
        "hatch": [program, "publish", "--no-prompt", "--repo", url, "--user", USER, "--auth", PASSWORD],
        "pdm": [program, "publish", "--no-build", "--repository", url, "--username", USER, "--password", PASSWORD],
        "flit": [program, "publish", "--format", "wheel"],
    }
    environment = {
        "poetry": {"POETRY_REPOSITORIES_LARDER_URL": url}
        | {f"POETRY_HTTP_BASIC_LARDER_{key}": value for key, value in login.items()},
        "flit": {"FLIT_INDEX_URL": url} | {f"FLIT_{key}": value for key, value in login.items()},
    }
    done = run_client(commands[client], home, project, environment.get(client))
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("client", ["poetry", "hatch", "pdm", "flit"])
def test_other_clients_publish(shared_larder: Larder, tmp_path: Path, client: str) -> None:
    project = make_project(tmp_path / "project", client)
    publish(shared_larder, client, project, tmp_path / "home")
    [(filename, entry)] = shared_larder.detail(f"by-{client}").items()
    stored = shared_larder.packages / filename
    assert entry["hashes"]["sha256"] == digest(stored)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="distutils went with Python 3.12")
@pytest.mark.parametrize("commands", [["upload"], ["register", "upload"]])
def test_setup_py_uploads(shared_larder: Larder, tmp_path: Path, commands: list[str]) -> None:
    name = f"old-{len(commands)}"
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    (project / "old.py").touch()
    (project / "setup.py").write_text(
        "from distutils.core import setup\n"
        f"setup(name={name!r}, version='0.1.0', py_modules=['old'], url='http://x', author='A', author_email='a@b.c')\n"
    )
    (home / ".pypirc").write_text(
        f"[distutils]\nindex-servers = larder\n[larder]\nrepository = {shared_larder.url}/\n"
        f"username = {USER}\npassword = {PASSWORD}\n"
    )
    script = [sys.executable, "-W", "ignore", "setup.py", "sdist"]
    for command in commands:
        script += [command, "-r", "larder"]
    done = run_client([*script], home, project, {"SETUPTOOLS_USE_DISTUTILS": "stdlib"})
    assert done.returncode == 0, done.stdout
    sdist = f"{name}-0.1.0.tar.gz"
    assert shared_larder.digest(name, sdist) == digest(project / "dist" / sdist)


def test_twine_shows_the_reason_and_sends_a_refused_file_once(larder: Larder, tmp_path: Path) -> None:
    home = tmp_path / "home"
    wheel = make_wheel(tmp_path, "shown", "1.0")
    assert twine(larder, home, wheel)[0] == 0
    assert twine(larder, home, wheel)[0] == 0  # the same again
    other = make_wheel(tmp_path / "other", "shown", "1.0", {"other.py": b"x"})
    odd = make_wheel(tmp_path, "odd", "1.0").rename(tmp_path / "odd-2.0-py3-none-any.whl")
    bomb = make_wheel(tmp_path, "bomb", "1.0", {"zeros": bytes(100 << 20)})
    before = larder.snapshot()
    for file, password, reason in (
        (other, PASSWORD, "File already exists: 'shown-1.0-py3-none-any.whl'"),
        (wheel, "wrong", "wrong user name or password"),
        (odd, PASSWORD, "its metadata is of 'odd' '1.0'"),
        (bomb, PASSWORD, "unpacks to"),
    ):
        said = len(larder.log)
        code, output = twine(larder, home, file, password=password)
        assert (code, reason in " ".join(output.split())) == (1, True), output
        assert larder.log[said:].count("refused POST") == 1
        assert larder.snapshot() == before
    (larder.data / "larder.toml").write_text('[repositories.default]\nmax_upload = "10 KB"\n')
    wait_until(lambda: "10 KB" in larder.log)
    code, output = twine(larder, home, make_noise(tmp_path))
    assert (code, "expected at most max_upload = 10 KB" in " ".join(output.split())) == (1, True), output
    assert not list(larder.packages.glob(".incoming-*"))


def make_noise(directory: Path) -> Path:
    """A wheel of 30 MB that does not compress: refused while twine is still sending it."""
    return make_wheel(directory, "noise", "1.0", {"noise": os.urandom(30_000_000)})
