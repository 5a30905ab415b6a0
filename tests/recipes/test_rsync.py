"""A web server's directory by the real rsync, through a real sshd, and what readers find meanwhile."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.archives import make_wheel
from tests.clients.test_install import Pip
from tests.exported import export, serving, snapshot
from tests.recipes.running import RECIPES, run
from tests.recipes.states import Watch, read_copy
from tests.running import wait_until


def bring(place: Path, sshd: list[str], *options: str) -> "subprocess.CompletedProcess[str]":
    """What is in public/ now to web/, as if that were elsewhere."""
    shell = " ".join(["ssh", *sshd]).replace(" -P ", " -p ")
    command: list[str | Path] = [RECIPES / "rsync", place / "public", f"127.0.0.1:{place}/web", *options]
    return run(command, place / "home", {"RSYNC_RSH": shell})


@contextmanager
def watching(directory: Path) -> Iterator[Watch]:
    """A reader who is never tired meanwhile."""
    watch, done = Watch(directory), threading.Event()

    def look() -> None:
        while not done.is_set():
            watch.look()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        wait_until(lambda: watch.looked)
        yield watch
    finally:
        done.set()
        thread.join()


def test_pip_installs_from_where_rsync_brought_it(sshd: list[str], tmp_path: Path) -> None:
    make_wheel(tmp_path / "data/packages", "upper-thing", "1.0+local.1", Requires_Dist="base-thing")
    make_wheel(tmp_path / "data/packages/deep", "base-thing", "1.0")
    export(tmp_path / "data", tmp_path / "public")
    done = bring(tmp_path, sshd)
    assert done.returncode == 0, done.stdout
    assert read_copy(tmp_path / "web") == read_copy(tmp_path / "public")
    assert not (tmp_path / "web/.larder-export").exists()
    with serving(tmp_path / "web") as url:
        pip = Pip(tmp_path / "home")
        code, said = pip("install", "--target", tmp_path / "site", "--index-url", f"{url}/simple/", "upper-thing")
    assert code == 0, said
    assert {path.name for path in (tmp_path / "site").glob("*.py")} == {"upper_thing.py", "base_thing.py"}
    before = snapshot(tmp_path / "web")
    os.utime(tmp_path / "public/index.html")
    done = bring(tmp_path, sshd, "--stats")
    assert done.stdout.count("Number of regular files transferred: 0") == 3, done.stdout
    assert snapshot(tmp_path / "web").keys() == before.keys()
    assert {path: file[::2] for path, file in snapshot(tmp_path / "web").items()} == {
        path: file[::2] for path, file in before.items()
    }


def test_at_no_moment_of_an_update_does_a_page_name_what_is_missing(sshd: list[str], tmp_path: Path) -> None:
    packages = tmp_path / "data/packages"
    for number in range(30):
        make_wheel(packages, f"project-{number}", "1.0")
    export(tmp_path / "data", tmp_path / "public")
    assert bring(tmp_path, sshd).returncode == 0
    for number in range(30):
        (packages / f"project_{number}-1.0-py3-none-any.whl").unlink()
    for number in range(15, 45):  # some lose all that they had, some get something else, and some are new
        make_wheel(packages, f"project-{number}", "2.0", {"noise": os.urandom(20_000)})
    export(tmp_path / "data", tmp_path / "public")
    with watching(tmp_path / "web") as watch:
        done = bring(tmp_path, sshd)
    assert done.returncode == 0, done.stdout
    assert (watch.found, watch.looked > 10) == (set(), True)
    assert read_copy(tmp_path / "web") == read_copy(tmp_path / "public")
    assert "simple/project-0/index.html" not in read_copy(tmp_path / "web")


def test_what_else_lies_there_stays_and_nothing_but_an_export_is_taken(sshd: list[str], tmp_path: Path) -> None:
    make_wheel(tmp_path / "data/packages", "demo", "1.0")
    export(tmp_path / "data", tmp_path / "public")
    (tmp_path / "web/.well-known").mkdir(parents=True)
    (tmp_path / "web/robots.txt").write_text("mine")
    (tmp_path / "web/.well-known/x").write_text("mine")
    assert bring(tmp_path, sshd).returncode == 0
    whole = read_copy(tmp_path / "web")
    assert (whole["robots.txt"], whole[".well-known/x"], "simple/demo/index.html" in whole) == (b"mine", b"mine", True)
    (tmp_path / "public").rename(tmp_path / "kept")
    (tmp_path / "public").mkdir()
    done = bring(tmp_path, sshd)
    assert (done.returncode, done.stdout.endswith("expected what scripts/export wrote\n")) == (1, True)
    assert read_copy(tmp_path / "web") == whole
