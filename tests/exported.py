"""Exports as a test makes them, and a web server that knows nothing but files."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.running import HERE, free_port, run_tool, wait_until


def export(data: Path, target: Path, *options: str | Path, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return run_tool("-P", "-m", "indexer.export", "--data", str(data), str(target), *map(str, options), check=check)


@contextlib.contextmanager
def exporting(data: Path, target: Path, *options: str) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    """One that goes on meanwhile, until it is stopped at the end; and what it says."""
    command = [sys.executable, "-P", "-m", "indexer.export", "--data", str(data), str(target), *options]
    log = target.with_name(f"{target.name}.log")
    with log.open("wb") as file:
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        yield process, log
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[str]:
    """Its files, by the server of the standard library; the address."""
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(directory), str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: listens(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def list_files(directory: Path) -> set[str]:
    """All but what says whose the directory is."""
    found = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    return found - {".larder-export"}


def snapshot(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Path → inode, modification time and content."""
    return {
        path: ((directory / path).stat().st_ino, (directory / path).stat().st_mtime_ns, (directory / path).read_bytes())
        for path in list_files(directory)
    }
