"""Looking after what was written: what was damaged or deleted is made again, what nothing leads to is removed."""

import logging
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from indexer.publish import Publisher
from indexer.site import Site, project_of
from store import files

log = logging.getLogger(__name__)

INTERVAL = 0.5  # seconds between two steps
FEW = 500  # files looked at in a step; more as long as something is amiss
MANY = 10_000


class Tending:
    """Goes round the site for ever, a bounded number of files at a time. Times are monotonic seconds."""

    def __init__(self, site: Site, publisher: Publisher) -> None:
        self._site = site
        self._publisher = publisher
        self._round: Iterator[str | None] = iter(())
        self._size = FEW
        self._strays: Iterator[Path | None] = iter(())
        self._due = 0.0

    def sweep(self) -> None:
        """Have what nothing leads to removed; to be asked for when all pages are as they should be."""
        self._strays = self._site.find_strays()

    def step(self, now: float) -> None:
        if now < self._due:
            return
        self._due = now + INTERVAL
        self._look_for_damage()
        try:
            self._site.clear_graves(time.time())
            for stray in islice(self._strays, MANY):
                if stray is not None:
                    files.remove(stray)
        except OSError as error:
            log.warning("could not remove what is no longer needed: %s", error)

    def _look_for_damage(self) -> None:
        part = list(islice(self._round, self._size))
        if len(part) < self._size:
            self._round = self._site.find_damage()
        damaged = {name for name in part if name is not None}
        self._size = MANY if damaged else FEW
        if damaged:
            log.warning("found %d page sets damaged or gone; making them again", len(damaged))
            projects = {project_of(name) for name in damaged}
            self._publisher.soil({project for project in projects if project is not None}, urgent=False)
            self._publisher.soil_overview()
