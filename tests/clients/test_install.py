"""Every client that installs."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.archives import digest, make_sdist, make_wheel
from tests.clients.environments import find_client, run_client
from tests.running import PASSWORD, USER, Larder, basic, form, wait_until

BIN = Path(sys.executable).parent
WHEEL = "{}-{}-py3-none-any.whl"


def drop(larder: Larder, name: str, version: str, **fields: str) -> Path:
    wheel = make_wheel(larder.packages, name, version, None, **fields)
    larder.wait_listed(name, wheel)
    return wheel


class Pip:
    """The newest pip, with a home and a cache of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.program = find_client("pip")

    def __call__(self, *arguments: str | Path) -> tuple[int, str]:
        done = run_client([self.program, *arguments, "--no-input", "--disable-pip-version-check"], self.home)
        return done.returncode, done.stdout

    def download(self, *arguments: str | Path) -> set[str]:
        """The names of the files that came; empty where pip failed."""
        target = self.home / "downloads"
        for old in target.glob("*"):
            old.unlink()
        self.said = self("download", "--no-deps", "-d", target, *arguments)[1]
        return {file.name for file in target.glob("*")}


@pytest.fixture
def pip(tmp_path: Path) -> Pip:
    return Pip(tmp_path / "home")


@pytest.mark.parametrize("root", ["", "/", "/simple", "/simple/"])
def test_pip_installs_from_the_root_and_from_simple(shared_larder: Larder, pip: Pip, root: str) -> None:
    name = f"root{root.count('/')}{'s' if 'simple' in root else ''}"
    drop(shared_larder, name, "1.0")
    code, output = pip("install", "--target", pip.home / "site", "--index-url", shared_larder.url + root, name)
    assert (code, (pip.home / f"site/{name}.py").exists()) == (0, True), output


def test_pip_sees_a_new_release_without_clearing_a_cache(shared_larder: Larder, pip: Pip) -> None:
    host = ["--trusted-host", "127.0.0.1", "--index-url", f"{shared_larder.url}/simple/"]
    for version in ("1.0", "1.1", "2.0"):
        drop(shared_larder, "fresh", version)
        assert pip.download(*host, "fresh") == {WHEEL.format("fresh", version)}


def test_uv_sees_a_new_release_without_clearing_a_cache(shared_larder: Larder, tmp_path: Path) -> None:
    for version in ("1.0", "1.1", "2.0"):
        drop(shared_larder, "fresh-uv", version)
        done = uv_install(shared_larder.url, tmp_path, "fresh-uv", "--upgrade")
        assert f"fresh-uv=={version}" in done, done


def uv_install(root: str, home: Path, *arguments: str, **env: str) -> str:
    command: list[str | Path] = [BIN / "uv", "pip", "install", "--target", home / "site"]
    command += ["--default-index", f"{root}/simple/"]
    return run_client([*command, *arguments], home, env={"VIRTUAL_ENV": "", **env}).stdout


def test_pip_fetches_the_metadata_before_the_wheel(shared_larder: Larder, pip: Pip) -> None:
    wheel = drop(shared_larder, "with-metadata", "1.0", Requires_Dist="no-such-thing>=1")
    code, output = pip("install", "-v", "--dry-run", "--index-url", f"{shared_larder.url}/simple/", "with-metadata")
    assert code == 1
    assert f"{wheel.name}.metadata" in output
    assert "no-such-thing" in output


def test_a_release_for_another_python_is_passed_over(shared_larder: Larder, pip: Pip, tmp_path: Path) -> None:
    drop(shared_larder, "pythons", "1.0", Requires_Python=">=3.8")
    drop(shared_larder, "pythons", "2.0", Requires_Python=">=4")
    assert pip.download("--index-url", f"{shared_larder.url}/simple/", "pythons") == {WHEEL.format("pythons", "1.0")}
    assert "pythons==1.0" in uv_install(shared_larder.url, tmp_path, "pythons")


def test_a_yanked_release_is_installed_only_when_pinned(shared_larder: Larder, pip: Pip, tmp_path: Path) -> None:
    drop(shared_larder, "yanks", "1.0")
    yanked = drop(shared_larder, "yanks", "2.0")
    (shared_larder.packages / f"{yanked.name}.yanked").write_text("it bites")
    wait_until(lambda: shared_larder.detail("yanks")[yanked.name]["yanked"])
    index = ["--index-url", f"{shared_larder.url}/simple/"]
    assert pip.download(*index, "yanks") == {WHEEL.format("yanks", "1.0")}
    assert pip.download(*index, "yanks==2.0") == {yanked.name}
    assert "it bites" in pip.said
    assert "yanks==1.0" in uv_install(shared_larder.url, tmp_path, "yanks")


def test_pip_checks_hashes(shared_larder: Larder, pip: Pip) -> None:
    wheel = drop(shared_larder, "hashed", "1.0")
    requirements = pip.home.parent / "requirements.txt"
    requirements.write_text(f"hashed==1.0 --hash=sha256:{digest(wheel)}\n")
    arguments: list[str | Path] = [
        "--require-hashes",
        "--index-url",
        f"{shared_larder.url}/simple/",
        "-r",
        requirements,
    ]
    assert pip.download(*arguments) == {wheel.name}
    requirements.write_text(f"hashed==1.0 --hash=sha256:{'0' * 64}\n")
    assert pip.download(*arguments) == set()


def test_pip_lists_versions(shared_larder: Larder, pip: Pip) -> None:
    for version in ("1.0", "1.5", "2.0rc1"):
        drop(shared_larder, "listed", version)
    code, output = pip("index", "versions", "listed", "--index-url", f"{shared_larder.url}/simple/")
    assert (code, "Available versions: 1.5, 1.0" in output) == (0, True), output


def test_pip_goes_by_the_upload_time(shared_larder: Larder, pip: Pip) -> None:
    old = drop(shared_larder, "timed", "1.0")
    drop(shared_larder, "timed", "2.0")
    os.utime(old, (1.6e9, 1.6e9))
    wait_until(lambda: shared_larder.detail("timed")[old.name]["upload-time"].startswith("2020-09-13"))
    index = ["--index-url", f"{shared_larder.url}/simple/"]
    assert pip.download(*index, "--uploaded-prior-to", "2021-01-01", "timed") == {old.name}


def test_an_unknown_name_is_not_found(shared_larder: Larder, pip: Pip, tmp_path: Path) -> None:
    assert pip.download("--index-url", f"{shared_larder.url}/simple/", "no-such-project") == set()
    assert "No matching distribution found" in pip.said
    assert "was not found" in uv_install(shared_larder.url, tmp_path, "no-such-project")


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".whl"])
def test_a_name_may_be_spelt_in_many_ways(shared_larder: Larder, pip: Pip, suffix: str) -> None:
    name = f"aspy.{suffix.replace('.', '')}-x"
    is_wheel = suffix == ".whl"
    make = make_wheel if is_wheel else functools.partial(make_sdist, suffix=suffix)
    file = make(shared_larder.packages, name, "0.2.1")
    shared_larder.wait_listed(name.replace(".", "-"), file)
    spellings = [name, f"{name}>0.2,<0.3", f"{name.upper()}==0.2.1", name.replace(".", "-")]
    for spelling in spellings if is_wheel else spellings[2:]:  # each sdist is built, to read its metadata
        found = pip.download("--index-url", f"{shared_larder.url}/simple/", "--no-build-isolation", spelling)
        assert found == {file.name}, pip.said


POETRY = """
[project]
name = "app"
version = "0"
requires-python = ">=3.9"

[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "larder"
url = "{url}/simple/"
priority = "primary"
"""


def poetry(home: Path, project: Path, *arguments: str, **env: str) -> str:
    environment = {"POETRY_VIRTUALENVS_IN_PROJECT": "true", **env}
    done = run_client([find_client("poetry"), *arguments, "--no-interaction"], home, project, environment)
    return f"{done.returncode}: {done.stdout}"


def test_poetry_adds_and_updates(shared_larder: Larder, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(POETRY.format(url=shared_larder.url))
    drop(shared_larder, "by-poetry", "1.0")
    added = poetry(tmp_path / "home", tmp_path, "add", "by-poetry>=1")
    assert added.startswith("0:"), added
    drop(shared_larder, "by-poetry", "2.0")
    updated = poetry(tmp_path / "home", tmp_path, "update")
    assert "2.0" in updated, updated
    assert list(tmp_path.glob(".venv/lib/*/site-packages/by_poetry.py"))


def test_pdm_adds_and_updates(shared_larder: Larder, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.9"\n[tool.pdm]\ndistribution = false\n'
        f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{shared_larder.url}/simple/"\nverify_ssl = false\n'
    )
    drop(shared_larder, "by-pdm", "1.0")

    def pdm(*arguments: str) -> str:
        done = run_client([find_client("pdm"), *arguments], tmp_path / "home", tmp_path)
        return f"{done.returncode}: {done.stdout}"

    assert pdm("add", "by-pdm>=1").startswith("0:")
    drop(shared_larder, "by-pdm", "2.0")
    updated = pdm("update", "--no-self")
    assert updated.startswith("0:"), updated
    assert "2.0" in (tmp_path / "pdm.lock").read_text()


@pytest.fixture
def private(larder: Larder) -> Larder:
    drop(larder, "secret", "1.0")
    (larder.data / "larder.toml").write_text('[repositories.default]\ndownload = ["authenticated"]\n')
    wait_until(lambda: larder.get("/simple/secret/").status == 401)
    return larder


def test_pip_and_uv_read_with_a_password(private: Larder, pip: Pip, tmp_path: Path) -> None:
    wheel = {WHEEL.format("secret", "1.0")}
    assert pip.download("--index-url", f"{private.url}/simple/", "secret") == set()
    assert pip.download("--index-url", f"{private.login_url}/simple/", "secret") == wheel
    assert pip.download("--index-url", private.login_url, "secret") == wheel
    assert "secret==1.0" not in uv_install(private.url, tmp_path / "none", "secret")
    assert "secret==1.0" in uv_install(private.login_url, tmp_path / "url", "secret")
    (pip.home / ".netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    (pip.home / ".netrc").chmod(0o600)
    assert pip.download("--index-url", f"{private.url}/simple/", "secret") == wheel
    assert "secret==1.0" in uv_install(private.url, pip.home, "secret")
    login = {"UV_INDEX_LARDER_USERNAME": USER, "UV_INDEX_LARDER_PASSWORD": PASSWORD, "VIRTUAL_ENV": ""}
    command: list[str | Path] = [BIN / "uv", "pip", "install", "--target", tmp_path / "site"]
    command += ["--index", f"larder={private.url}/simple/"]
    done = run_client([*command, "secret"], tmp_path / "named", env=login)
    assert "secret==1.0" in done.stdout, done.stdout
    with private.without("indexer", "uploader"):
        assert pip.download("--index-url", f"{private.login_url}/simple/", "secret") == wheel


def test_poetry_reads_with_a_password(private: Larder, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(POETRY.format(url=private.url))
    login = {"POETRY_HTTP_BASIC_LARDER_USERNAME": USER, "POETRY_HTTP_BASIC_LARDER_PASSWORD": PASSWORD}
    assert not poetry(tmp_path / "home", tmp_path, "add", "secret").startswith("0:")
    added = poetry(tmp_path / "home", tmp_path, "add", "secret", **login)
    assert added.startswith("0:"), added


ROUNDS = """
import sys
from pip._internal.cli.main import main
for line in sys.stdin:
    print(main(line.split()), flush=True)
"""
"""pip's own entry, once for each line of arguments: loading it a hundred times would be most of the test's time."""


def test_a_hundred_times_what_was_uploaded_can_be_installed_at_once(larder: Larder, tmp_path: Path, pip: Pip) -> None:
    python, target = pip.program.with_name("python"), tmp_path / "downloads"
    options = f"--isolated --no-input --disable-pip-version-check --trusted-host 127.0.0.1 --index-url {larder.url}"
    options += f" --cache-dir {tmp_path / 'cache'} --log {tmp_path / 'log'} --no-deps -d {target} -q"
    command = [str(python), "-c", ROUNDS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as rounds:
        assert rounds.stdin
        assert rounds.stdout
        for number in range(100):
            wheel = make_wheel(tmp_path / "made", "rounds", f"1.{number}")
            body, headers = form(wheel)
            assert larder.request("POST", "/", body, headers | basic(USER, PASSWORD)).status == 200
            rounds.stdin.write(f"download {options} rounds==1.{number}\n")
            assert rounds.stdout.readline() == "0\n", (tmp_path / "log").read_text()[-2000:]
            assert (target / wheel.name).read_bytes() == wheel.read_bytes()
        rounds.stdin.close()
