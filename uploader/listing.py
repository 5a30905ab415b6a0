"""What the simple page lists: read from the page itself, the one truth about what clients see."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from store.layout import Layout

FIRST_LOOK = 0.002  # seconds
LAST_LOOK = 0.05
ALIVE = 15.0  # seconds since the indexer's last heartbeat


@dataclass(frozen=True)
class Listed:
    """One entry; `path` is relative to `packages/`, `digest` is sha256 in hex."""

    path: str
    digest: str


def read_listed(layout: Layout, project: str, filename: str) -> Listed | None:
    """How the project's page lists the file, if it does."""
    try:
        page = json.loads(layout.project_page(project).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    for entry in page["files"]:
        if entry["filename"] == filename:
            return Listed(unquote(entry["url"]).removeprefix("../../packages/"), entry["hashes"]["sha256"])
    return None


async def wait_listed(layout: Layout, project: str, listed: tuple[str, str], patience: float) -> bool:
    """True once the page lists this (file name, digest); False after `patience` seconds, or with no indexer."""
    filename, digest = listed
    deadline = time.monotonic() + patience
    pause, seen = FIRST_LOOK, None
    while True:
        mark = _mark(layout.project_page(project))
        if mark != seen:
            seen = mark
            found = read_listed(layout, project, filename)
            if found is not None and found.digest == digest:
                return True
        if time.monotonic() >= deadline or indexer_silence(layout) > ALIVE:
            return False
        await asyncio.sleep(pause)
        pause = min(2 * pause, LAST_LOOK)


def _mark(page: Path) -> tuple[int, int] | None:
    try:
        facts = page.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def indexer_silence(layout: Layout) -> float:
    """Seconds since the indexer's last heartbeat; endless where there never was one."""
    try:
        return time.time() - layout.heartbeat.stat().st_mtime
    except OSError:
        return float("inf")
