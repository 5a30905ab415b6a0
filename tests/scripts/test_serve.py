"""`scripts/serve`: three programs in the foreground, as nobody in particular, and nothing left of them."""

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.supervise.limits import READ_ALL, can_give
from store import VERSION
from tests.archives import make_wheel
from tests.conftest import Start
from tests.running import HERE, PASSWORD, USER, Larder, alive, basic, free_port, let_others_pass, wait_until

PROGRAMS = ("nginx", "uploader", "indexer")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to start programs as another user")
CLOSED = '[repositories.default]\ndownload = ["authenticated"]\nupload = []\n'


def descendants(pid: int) -> set[int]:
    listing = subprocess.check_output(["ps", "-eo", "pid=,ppid="], text=True)
    pairs = [(int(child), int(parent)) for child, parent in (line.split() for line in listing.splitlines())]
    found, grown = {pid}, True
    while grown:
        more = {child for child, parent in pairs if parent in found} - found
        grown = bool(more)
        found |= more
    return found - {pid}


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: " ".join(value.split()) for name, _, value in (line.partition(":") for line in lines)}


def serve(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """What `scripts/serve` says that cannot start; it is given ten seconds."""
    variables = {"PATH": os.environ["PATH"], "HOME": "/", **environment}
    command = [str(HERE / "scripts/serve"), *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=10)


def refusal(*arguments: str, **environment: str) -> str:
    done = serve(*arguments, **environment)
    assert done.returncode in (1, 2)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1), done.stderr
    assert done.stderr.startswith("serve: ")
    return done.stderr


def wait_well(larder: Larder) -> None:
    def is_well() -> bool:
        with contextlib.suppress(OSError):
            return larder.get("/health").status == 200
        return False

    wait_until(is_well, 20)


# Nothing is left


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_and_leaves_nothing(larder: Larder, number: signal.Signals) -> None:
    process, run = larder.process, larder.run
    assert process is not None
    make_wheel(larder.packages, "demo", "1.0")
    family = descendants(process.pid)
    assert (run / "uploader/uploader.sock").exists()
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(10) == 0
    assert time.monotonic() - began < 5
    assert not [pid for pid in family if alive(pid)]
    assert not run.parent.exists()
    larder.process = None


def test_no_program_outlives_a_supervisor_that_is_killed(larder: Larder) -> None:
    process, run = larder.process, larder.run
    assert process is not None
    family = descendants(process.pid)
    process.kill()
    process.wait()
    larder.process = None
    wait_until(lambda: not [pid for pid in family if alive(pid)], 10)
    subprocess.run(["rm", "-rf", str(run.parent)], check=True)
    larder.start()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_dies_is_started_again(larder: Larder, name: str) -> None:
    [before] = larder.pids(name)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: larder.pids(name) not in ([], [before]))
    wheel = make_wheel(larder.packages, "after-death", "1.0")
    wait_until(lambda: f"serve: WARNING {name} ended with -9; it starts again in" in larder.log)
    wait_well(larder)
    larder.wait_listed("after-death", wheel)


# One Larder for one directory


def test_two_run_side_by_side(start_larder: Start, tmp_path: Path) -> None:
    first, second = start_larder(tmp_path / "first"), start_larder(tmp_path / "second")
    wheel = make_wheel(first.packages, "mine", "1.0")
    first.wait_listed("mine", wheel)
    assert second.get("/simple/mine/").status == 404


def test_a_second_one_on_the_same_directory_says_so_and_ends(larder: Larder) -> None:
    said = refusal("--data", str(larder.data), "--host", "127.0.0.1", "--port", str(free_port()))
    assert said == f"serve: {larder.data}: another Larder serves this directory already\n"
    assert larder.get("/health").status == 200


def test_of_two_that_start_at_once_one_serves(larder: Larder) -> None:
    """The other one has looked before there was anybody: its indexer finds out."""
    assert larder.process is not None
    descriptor = os.open(larder.data, os.O_RDONLY)
    try:
        os.kill(larder.pids("indexer")[0], signal.SIGKILL)
        wait_until(lambda: takes_lock(descriptor))
        assert larder.process.wait(20) == os.EX_CONFIG
    finally:
        os.close(descriptor)
    assert f"{larder.data}: another Larder serves this directory already" in larder.log
    larder.process = None


def takes_lock(descriptor: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


# Nobody is root


@needs_root
@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_that_faces_the_network_is_root(larder: Larder, name: str) -> None:
    [program] = larder.pids(name)
    for pid in (program, *descendants(program)):
        status = status_of(pid)
        assert "0" not in status["Uid"].split() + status["Gid"].split() + status["Groups"].split()
        assert status["NoNewPrivs"] == "1"
        kept = {int(value, 16) for key, value in status.items() if key.startswith("Cap")}
        few = (1 << 2) | (
            1 << 28
        )  # dac_read_search where python3 is root's own; lease to see larder.toml being written
        assert not [value for value in kept if value & ~(0 if name == "nginx" else few)], name


@needs_root
def test_files_belong_to_the_owner_of_the_directory(start_larder: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    os.chown(tmp_path / "data", 4321, 4321)
    larder = start_larder()
    assert {status_of(pid)["Uid"].split()[0] for name in PROGRAMS for pid in larder.pids(name)} == {"4321"}
    assert {path.lstat().st_uid for path in larder.data.rglob("*")} == {4321}


@needs_root
def test_they_run_as_the_one_who_is_named(start_larder: Start) -> None:
    larder = start_larder(LARDER_UID="4321", LARDER_GID="4322")
    assert {status_of(pid)["Uid"].split()[0] for name in PROGRAMS for pid in larder.pids(name)} == {"4321"}
    assert (larder.data.stat().st_uid, larder.packages.stat().st_uid) == (0, 4321)
    assert "LARDER_UID='0'" in refusal(LARDER_UID="0")


@needs_root
def test_a_directory_that_only_root_can_get_to_is_served(start_larder: Start, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    if not can_give(READ_ALL):
        said = refusal("--data", str(tmp_path / "closed" / "data"), "--port", str(free_port()))
        assert "may not pass here" in said
        return
    larder = start_larder(tmp_path / "closed" / "data")
    wheel = make_wheel(larder.packages, "demo", "1.0")
    larder.wait_listed("demo", wheel)
    assert larder.get(f"/packages/{wheel.name}").body == wheel.read_bytes()
    assert status_of(larder.pids("nginx")[0])["CapEff"] == "0" * 16


@needs_root
def test_a_directory_of_roots_own_is_served(start_larder: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    larder = start_larder()
    make_wheel(larder.packages, "demo", "1.0")
    wait_until(lambda: larder.get("/simple/demo/").status == 200)
    assert (larder.data.stat().st_uid, larder.data.stat().st_mode & 0o777) == (0, 0o750)


# What is wrong is said before anything starts


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ((), {"LARDER_PORT": "zzz"}, "LARDER_PORT='zzz'; expected a whole number from 1 to 65535"),
        (("--port", "-5"), {}, "--port='-5'; expected a whole number from 1 to 65535"),
        (("--port", "zzz"), {}, "--port='zzz'; expected a whole number from 1 to 65535"),
        (("--data", ""), {}, "--data=''; expected the path of a directory"),
        ((), {"LARDER_DATA": ""}, "LARDER_DATA=''; expected the path of a directory"),
        ((), {"LARDER_LOG_LEVEL": "debug"}, "LARDER_LOG_LEVEL='debug'; expected one of DEBUG, INFO, WARNING, ERROR"),
        ((), {"LARDER_WATCH": "bogus"}, "LARDER_WATCH='bogus'; expected one of auto, poll"),
        ((), {"LARDER_POLL_INTERVAL": "0"}, "LARDER_POLL_INTERVAL='0'; expected seconds, more than 0"),
        ((), {"LARDER_LISTING_WAIT": "x"}, "LARDER_LISTING_WAIT='x'; expected seconds, more than 0"),
        (("--host", "203.0.113.1"), {}, "cannot listen on 203.0.113.1:"),
        (("--host", "no-such-host.invalid"), {}, "cannot listen on no-such-host.invalid:"),
    ],
)
def test_a_setting_that_cannot_be_is_said(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], expected: str
) -> None:
    settings = {"LARDER_DATA": str(tmp_path / "data"), "LARDER_PORT": str(free_port()), **environment}
    assert refusal(*arguments, **settings).startswith(f"serve: {expected}")
    assert not list(tmp_path.iterdir())


def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    said = refusal("--data", "/etc", "--port", str(free_port()))
    assert said.startswith("serve: /etc: this directory holds ")
    assert "chown" not in said
    assert not Path("/etc/packages").exists()


def test_a_port_that_is_taken_is_named(larder: Larder, tmp_path: Path) -> None:
    said = refusal("--data", str(tmp_path / "other"), "--host", "127.0.0.1", "--port", str(larder.port))
    assert f"127.0.0.1:{larder.port}" in said
    assert "--port N takes another" in said


@needs_root
def test_packages_of_another_owner_are_explained_and_nothing_starts(tmp_path: Path) -> None:
    let_others_pass(tmp_path / "data")
    (tmp_path / "data" / "packages").mkdir(parents=True)
    os.chown(tmp_path / "data" / "packages", 1234, 1235)
    said = refusal("--data", str(tmp_path / "data"), "--port", str(free_port()))
    assert f"{tmp_path}/data/packages: uid " in said
    assert "mend it with: run as its owner (LARDER_UID=1234 LARDER_GID=1235), or sudo chown" in said


def test_the_version_is_said() -> None:
    assert serve("--version").stdout == f"larder {VERSION}\n"


# The greeting


def test_the_commands_to_use_it_are_printed(larder: Larder) -> None:
    assert f"pip install --index-url {larder.url}/simple/ NAME" in larder.log
    assert f"twine upload --repository-url {larder.url}/ dist/*" in larder.log
    assert f"cp dist/* {larder.packages}/" in larder.log


def test_what_is_wrong_is_said_with_the_greeting(tmp_path: Path, start_larder: Start) -> None:
    larder = start_larder()
    larder.stop()
    (larder.data / "larder.toml").write_text("download = nonsense\n")
    larder.start(healthy=False)
    assert larder.get("/simple/").status == 200  # what was in force stays


def test_serve_script_works_from_a_bare_shell(tmp_path: Path) -> None:
    """As the README has it: nothing but the script and its options, in whatever directory."""
    let_others_pass(tmp_path / "data")
    for trap in ("store", "scripts", "indexer", "uploader", "json"):
        (tmp_path / trap).mkdir()
        (tmp_path / trap / "__init__.py").write_text("raise SystemExit('imported from where the person stands')")
    command = [str(HERE / "scripts/serve"), "--data", "data", "--host", "127.0.0.1", "--port", str(free_port())]
    environment = {"PATH": os.environ["PATH"], "HOME": "/"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=tmp_path)
    try:
        wait_until(lambda: "Ctrl-C stops it" in (tmp_path / "log").read_text(), 60)
        assert (tmp_path / "data" / "packages").exists()
    finally:
        process.terminate()
        process.wait(10)


# A policy changed while everything was stopped


@contextlib.contextmanager
def asking(ask: Callable[[], int]) -> Iterator[list[int]]:
    """Meanwhile ask again and again; the statuses, 0 where nobody answered."""
    statuses: list[int] = []
    done = threading.Event()

    def repeat() -> None:
        while not done.is_set():
            try:
                statuses.append(ask())
            except OSError:
                statuses.append(0)
                time.sleep(0.001)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield statuses
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("name", ["larder.toml", "nothing"])
def test_what_was_closed_while_stopped_is_closed_from_the_first_request_on(larder: Larder, name: str) -> None:
    """The file may even be gone again when it starts: then what was in force last is."""
    wheel = make_wheel(larder.packages, "secret", "1.0")
    larder.wait_listed("secret", wheel)
    if name == "nothing":
        (larder.data / "larder.toml").write_text(CLOSED)
        wait_until(lambda: larder.get("/simple/").status == 401)
    larder.stop()
    if name == "nothing":
        (larder.data / "larder.toml").unlink()
    else:
        (larder.data / "larder.toml").write_text(CLOSED)
    with asking(lambda: larder.get("/simple/secret/").status) as statuses:
        larder.start(healthy=name != "nothing")
        wait_until(lambda: larder.get("/simple/secret/", **basic(USER, PASSWORD)).status == 200)
        wait_until(lambda: statuses.count(401) > 10)
    assert 200 not in statuses
