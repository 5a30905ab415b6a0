"""`scripts/user`, as far as it is the uploader's."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from store import VERSION
from tests.running import HERE, run_tool
from uploader import users
from uploader.auth.hashes import matches
from uploader.auth.htpasswd import parse_users

COMMAND = ("-m", "uploader.users")


def run(data: Path, *arguments: str, stdin: str = "", check: bool = True) -> "subprocess.CompletedProcess[str]":
    return run_tool(*COMMAND, "--data", str(data), *arguments, stdin=stdin, check=check)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    found = tmp_path / "data"
    found.mkdir()
    return found


def test_users_come_change_and_go(data: Path) -> None:
    for name, password in (("zoe", "first"), ("ann", "x"), ("zoe", "second")):
        run(data, "add", name, "--stdin", stdin=password + "\n")
    assert run(data, "list").stdout.split() == ["ann", "zoe"]
    found, _ = parse_users((data / "auth/.htpasswd").read_bytes())
    assert matches(b"second", found["zoe"])
    assert not matches(b"first", found["zoe"])
    run(data, "remove", "zoe")
    assert run(data, "list").stdout.split() == ["ann"]
    assert [path.name for path in (data / "auth").iterdir()] == [".htpasswd"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "reason"),
    [
        (["add", "a:b", "--stdin"], "x\n", "'a:b' is no user name"),
        (["add", "a\nb", "--stdin"], "x\n", "'a\\nb' is no user name"),
        (["add", "#ann", "--stdin"], "x\n", "is no user name"),
        (["add", "", "--stdin"], "x\n", "'' is no user name"),
        (["add", "@ops", "--stdin"], "x\n", "'@ops' could not be named in larder.toml"),
        (["add", "authenticated", "--stdin"], "x\n", "'authenticated' could not be named in larder.toml"),
        (["add", "ann", "--stdin"], "\n", "this password"),
        (["add", "ann", "--stdin"], "", "this password"),
        (["add", "ann", "--stdin"], "x" * 10_000 + "\n", "this password"),
        (["add", "ann", "--stdin"], "pässword\n", "this password"),
        (["remove", "nobody"], "", "'nobody' is no user; expected one"),
        (["add", "ann"], "x\n", "no terminal to ask for the password; expected one, or --stdin"),
        (["add", "ann"], "", "no terminal"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(data: Path, arguments: list[str], stdin: str, reason: str) -> None:
    command = [sys.executable, *COMMAND, "--data", str(data), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        command, input=stdin, env=environment, capture_output=True, text=True, start_new_session=True, check=False
    )
    assert (done.returncode, reason in done.stderr, done.stderr.count("\n")) == (1, True, 1), done.stderr
    assert (data / "auth/.htpasswd").read_text() == ""


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["--data", "/nowhere/at/all"], "/nowhere/at/all: there is no such directory; expected the data directory"),
        (["--data", ""], "--data=''; expected the path of a directory"),
        (["--data", __file__], "there is no such directory"),
        (["--data", "/etc"], "nothing of Larder's"),
    ],
)
def test_a_directory_that_is_none_of_larders_is_refused(given: list[str], reason: str) -> None:
    done = run_tool(*COMMAND, *given, "list", check=False)
    assert (done.returncode, reason in done.stderr, done.stderr.count("\n")) == (1, True, 1), done.stderr
    assert not Path("/nowhere").exists()


def test_an_empty_variable_is_refused(data: Path) -> None:
    done = run_tool(*COMMAND, "list", env={"LARDER_DATA": ""}, check=False)
    assert (done.returncode, done.stderr) == (1, "user: LARDER_DATA=''; expected the path of a directory\n")
    assert run_tool(*COMMAND, "list", env={"LARDER_DATA": str(data)}).stdout == ""


def test_the_version_is_shown() -> None:
    assert run_tool(*COMMAND, "--version").stdout == f"larder {VERSION}\n"


def test_names_are_shown_safely(data: Path) -> None:
    (data / "auth").mkdir()
    (data / "auth/.htpasswd").write_bytes(b"\x1b[31mred:{PLAIN}x\n\xff:{PLAIN}x\nann:{PLAIN}x\n")
    assert run(data, "list").stdout == "'\\x1b[31mred'\nann\n'\\udcff'\n"
    done = run(data, "remove", "bob", check=False)
    assert done.stderr == "user: 'bob' is no user; expected one of '\\x1b[31mred', 'ann', '\\udcff'\n"


def test_other_lines_owner_and_mode_stay(data: Path) -> None:
    file = data / "auth/.htpasswd"
    file.parent.mkdir()
    file.write_bytes(b"# ours\n\nbob:nonsense\n\xff:{PLAIN}x\nann:{PLAIN}x\n")
    file.chmod(0o604)
    if os.geteuid() == 0:
        os.chown(file, 1234, 1235)
    before = file.stat()
    run(data, "remove", "ann")
    assert file.read_bytes() == b"# ours\n\nbob:nonsense\n\xff:{PLAIN}x\n"
    assert (file.stat().st_mode, file.stat().st_uid, file.stat().st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )


def test_a_link_stays_a_link(data: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (data / "auth").mkdir()
    (data / "auth/.htpasswd").symlink_to(tmp_path / "elsewhere")
    run(data, "add", "ann", "--stdin", stdin="x\n")
    assert (data / "auth/.htpasswd").is_symlink()
    assert (tmp_path / "elsewhere").read_text().startswith("ann:{SSHA}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_creates_is_the_data_directorys_owners(data: Path) -> None:
    os.chown(data, 1234, 1235)
    run(data, "add", "ann", "--stdin", stdin="x\n")
    for path in (data / "auth", data / "auth/.htpasswd"):
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1235)


def test_a_file_that_cannot_be_read_is_one_line(data: Path) -> None:
    (data / "auth/.htpasswd").mkdir(parents=True)
    for arguments in (["list"], ["remove", "ann"], ["add", "ann", "--stdin"]):
        done = run(data, *arguments, stdin="x\n", check=False)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert "auth/.htpasswd: Is a directory" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="another owner takes root")
def test_a_file_of_somebody_else_is_one_line_with_its_owner(data: Path) -> None:
    run(data, "add", "ann", "--stdin", stdin="x\n")
    for path in data.iterdir():
        os.chown(path, 1234, 1235)
    os.chown(data / "auth/.htpasswd", 1234, 1235)
    (data / "auth").chmod(0o755)
    (data / "auth/.htpasswd").chmod(0o644)
    (data / "auth").chmod(0o755)
    for parent in [data, *data.parents][:-2]:
        parent.chmod(0o755)
    drop = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        sys.executable,
        *COMMAND,
        "--data",
        str(data),
    ]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        [*drop, "add", "bob", "--stdin"], input="x\n", env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "it belongs to 1234:1235, mode 0755" in done.stderr
    assert subprocess.check_output([*drop, "list"], env=environment, text=True) == "ann\n"


def test_an_interrupt_is_one_line(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: str) -> str:
        signal.raise_signal(signal.SIGINT)
        return ""

    monkeypatch.setattr("getpass.getpass", interrupt)
    monkeypatch.setattr("sys.argv", ["user", "--data", str(data), "add", "ann"])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs this in the background ignores it
    try:
        assert users.main() == 1
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "user: interrupted; nothing was changed\n"
