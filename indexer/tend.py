"""Looking after what was written: what was damaged or deleted is made again, what nothing leads to is removed."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from indexer.pages import PEOPLE
from indexer.people import People
from indexer.publish import Publisher
from indexer.site import Site, project_of
from store import files

log = logging.getLogger(__name__)

T = TypeVar("T")

INTERVAL = 0.2  # seconds between two steps: many and short, for a file may come at any moment and waits for one
SOME = 0.002  # seconds of a step;
CLEARING = 0.008  # for what every publication leaves behind;
MUCH = 0.04  # more as long as something is amiss


class Tending:
    """Goes round the site for ever, a bounded time at once. Times are monotonic seconds."""

    def __init__(self, site: Site, publisher: Publisher, people: People) -> None:
        self._site = site
        self._publisher = publisher
        self._people = people
        self._round: Iterator[str | None] = iter(())
        self._patience = SOME
        self._roots = site.roots()
        self._strays: Iterator[Path | None] = iter(())
        self._due = 0.0
        self._said: set[str] = set()

    def sweep(self) -> None:
        """Have what nothing leads to removed; to be asked for when all pages are as they should be."""
        self._strays = self._site.find_strays()

    def step(self, now: float, *, is_calm: bool) -> None:
        """Go on. What can wait does, unless it `is_calm` and nobody else has anything to do."""
        if now < self._due:
            return
        self._due = now + INTERVAL
        self._look_for_damage()
        try:
            self._site.clear_graves(time.time(), CLEARING, is_calm=is_calm)
            for stray in (*self._site.find_obstacles(), *_within(self._strays, SOME)):
                if stray is not None:
                    files.remove(stray)
        except OSError as error:
            log.warning("could not remove what is no longer needed: %s", error)

    def _look_for_damage(self) -> None:
        roots = self._site.roots()
        if self._roots - roots:  # whole directories are gone: look at everything, at once
            self._round, self._patience = self._site.find_damage(), MUCH
        self._roots = roots
        looked_at = list(_within(self._round, self._patience))
        if not looked_at:
            self._round = self._site.find_damage()
        damaged = {name for name in looked_at if name is not None}
        self._patience = MUCH if damaged else SOME
        if not damaged and not self._publisher.pending and not self._people.pending:
            self._said.clear()
        if damaged:
            if damaged - self._said:
                log.warning("found %d page sets damaged or gone; making them again", len(damaged))
            self._said |= damaged
            for_people = {name for name in damaged if name.startswith(f"{PEOPLE}/")}
            self._people.soil(filter(None, map(project_of, for_people)))
            self._publisher.soil(filter(None, map(project_of, damaged - for_people)), urgent=False)
            self._publisher.soil_overview()


def _within(items: Iterator[T], seconds: float) -> Iterator[T]:
    """The next of them, for as long as that."""
    deadline = time.monotonic() + seconds
    for item in items:
        yield item
        if time.monotonic() >= deadline:
            return
