"""Waiting until a project's page lists what was stored: read your writes."""

import asyncio
import time

from store.data import Data
from store.heartbeat import ALIVE, read_heartbeat
from store.listing import listing_version, read_listing
from store.repository import Repository
from uploader.upload.check import Candidate

FIRST_LOOK = 0.002  # seconds
LAST_LOOK = 0.05


async def wait_listed(data: Data, repository: Repository, candidate: Candidate, patience: float) -> bool:
    """True once the page lists the candidate; False after `patience` seconds, or with no indexer to list it."""
    deadline = time.monotonic() + patience
    pause, seen = FIRST_LOOK, ""
    while True:
        version = listing_version(repository, candidate.project)
        if version != seen:
            seen = version
            if _is_listed(repository, candidate):
                return True
        if time.monotonic() >= deadline or read_heartbeat(data)[1] > ALIVE:
            return False
        await asyncio.sleep(pause)
        pause = min(2 * pause, LAST_LOOK)


def _is_listed(repository: Repository, candidate: Candidate) -> bool:
    found = read_listing(repository, candidate.project).get(candidate.filename)
    return found is not None and found.digest == candidate.digest
