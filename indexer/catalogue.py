"""The page set about all projects for people: made beside, when something changed that it shows."""

import gzip
import logging
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from hashlib import sha256
from typing import NamedTuple

from indexer.abouts import Abouts
from indexer.index import Index
from indexer.pages import fingerprint_of_pages
from indexer.pages.catalogue import COMPRESSED, Entry, list_uploads, render_catalogue
from indexer.portray import NICE
from indexer.rendered import Rendered
from indexer.site import Site
from store.repository import CATALOGUE
from store.status import ACTIVE
from store.workers import Workers

log = logging.getLogger(__name__)

PAUSE = 2.0  # seconds between two times that it is made
SHARE = 50  # gathering what it is made from takes at most one part in so many of the time
RETRY = 30.0  # after it could not be
SECONDS = 60.0  # of CPU that it may take
FILES = 1000  # that the feed is made from


class Catalogued(NamedTuple):
    """The pages, also compressed; or why there are none."""

    fingerprint: str
    pages: Mapping[str, bytes]
    squeezed: Mapping[str, bytes]
    reason: str = ""


class Catalogue:
    """Of one repository; times are monotonic seconds."""

    def __init__(
        self, abouts: Abouts, site: Site, index: Index, workers: Workers, report: Callable[[Catalogued], None]
    ) -> None:
        self._abouts = abouts
        self._site = site
        self._index = index
        self._workers = workers
        self._report = report
        self._code = fingerprint_of_pages()
        self._fingerprint = ""  # of what it was made from last
        self.reason = ""
        self._is_dirty = True
        self._due = 0.0
        self.is_busy = False

    def soil(self) -> None:
        self._is_dirty = True

    def step(self, now: float) -> None:
        """Have it made, where it would be another one or is damaged; seldom where it takes long."""
        if self.is_busy or now < self._due or not (self._is_dirty or self._is_damaged):
            return
        began = time.monotonic()
        self._is_dirty = False
        entries = self._with_statuses(self._abouts.entries(sorted(self._index.projects())))
        uploads = list_uploads(self._index.newest(FILES), entries)
        self._fingerprint = sha256(f"{self._code} {entries!r} {uploads!r}".encode()).hexdigest()
        if self._is_damaged:
            self.is_busy = True
            future = self._workers.submit(_make, entries, uploads, seconds=SECONDS)
            future.add_done_callback(self._tell)
        self._due = now + max(PAUSE, SHARE * (time.monotonic() - began))

    def _with_statuses(self, entries: list[Entry]) -> list[Entry]:
        seen = {name: said.marker for name, said in self._index.statuses().items() if said.marker != ACTIVE}
        return [entry._replace(status=seen[entry.name]) if entry.name in seen else entry for entry in entries]

    @property
    def is_current(self) -> bool:
        """Whether it is as it should be, as far as is known."""
        return not (self._is_dirty or self.is_busy or self._is_damaged)

    @property
    def _is_damaged(self) -> bool:
        return not self._site.is_current(CATALOGUE, self._fingerprint)

    def _tell(self, done: "Future[tuple[dict[str, bytes], dict[str, bytes]]]") -> None:
        try:
            self._report(Catalogued(self._fingerprint, *done.result()))
        except CancelledError:
            return
        except Exception as error:  # whatever came of it, it is told
            self._report(Catalogued("", {}, {}, str(error) or repr(error)))

    def receive(self, made: Catalogued, now: float) -> None:
        """Publish it. Whatever goes wrong is said once, and it is tried again."""
        self.is_busy, reason = False, made.reason
        try:
            if not reason:
                rendered = Rendered(made.pages, made.fingerprint, squeezed=made.squeezed)
                self._site.publish(CATALOGUE, rendered, time.time())
        except Exception as error:  # a disk may raise anything
            reason = f"{type(error).__name__}: {error}"
        if reason:
            self._is_dirty, self._due = True, now + RETRY
        if reason and reason != self.reason:
            log.error("could not write the pages about all projects; what was there stays: %s", reason)
        self.reason = reason


def _make(entries: list[Entry], uploads: list[Entry]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    pages = render_catalogue(entries, uploads)
    return pages, {page: gzip.compress(pages[page], 6, mtime=0) for page in COMPRESSED}
