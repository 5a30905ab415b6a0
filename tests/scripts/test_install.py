"""A machine where something is missing is told so, all of it in one command."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import HERE

MODULES = "/usr/lib/nginx/modules"
MODULE = "ngx_http_set_misc_module.so"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A clone, with nothing on PATH but what the scripts themselves need, and a user who is not root."""
    shutil.copytree(HERE / "scripts", tmp_path / "scripts")
    shutil.copy(HERE / "requirements.lock", tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "dirname", "cmp"):
        found = shutil.which(tool)
        assert found
        (tmp_path / "bin" / tool).symlink_to(found)
    put(tmp_path, "id", "echo 1000")
    return tmp_path


def put(bare: Path, name: str, script: str) -> None:
    (bare / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
    (bare / "bin" / name).chmod(0o755)


def said_by(bare: Path, *command: str) -> str:
    """What the script says that cannot work here; on one line."""
    path = str(bare / "bin")
    script = (bare / "scripts" / command[0]).read_text().replace(":/usr/sbin:/sbin", "").replace(MODULES, str(bare))
    (bare / "scripts" / command[0]).write_text(script)  # else this machine's nginx and its modules are found
    done = subprocess.run(
        [str(bare / "scripts" / command[0]), *command[1:]],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    return done.stderr


def test_all_that_serving_needs_is_named_in_one_command(bare: Path) -> None:
    assert said_by(bare, "serve") == (
        f"install: missing: python3 ensurepip nginx {bare}/{MODULE}; "
        "run: sudo apt-get install python3 python3-venv nginx-light libnginx-mod-http-set-misc\n"
    )


def test_what_is_there_is_not_named(bare: Path) -> None:
    put(bare, "nginx", "")
    (bare / MODULE).touch()
    put(bare, "python3", "exit 1")
    assert said_by(bare, "serve").endswith("run: sudo apt-get install python3-venv\n")


def test_all_that_testing_needs_is_named_in_one_command(bare: Path) -> None:
    shutil.copy(HERE / "requirements-dev.lock", bare)
    said = said_by(bare, "test")
    for package in (
        "python3-venv",
        "nginx-light",
        "libnginx-mod-http-set-misc",
        "openssh-server",
        "openssh-client",
        "rsync",
        "apache2-utils",
    ):
        assert f" {package} " in said


def test_nginx_is_asked_for_even_when_python_is_ready(bare: Path) -> None:
    (bare / ".venv" / "bin").mkdir(parents=True)
    (bare / ".venv" / "bin" / "python").symlink_to(bare / "bin" / "id")
    shutil.copy(bare / "requirements.lock", bare / ".venv")
    (bare / MODULE).touch()
    assert said_by(bare, "serve") == "install: missing: nginx; run: sudo apt-get install nginx-light\n"


def test_a_python_that_is_too_old_is_named(bare: Path) -> None:
    put(bare, "python3", 'case $2 in *version_info*) exit 1;; esac; [ "$1" != -V ] || echo Python 3.9.2')
    put(bare, "nginx", "")
    (bare / MODULE).touch()
    assert "setup: Python 3.9.2 is too old; expected 3.11 or newer" in said_by(bare, "serve")
