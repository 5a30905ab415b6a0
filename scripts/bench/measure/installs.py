"""pip and uv installing, from Larder and from bare nginx with the same pages and files."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.bench.figures import install_key
from scripts.bench.machine import metered
from scripts.bench.measure.bench import Bench, timed
from scripts.bench.results import LARDER, LIMIT
from scripts.bench.talk import HOST


def measure(bench: Bench) -> None:
    """With an empty cache, and again with what that left in it."""
    servers = ((LARDER, bench.larder.port), (LIMIT, bench.bare.port))
    for turn in bench.rounds("installs"):
        for name, port in servers[:: -1 if turn % 2 else 1]:
            measure_from(bench, name, port, "/simple/")


def measure_from(bench: Bench, name: str, port: int, simple: str) -> None:
    """Both clients, each with an empty cache and again with what that left in it."""
    home = bench.work / "home"
    for client in ("pip", "uv"):
        command = command_of(client, home, f"http://{HOST}:{port}{simple}", bench.installed)
        for cache in ("cold", "warm"):
            sample = metered(lambda command=command: timed(lambda: _run(command, home)))  # type: ignore[misc]
            bench.results.add(install_key(client, cache), name, sample)
            shutil.rmtree(home / "target")
        shutil.rmtree(home)


def command_of(client: str, home: Path, index: str, projects: Sequence[str]) -> list[str]:
    """Install the newest releases below `home`, where the cache is as well, from this index and no other."""
    where = ["--target", str(home / "target"), "--cache-dir", str(home / "cache"), "--index-url", index]
    if client == "pip":
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        return [*pip, "install", "--quiet", *where, "--trusted-host", HOST, *projects]
    uv = str(Path(sys.executable).parent / "uv")
    return [uv, "pip", "install", "--quiet", "--no-config", "--python", sys.executable, *where, *projects]


def _run(command: list[str], home: Path) -> None:
    """With nothing set that would lead it elsewhere; RuntimeError with what it said where it fails."""
    home.mkdir(exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "PYTHON"))}
    environment = {**kept, "HOME": str(home), "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
