"""A data directory made ready: what is missing is created, what is in the way is explained, nothing else is touched."""

import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.data import Data
from store.errors import BadDirectory
from store.explain import explain
from store.lock import locked
from store.prepare import check_is_larders, check_readable, check_writable, prepare
from tests.running import HERE, run_tool

OTHER = 4321  # a user who is nobody here
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")

# Becomes OTHER once all is imported: its interpreter may lie where only root may look.
AS_OTHER = f"""
import os, sys
from pathlib import Path
from store import prepare, settings
os.setgroups([]), os.setgid({OTHER}), os.setuid({OTHER})
prepare.prepare(settings.read_settings().data, owner=(1234, 1234)) if "hand-over" in sys.argv else None
sys.exit(prepare.main())
"""


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory that OTHER may look into, but not write to; whoever else may look at pytest's own."""
    with tempfile.TemporaryDirectory(prefix="larder-open-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def data_at(root: Path) -> Data:
    return Data.at(root, root.parent / "run")


def owners(root: Path) -> dict[str, int]:
    return {str(path.relative_to(root)): path.lstat().st_uid for path in (root, *root.rglob("*"))}


def prepared_as_other(root: Path, **environment: str) -> str:
    """What somebody is told who prepares `root`; one line."""
    done = run_tool("-c", AS_OTHER, env={"LARDER_DATA": str(root), **environment}, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    return done.stderr


def test_what_is_missing_is_created(tmp_path: Path) -> None:
    data = data_at(tmp_path / "new" / "data")
    prepare(data)
    assert sorted(path.name for path in data.root.iterdir()) == [
        "auth",
        "files",
        "log",
        "packages",
        "repositories",
        "site",
        "state",
        "upstream",
    ]
    assert (data.htpasswd.read_bytes(), data.htpasswd.stat().st_mode & 0o777) == (b"", 0o640)


def test_what_is_there_stays(tmp_path: Path) -> None:
    data = data_at(tmp_path / "data")
    prepare(data)
    data.htpasswd.write_text("ann:x\n")
    data.policy.write_text("# mine\n")
    (data.root / "packages" / "x").write_text("y")
    before = {path: path.stat() for path in data.root.rglob("*")}
    prepare(data)
    assert {path: path.stat() for path in data.root.rglob("*")} == before


@pytest.mark.parametrize("name", ["hosts", "auth", "site", "state", "files"])
def test_a_directory_of_somebody_else_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(BadDirectory, match=f"{tmp_path}: this directory holds '{name}' and nothing of Larder's"):
        prepare(data_at(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "names", [[], ["lost+found"], [".gitkeep"], ["packages", "x"], ["x", "larder.toml"], ["x", "demo-1.0.tar.gz"]]
)
def test_an_empty_directory_and_one_of_larders_are_taken(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    check_is_larders(tmp_path)


def test_a_directory_whose_packages_were_moved_away_is_still_larders(tmp_path: Path) -> None:
    prepare(data_at(tmp_path))
    (tmp_path / "packages").rmdir()
    check_is_larders(tmp_path)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(BadDirectory, match=f"{tmp_path}/data: Not a directory; expected"):
        prepare(data_at(tmp_path / "data"))


@needs_root
def test_roots_directory_is_explained_with_the_command_that_mends_it(open_path: Path) -> None:
    (open_path / "data").mkdir()
    said = prepared_as_other(open_path / "data")
    assert f"{open_path}/data: uid 4321 (gid 4321) cannot write here: it belongs to 0:0, mode 0755" in said
    assert f"mend it with: sudo chown -R 4321:4321 {open_path}/data\n" in said
    assert not list((open_path / "data").iterdir())


@needs_root
def test_where_another_owners_directory_is_meant_running_as_the_owner_comes_first(open_path: Path) -> None:
    (open_path / "data").mkdir()
    os.chown(open_path / "data", 1234, 1235)
    expected = "mend it with: run as its owner (LARDER_UID=1234 LARDER_GID=1235), or sudo chown -R 4321:4321 "
    assert expected in prepared_as_other(open_path / "data")


@needs_root
def test_nothing_above_the_data_directory_is_advised_to_be_given_away(open_path: Path) -> None:
    said = prepared_as_other(open_path / "not" / "there")
    assert said.startswith(f"larder: {open_path}: uid 4321 (gid 4321) cannot write here: it belongs to 0:0")
    assert "mend it with: name another directory" in said
    assert "chown" not in said
    assert f"{open_path}/not" not in said


@needs_root
def test_a_directory_that_may_not_be_entered_is_named(open_path: Path) -> None:
    (open_path / "closed").mkdir(mode=0o700)
    said = prepared_as_other(open_path / "closed" / "data")
    assert f"{open_path}/closed: uid 4321 (gid 4321) cannot read here: it belongs to 0:0, mode 0700" in said
    assert "chown" not in said


@needs_root
def test_a_path_is_called_what_it_is_called_outside_of_the_container(open_path: Path) -> None:
    (open_path / "data").mkdir()
    said = prepared_as_other(open_path / "data", LARDER_DATA_OUTSIDE="./data")
    assert said.startswith("larder: ./data: uid 4321")
    assert said.endswith("sudo chown -R 4321:4321 ./data\n")


@needs_root
def test_pages_of_an_earlier_user_are_explained(open_path: Path) -> None:
    data = data_at(open_path / "data")
    prepare(data, owner=(OTHER, OTHER))
    os.chown(data.root, OTHER, OTHER)
    data.default.site.mkdir()
    os.chown(data.default.site, 1234, 1234)
    said = prepared_as_other(data.root)
    assert f"{data.default.site}: uid 4321 (gid 4321) cannot write here: it belongs to 1234:1234" in said


@needs_root
def test_root_hands_over_what_larder_writes_and_nothing_else(tmp_path: Path) -> None:
    data = data_at(tmp_path / "data")
    for name in ("site/default/x", "site/mine", "state/default", "packages/sub"):
        (data.root / name).mkdir(parents=True)
    for name in ("packages/demo-1.0.tar.gz", "site/mine/page.html", "larder.toml", "site/default/x/page.html"):
        (data.root / name).touch()
    (data.root / "site/default/link").symlink_to("/etc")
    prepare(data, owner=(OTHER, OTHER))
    kept = {".", "larder.toml", "packages/sub", "packages/demo-1.0.tar.gz", "site/mine", "site/mine/page.html"}
    assert owners(data.root) == {name: 0 if name in kept else OTHER for name in owners(data.root)}
    assert {Path("/etc").stat().st_uid, Path("/etc/hostname").stat().st_uid} == {0}


@needs_root
@pytest.mark.parametrize("name", ["default", "state/default"])
def test_root_follows_no_link_in_the_place_of_derived_directories(tmp_path: Path, name: str) -> None:
    data = data_at(tmp_path / "data")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").touch()
    data.policy.parent.mkdir()
    data.policy.touch()
    path = data.root / (f"site/{name}" if name == "default" else name)
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere")
    prepare(data, owner=(OTHER, OTHER))
    assert (tmp_path / "elsewhere" / "precious").stat().st_uid == 0


@needs_root
@pytest.mark.parametrize("name", ["site", "state", "packages", "auth"])
def test_root_gives_nothing_away_that_a_link_leads_to(tmp_path: Path, name: str) -> None:
    data = data_at(tmp_path / "data")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").touch()
    (tmp_path / "elsewhere" / ".htpasswd").touch()
    data.policy.parent.mkdir()
    data.policy.touch()
    (data.root / name).symlink_to(tmp_path / "elsewhere")
    if name in ("site", "state"):
        with pytest.raises(BadDirectory, match="this directory holds 'precious'"):
            prepare(data, owner=(OTHER, OTHER))
    else:
        prepare(data, owner=(OTHER, OTHER))
    assert {path.stat().st_uid for path in (tmp_path / "elsewhere", *(tmp_path / "elsewhere").iterdir())} == {0}


@pytest.mark.parametrize("where", ["site", "state"])
def test_pages_are_not_sent_to_a_directory_with_other_things_in_it(tmp_path: Path, where: str) -> None:
    data = dataclasses.replace(data_at(tmp_path / "data"), **{where: tmp_path / "elsewhere"})
    (tmp_path / "elsewhere").mkdir()
    prepare(data)
    (tmp_path / "elsewhere" / "default").mkdir()
    prepare(data)
    (tmp_path / "elsewhere" / "thesis.tex").touch()
    with pytest.raises(BadDirectory, match=r"elsewhere: this directory holds 'thesis\.tex'; expected an empty one"):
        prepare(data)


@needs_root
def test_nobody_but_root_hands_anything_over(open_path: Path) -> None:
    data = data_at(open_path / "data")
    prepare(data, owner=(OTHER, OTHER))
    os.chown(data.root, OTHER, OTHER)
    os.chown(data.site, 0, 0)
    data.site.chmod(0o777)
    run_tool("-c", AS_OTHER, "hand-over", env={"LARDER_DATA": str(data.root)})
    assert data.site.stat().st_uid == 0


@needs_root
def test_what_belongs_to_somebody_else_is_not_handed_over(tmp_path: Path) -> None:
    data = data_at(tmp_path / "data")
    prepare(data)
    os.chown(data.htpasswd, 1234, 1234)
    os.chown(data.default.packages, 1234, 1234)
    prepare(data, owner=(OTHER, OTHER))
    assert (data.htpasswd.stat().st_uid, data.default.packages.stat().st_uid) == (1234, 1234)


@needs_root
@pytest.mark.parametrize(("before", "after"), [(0o700, 0o750), (0o770, 0o750), (0o755, 0o755), (0o711, 0o751)])
def test_a_closed_directory_of_roots_lets_the_programs_in_and_nobody_else(
    tmp_path: Path, before: int, after: int
) -> None:
    data = data_at(tmp_path / "data")
    data.root.mkdir()
    data.root.chmod(before)
    prepare(data, owner=(OTHER, OTHER))
    prepare(data, owner=(OTHER, OTHER))
    facts = data.root.stat()
    assert (facts.st_uid, facts.st_gid, facts.st_mode & 0o7777) == (0, 0 if before == 0o755 else OTHER, after)


def test_a_second_larder_is_told(tmp_path: Path) -> None:
    data = data_at(tmp_path)
    with (
        locked(data),
        pytest.raises(BadDirectory, match=f"{tmp_path}: another Larder serves this directory already"),
        locked(data),
    ):
        pass
    with locked(data):
        pass


def test_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from store.data import Data; from store.lock import locked\n"
        "root = Path(sys.argv[1])\n"
        "with locked(Data.at(root, root)): print('held', flush=True), time.sleep(60)\n"
    )
    command = [sys.executable, "-P", "-c", script, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(BadDirectory), locked(data_at(tmp_path)):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with locked(data_at(tmp_path)):
        pass


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    data = data_at(tmp_path)
    with pytest.raises(BadDirectory, match="gone: No such file or directory; expected"):
        check_writable([tmp_path / "gone"], tmp_path)
    check_readable(tmp_path / "gone", tmp_path)
    data.htpasswd.mkdir(parents=True)
    with pytest.raises(BadDirectory, match=r"\.htpasswd: Is a directory; expected"):
        check_readable(data.htpasswd, tmp_path)
    said = explain(tmp_path, tmp_path, OSError(30, "Read-only file system"))
    assert said == f"{tmp_path}: Read-only file system; expected what uid {os.geteuid()} can write"
