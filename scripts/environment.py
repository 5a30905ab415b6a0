"""Environments of other programs, each made from a lock file: what the benchmark and the tests run for comparison."""

import subprocess
import sys
from pathlib import Path


def install_locked(environment: Path, lock: Path) -> None:
    """Make the environment as it is locked, with hashes, unless it is so already."""
    marker = environment / lock.name
    if marker.exists() and marker.read_bytes() == lock.read_bytes():
        return
    uv = str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)], check=True)
    install = [uv, "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)]
    subprocess.run([*install, "--python", str(environment / "bin/python")], check=True)
    marker.write_bytes(lock.read_bytes())
