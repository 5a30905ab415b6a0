"""What the programs find around themselves."""

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.supervise import HERE
from scripts.supervise.limits import User
from scripts.supervise.runtime import THRIFT, lay_out
from store import VERSION
from store.errors import Refused
from store.prepare import prepare
from store.settings import Settings, read_settings

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to start programs as another user")
OTHER = User(4321, 4322)


@pytest.fixture
def open_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="larder-open-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def prepared(root: Path, user: User | None = None, **variables: str) -> Settings:
    settings = read_settings({"LARDER_DATA": str(root), "LARDER_PORT": "9999", **variables})
    prepare(settings.data, owner=user)
    return settings


def laid_out(path: Path) -> Path:
    directory = path / "prefix"
    path.mkdir(exist_ok=True)
    directory.mkdir(mode=0o700)
    return directory


def test_nginx_finds_what_its_configuration_expects(tmp_path: Path) -> None:
    settings, directory = prepared(tmp_path / "data", LARDER_HOST="::1"), laid_out(tmp_path)
    lay_out(directory, settings, None)
    assert sorted(path.name for path in directory.iterdir()) == [
        "data", "listen.conf", "local.conf", "nginx.conf", "run", "site", "tmp",
    ]  # fmt: skip
    assert (directory / "listen.conf").read_text() == "listen [::1]:9999;\n"
    assert f"server unix:{directory}/run/uploader/uploader.sock;" in (directory / "local.conf").read_text()
    assert f"$in_force {{ default {directory}/run/indexer/policy; }}" in (directory / "local.conf").read_text()
    assert stat.S_IMODE((directory / "run/uploader").stat().st_mode) == 0o700
    assert f"$admitted {{ default {directory}/run/uploader; }}" in (directory / "local.conf").read_text()
    assert (directory / "nginx.conf").read_bytes() == (HERE / "nginx/nginx.conf").read_bytes()
    assert (directory / "data").resolve() == tmp_path / "data"
    assert (directory / "site").resolve() == tmp_path / "data" / "site"


def test_a_site_elsewhere_is_found_there(tmp_path: Path) -> None:
    settings, directory = prepared(tmp_path / "data", LARDER_SITE=str(tmp_path / "pages")), laid_out(tmp_path)
    lay_out(directory, settings, None)
    assert (directory / "site").readlink() == tmp_path / "pages"


def test_the_programs_are_told_what_was_found_to_be_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LARDER_PORT", "nonsense that an option overrode")
    runtime = lay_out(directory := laid_out(tmp_path), prepared(tmp_path / "data"), None)
    assert read_settings(runtime.environment) == runtime.settings
    assert runtime.settings.data.run == directory / "run"


def test_nginx_has_a_secret_that_is_another_one_at_each_start(tmp_path: Path) -> None:
    secrets = set()
    for number in range(2):
        directory = laid_out(tmp_path / str(number))
        lay_out(directory, prepared(tmp_path / "data"), None)
        file = directory / "tmp" / "secret.conf"
        secrets.add(re.fullmatch(r'map "" \$secret { default "([0-9A-Za-z_-]{20})"; }\n', file.read_text()))
        assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert None not in secrets
    assert len(secrets) == 2


@needs_root
def test_the_secret_is_for_nginx_alone(open_path: Path) -> None:
    runtime = lay_out(laid_out(open_path), prepared(open_path / "data", OTHER), OTHER)
    facts = (runtime.directory / "tmp" / "secret.conf").stat()
    assert (facts.st_uid, stat.S_IMODE(facts.st_mode)) == (OTHER.uid, 0o400)


@needs_root
def test_each_program_may_write_what_is_its_own(open_path: Path) -> None:
    runtime = lay_out(laid_out(open_path), prepared(open_path / "data", OTHER), OTHER)
    owned = [runtime.directory / name for name in ("run/indexer", "run/uploader", "tmp")]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in owned} == {OTHER}
    others = [runtime.directory, *(path for path in runtime.directory.iterdir() if path.name != "tmp")]
    assert {path.lstat().st_uid for path in others} == {0}
    assert (runtime.directory / "data").readlink() == open_path / "data"


@needs_root
def test_they_may_read_it_whatever_is_usual_here(open_path: Path) -> None:
    usual = os.umask(0o077)
    try:
        runtime = lay_out(laid_out(open_path), prepared(open_path / "data", OTHER), OTHER)
    finally:
        os.umask(usual)
    paths = (runtime.directory, runtime.directory / "run", runtime.directory / "nginx.conf", open_path / "data")
    assert [oct(path.stat().st_mode & 0o777) for path in paths] == ["0o755", "0o755", "0o644", "0o750"]


@needs_root
def test_nginx_is_started_where_it_could_not_get_to(open_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.supervise.runtime.capabilities_to_reach", lambda *_: ())
    (open_path / "closed").mkdir(mode=0o700)
    data = open_path / "closed" / "data"
    runtime = lay_out(laid_out(open_path), prepared(data, OTHER), OTHER)
    assert str((runtime.directory / "data").readlink()) == "/proc/self/cwd"
    assert str((runtime.directory / "site").readlink()) == "data/site"
    nginx = runtime.programs()[2]
    assert nginx.cwd == data
    assert "--bounding-set=-all" in nginx.command


@needs_root
def test_a_site_that_nginx_could_not_get_to_is_refused(open_path: Path) -> None:
    (open_path / "closed").mkdir(mode=0o700)
    settings = prepared(open_path / "data", OTHER, LARDER_SITE=str(open_path / "closed" / "site"))
    with pytest.raises(Refused, match=f"LARDER_SITE=.*uid 4321 may not pass {open_path}/closed; expected"):
        lay_out(laid_out(open_path), settings, OTHER)


def test_the_version_is_one() -> None:
    assert f'\nversion = "{VERSION}"\n' in (HERE / "pyproject.toml").read_text()


def test_containers_give_memory_back_as_scripts_serve_does() -> None:
    dockerfile = (HERE / "Dockerfile").read_text()
    assert f"ENV {' '.join(f'{name}={value}' for name, value in THRIFT.items())}\n" in dockerfile
