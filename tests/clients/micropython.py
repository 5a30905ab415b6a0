"""Debian's MicroPython: the machine's own, or trixie's beside the checkout, verified by apt and not installed."""

import contextlib
import functools
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.running import HERE

SUITE = "trixie"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TREE = HERE / ".cache" / f"micropython-{SUITE}-{platform.machine()}"


@functools.cache
def find_micropython() -> list[str]:
    """The command that runs it, fetched first where need be."""
    own = shutil.which("micropython")
    if own:
        return [own]
    if not TREE.exists():
        _fetch()
    loader = next((TREE / "usr/lib").glob("*/ld-linux*.so.*"))
    return [str(loader), "--library-path", str(loader.parent), str(TREE / "usr/bin/micropython")]


def _fetch() -> None:
    """Have apt download it and all it needs, its own state untouched, and unpack that into TREE."""
    if not (shutil.which("apt-get") and KEYRING.exists()):
        pytest.fail("no micropython on PATH, nor apt-get and debian-archive-keyring to fetch Debian's with")
    TREE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TREE.parent, prefix="micropython-") as directory:
        place = Path(directory)
        place.chmod(0o755)  # apt downloads as _apt
        environment = {**os.environ, "APT_CONFIG": str(_configure_apt(place)), "LC_ALL": "C"}
        _run(["apt-get", "update"], environment)
        _run(["apt-get", "install", "--yes", "--download-only", "--no-install-recommends", "micropython"], environment)
        for package in (place / "cache/archives").glob("*.deb"):
            _run(["dpkg", "--extract", str(package), str(place / "tree")], environment)
        with contextlib.suppress(OSError):  # another run was quicker
            (place / "tree").rename(TREE)


def _configure_apt(place: Path) -> Path:
    """What the machine says of fetching (mirror, proxy), and nothing else of it: no sources, state or hooks."""
    for directory in ("state/lists/partial", "cache/archives/partial"):
        (place / directory).mkdir(parents=True)
    (place / "state/status").touch()
    (place / "sources.list").write_text(f"deb [signed-by={KEYRING}] {_mirror()} {SUITE} main\n")
    fetching = [line for line in _run(["apt-config", "dump"]).splitlines() if line.startswith("Acquire::")]
    fetching = [line for line in fetching if not line.startswith("Acquire::IndexTargets")]
    private = {
        "Dir::State": place / "state",
        "Dir::State::status": place / "state/status",
        "Dir::Cache": place / "cache",
        "Dir::Log": place,
        "Dir::Etc::SourceList": place / "sources.list",
        **dict.fromkeys(("Dir::Etc::SourceParts", "Dir::Etc::Main", "Dir::Etc::Parts"), "/dev/null"),
        **dict.fromkeys(("Dir::Etc::Preferences", "Dir::Etc::PreferencesParts"), "/dev/null"),
        "Acquire::Languages": "none",
        "Acquire::AllowInsecureRepositories": "false",
        "APT::Get::AllowUnauthenticated": "false",
    }
    config = place / "apt.conf"
    config.write_text("\n".join([*fetching, *(f'{key} "{value}";' for key, value in private.items())]) + "\n")
    return config


def _mirror() -> str:
    """Where the machine has its own Debian from."""
    listing = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main"])
    debian = [uri for uri in listing.splitlines() if uri.rstrip("/").endswith("/debian")]
    return debian[0] if debian else "http://deb.debian.org/debian"


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"cannot fetch Debian {SUITE}'s micropython: {' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout
