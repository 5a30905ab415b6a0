"""Fixtures: a Larder of one's own, or one that a module's tests share."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running import Larder, free_port, running_in, wait_until

Start = Callable[..., Larder]


@pytest.fixture
def start_larder(tmp_path: Path) -> Iterator[Start]:
    """Start a Larder on `tmp_path/data`, or another directory; stopped at the end."""
    started: list[Larder] = []

    def start(data: Path | None = None, *, healthy: bool = True, **environment: str) -> Larder:
        found = Larder(data or tmp_path / "data", free_port(), tmp_path / f"log-{len(started)}", environment)
        started.append(found)
        found.start(healthy=healthy)
        return found

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def larder(start_larder: Start) -> Larder:
    """A Larder with one user."""
    found = start_larder()
    found.add_user()
    return found


@pytest.fixture(scope="module")
def shared_larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    """A Larder with one user, for tests that do not get in each other's way."""
    place = tmp_path_factory.mktemp("shared")
    with running_in(place) as found:
        found.add_user()
        yield found


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A real sshd of our own; the options that make scp and rsync use it."""
    place = tmp_path_factory.mktemp("sshd")
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / key)], check=True)
    port = free_port()
    config = place / "config"
    config.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {place}/host\nAuthorizedKeysFile {place}/user.pub\n"
        f"PidFile {place}/pid\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    path = os.environ["PATH"] + ":/usr/sbin"
    server = shutil.which("sshd", path=path)
    assert server
    with (place / "log").open("wb") as log:
        process = subprocess.Popen([server, "-D", "-e", "-f", str(config)], stderr=log)
    options = ["-P", str(port), "-i", str(place / "user"), "-o", "StrictHostKeyChecking=no"]
    options += ["-o", f"UserKnownHostsFile={place}/known", "-o", "LogLevel=ERROR"]
    wait_until(lambda: "listening" in (place / "log").read_text())
    yield options
    process.terminate()
    process.wait()
