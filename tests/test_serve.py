"""`scripts/serve`: three programs in the foreground, and nothing left of them."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.archives import make_wheel
from tests.conftest import Start
from tests.running import HERE, Larder, free_port, run_tool, wait_until


def descendants(pid: int) -> set[int]:
    listing = subprocess.check_output(["ps", "-eo", "pid=,ppid="], text=True)
    pairs = [(int(child), int(parent)) for child, parent in (line.split() for line in listing.splitlines())]
    found, grown = {pid}, True
    while grown:
        more = {child for child, parent in pairs if parent in found} - found
        grown = bool(more)
        found |= more
    return found - {pid}


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_and_leaves_nothing(larder: Larder, tmp_path: Path, number: signal.Signals) -> None:
    process = larder.process
    assert process is not None
    make_wheel(larder.packages, "demo", "1.0")
    family = descendants(process.pid)
    [uploader] = larder.pids("uploader")
    place = Path(f"/proc/{uploader}/cwd").resolve()
    assert (place / "run/uploader.sock").exists()
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(10) == 0
    assert time.monotonic() - began < 5
    assert not [pid for pid in family if alive(pid)]
    assert not place.exists()
    assert not list((larder.data / "incoming").iterdir())
    larder.process = None


@pytest.mark.parametrize("name", ["nginx", "uploader", "indexer"])
def test_a_program_that_dies_is_started_again(larder: Larder, name: str) -> None:
    [before] = larder.pids(name)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: larder.pids(name) not in ([], [before]))
    wheel = make_wheel(larder.packages, "after-death", "1.0")
    wait_until(lambda: f"serve: {name} ended" in larder.log)
    wait_until(lambda: not refuses(larder))
    larder.wait_listed("after-death", wheel)


def refuses(larder: Larder) -> bool:
    try:
        return larder.get("/health").status != 200
    except ConnectionError:
        return True


def test_two_run_side_by_side(start_larder: Start, tmp_path: Path) -> None:
    first, second = start_larder(tmp_path / "first"), start_larder(tmp_path / "second")
    wheel = make_wheel(first.packages, "mine", "1.0")
    first.wait_listed("mine", wheel)
    assert second.get("/simple/mine/").status == 404


def test_the_commands_to_use_it_are_printed(larder: Larder) -> None:
    assert f"pip install --index-url {larder.url}/simple/ NAME" in larder.log
    assert f"twine upload --repository-url {larder.url}/ dist/*" in larder.log
    assert f"cp dist/* {larder.packages}/" in larder.log


def test_a_port_that_is_taken_is_named(larder: Larder, tmp_path: Path) -> None:
    command = [str(HERE / "scripts/supervise.py"), "--data", str(tmp_path / "other")]
    done = run_tool(*command, "--host", "127.0.0.1", "--port", str(larder.port), check=False)
    assert (done.returncode, f"127.0.0.1:{larder.port}" in done.stderr) == (1, True)


def test_a_data_directory_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    (tmp_path / "data").mkdir(mode=0o755)
    for place in (tmp_path, *tmp_path.parents[:2]):
        place.chmod(0o755)
    script = (
        "import os, sys; from pathlib import Path; from store.layout import Layout, prepare\n"
        "os.setgid(4321); os.setuid(4321)\n"
        "prepare(Layout(Path(sys.argv[1])))\n"
    )
    done = run_tool("-c", script, str(tmp_path / "data"), check=False)
    expected = f"{tmp_path}/data: uid 4321 (gid 4321) cannot write here: it belongs to 0:0, mode 0755"
    assert expected in done.stderr
    assert f"sudo chown -R 4321:4321 {tmp_path}/data" in done.stderr


@pytest.mark.parametrize(
    ("variable", "reason"),
    [
        ("LARDER_WATCH", "LARDER_WATCH='x'; expected one of auto, poll"),
        ("LARDER_POLL_INTERVAL", "LARDER_POLL_INTERVAL='x'; expected seconds"),
        ("LARDER_LOG_LEVEL", "LARDER_LOG_LEVEL='x'; expected one of"),
    ],
)
def test_a_setting_that_cannot_be_is_said(tmp_path: Path, variable: str, reason: str) -> None:
    done = run_tool("-m", "indexer", check=False, env={"LARDER_DATA": str(tmp_path), variable: "x"})
    assert (done.returncode, reason in done.stderr) == (1, True)


def test_serve_script_works_from_a_bare_shell(tmp_path: Path) -> None:
    """As the README has it: nothing but the script and its options."""
    port = free_port()
    command = [
        str(HERE / "scripts/serve"),
        "--data",
        str(tmp_path / "data"),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"], "HOME": "/"})
    try:
        wait_until(lambda: "Ctrl-C stops it" in (tmp_path / "log").read_text(), 60)
    finally:
        process.terminate()
        process.wait(10)
