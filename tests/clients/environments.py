"""Real clients, each in an environment of its own, locked with hashes: their dependencies disagree."""

import fcntl
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.environment import install_locked
from tests.running import HERE

LOCKS = Path(__file__).parent / "locks"
DISTURBING = ("PIP_", "UV_", "TWINE_", "POETRY_", "HATCH_", "PDM_", "FLIT_", "LARDER_", "PYTHON")


def find_client(name: str, package: str = "") -> Path:
    """The program, installed into `.clients/` the first time, by one of the tests' processes."""
    package = package or name
    environment = HERE / ".clients" / package
    environment.parent.mkdir(exist_ok=True)
    with (environment.parent / f"{package}.lock").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        install_locked(environment, LOCKS / f"{package}.lock")
    return environment / "bin" / name


def run_client(
    command: Sequence[str | Path],
    home: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    disturbing: tuple[str, ...] = DISTURBING,
) -> "subprocess.CompletedProcess[str]":
    """Run it with a home directory of its own and nothing set that would disturb it; output as one text."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(disturbing)}
    # One wide line, so that a reason is not broken across several.
    kept |= {
        "HOME": str(home),
        "COLUMNS": "1000",
        "NO_COLOR": "1",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    return subprocess.run(
        [str(part) for part in command],
        env={**kept, **(env or {})},
        cwd=cwd or home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
