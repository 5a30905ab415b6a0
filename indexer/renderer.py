"""Index → page sets on the disk, as far as they would differ. Whatever goes wrong is for who asks to keep in bounds."""

import logging
import time
from hashlib import sha256

from indexer.model import Overview, ProjectDetail
from indexer.pages import (
    KINDS,
    OVERVIEW_ALIASES,
    Companion,
    Kind,
    fingerprint_of_pages,
    list_companions,
    render_overview,
)
from indexer.rendered import Rendered
from indexer.site import Site
from indexer.tracker import Tracker
from store.distribution import read_contents
from store.names import parse_filename
from store.repository import OVERVIEW, Repository

log = logging.getLogger(__name__)

FIRST, *OTHERS = KINDS


class Renderer:
    """Of one repository. Methods say whether anything changed, and raise whatever a disk or a library does."""

    def __init__(self, repository: Repository, tracker: Tracker, site: Site) -> None:
        self._packages = repository.packages
        self._tracker = tracker
        self._site = site
        self._code = fingerprint_of_pages()
        self._names: set[str] = site.projects()
        self._rendered: list[str] = []

    @property
    def version(self) -> str:
        """Changes whenever all pages have to be looked at."""
        return f"{self._code} {self._site.version} {self._tracker.index.shelf}"

    def projects(self) -> set[str]:
        """Every project that has pages."""
        return self._names

    def take_rendered(self) -> list[str]:
        """The projects whose pages for installers were switched or removed since this was asked last."""
        rendered, self._rendered = self._rendered, []
        return rendered

    def render(self, project: str) -> bool:
        """What installers wait for; all of it goes where the project has no files."""
        detail = self._tracker.index.detail(project)
        if detail is None:
            return self._withdraw(project)
        name, fingerprint = FIRST.set_of(project), self._fingerprint(FIRST.shown(detail))
        if self._site.is_current(name, fingerprint):
            return False
        companions = list_companions(detail)
        self._site.write_beside(name, companions, self._read_companion)
        changed = self._write(FIRST, detail, fingerprint)
        self._site.drop_beside(name, set(companions))
        self._names.add(project)
        if changed:
            self._rendered.append(project)
            log.info("rendered %s: %d files", project, len(detail.files))
        return changed

    def render_rest(self, project: str) -> bool:
        """What nobody waits for."""
        detail = self._tracker.index.detail(project)
        changed = [self._render_other(kind, detail) for kind in OTHERS] if detail else []
        return any(changed)

    def _render_other(self, kind: Kind, detail: ProjectDetail) -> bool:
        name, shown = kind.set_of(detail.name), kind.shown(detail)
        if not shown:
            return self._site.knows(name) and self._site.withdraw(name, time.time())
        fingerprint = self._fingerprint(shown)
        return not self._site.is_current(name, fingerprint) and self._write(kind, detail, fingerprint)

    def _write(self, kind: Kind, detail: ProjectDetail, fingerprint: str) -> bool:
        rendered = Rendered(kind.render(detail), fingerprint, kind.list_aliases(detail), links=kind.list_links(detail))
        return self._site.publish(kind.set_of(detail.name), rendered, time.time())

    def _withdraw(self, project: str) -> bool:
        self._names.discard(project)
        there = self._site.withdraw(FIRST.set_of(project), time.time())
        for name in (kind.set_of(project) for kind in OTHERS):
            if self._site.knows(name):
                self._site.withdraw(name, time.time())
        if there:
            self._rendered.append(project)
            log.info("removed the pages of %s: it has no files", project)
        return there

    def _read_companion(self, companion: Companion) -> bytes:
        """Its bytes; a wheel's METADATA as it was read lately, or from the wheel itself."""
        known = self._tracker.texts.take(companion.key)
        if known is not None:
            return known
        with (self._packages / companion.file.path).open("rb") as archive:
            return read_contents(archive, parse_filename(companion.file.filename)).core_metadata

    def render_overview(self, overview: Overview) -> bool:
        """The pages about all projects."""
        fingerprint = self._fingerprint(overview)
        if self._site.is_current(OVERVIEW, fingerprint):
            return False
        rendered = Rendered(render_overview(overview), fingerprint, OVERVIEW_ALIASES)
        return self._site.publish(OVERVIEW, rendered, time.time())

    def _fingerprint(self, rendered_from: tuple[object, ...] | Overview) -> str:
        told = f"{self._code} {rendered_from!r}"
        return sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
