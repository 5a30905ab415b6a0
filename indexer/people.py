"""The page sets for people: what is missing is made beside, while nothing else is to be done."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from hashlib import sha256

from indexer.abouts import Abouts
from indexer.backoff import Backoff
from indexer.catalogue import Catalogue, Catalogued
from indexer.index import Index
from indexer.model import ProjectDetail
from indexer.pages import PEOPLE, fingerprint_of_pages, people
from indexer.pages.people import PROJECT
from indexer.portray import Portrayed, Portrayer
from indexer.rendered import Rendered
from indexer.site import Site
from indexer.state import State
from store.repository import CATALOGUE, Repository
from store.workers import Workers

log = logging.getLogger(__name__)

SCHEMA = ("create table unportrayed (project text primary key) strict, without rowid",)
SLICE = 0.01  # seconds of one step
MEMORY = 256 << 20  # bytes that the process may take that makes them

Made = Portrayed | Catalogued


class Passing(Exception):
    """What kept pages from being made may be otherwise the next time.

    Where it was `outrun`, a file went while it was read, of which the index hears at any moment, or has heard.
    """

    def __init__(self, reason: str, *, outrun: bool = False) -> None:
        super().__init__(reason)
        self.outrun = outrun


class People:
    """Knows whose pages are due. Of one repository; times are monotonic seconds."""

    def __init__(
        self, repository: Repository, state: State, site: Site, index: Index, report: Callable[[Made], None]
    ) -> None:
        self._repository = repository
        self._state = state
        self._site = site
        self._index = index
        self._workers = Workers(1, memory=MEMORY)
        self._portrayer = Portrayer(repository, self._workers, report)
        self._abouts = Abouts(state)
        self._catalogue = Catalogue(self._abouts, site, index, self._workers, report)
        self._code = fingerprint_of_pages()
        self._due: dict[str, None] = dict(state.all("select project, null from unportrayed"))  # in the order they came
        self._begun: set[str] = set()  # whose pages are being made: they are looked at again after that
        self._slow: dict[str, None] = {}  # which could not be made so far, and so let all others go first
        self._failed = Backoff()
        self._reasons: dict[str, str] = {}
        self._passing: dict[str, str] = {}  # what may be over when it is tried again

    def soil(self, projects: Iterable[str]) -> None:
        """Look at these projects' pages again; a restart does not forget it."""
        due = dict.fromkeys(projects)
        self._state.write("insert or ignore into unportrayed values (?)", [(project,) for project in due])
        self._due |= due

    @property
    def can_go_on(self) -> bool:
        """Whether `step` would do something."""
        return bool(self._due or self._slow) and self._portrayer.has_room

    @property
    def pending(self) -> int:
        """Projects whose pages are not as they should be, as far as is known."""
        return len(self._due) + len(self._slow) + len(self._begun)

    @property
    def is_busy(self) -> bool:
        """Whether something is being made."""
        return self._portrayer.is_busy or self._catalogue.is_busy

    @property
    def is_behind(self) -> bool:
        """Whether any page is not as it should be, as far as is known."""
        return bool(self.pending) or not self._catalogue.is_current

    @property
    def faults(self) -> dict[str, str]:
        """By project, and for the page set about all, why pages could not be written."""
        of_all = {CATALOGUE: self._catalogue.reason} if self._catalogue.reason else {}
        return {**of_all, **self._passing, **self._reasons}

    def step(self, now: float) -> None:
        """Have pages made, as many as are made at once, for a bounded time."""
        self._due |= dict.fromkeys(self._failed.due(now))
        deadline = time.monotonic() + SLICE
        while self.can_go_on and time.monotonic() < deadline:
            first = self._due or self._slow
            project = next(iter(first))
            del first[project]
            if project not in self._begun:
                self._guard(project, now, partial(self._look, project))
        self._catalogue.step(now)

    def receive(self, made: Made, now: float) -> None:
        """Publish what was made."""
        if isinstance(made, Catalogued):
            self._catalogue.receive(made, now)
            return
        self._portrayer.received(made)
        self._begun.discard(made.project)
        if self._guard(made.project, now, partial(self._publish_made, made)):
            (self._slow if made.reason else self._due)[made.project] = None

    def _guard(self, project: str, now: float, act: Callable[[], None]) -> bool:
        """Whether it succeeded; whatever it raises is that project's reason, said once, and is tried again later."""
        try:
            act()
        except Passing as error:
            if project in self._passing and not error.outrun:  # it has not passed
                self._say(project, str(error))
            self._passing[project] = str(error)
            self._failed.fail(project, now)
            return False
        except Exception as error:  # a disk or a library may raise anything
            self._say(project, f"{type(error).__name__}: {error}")
            self._failed.fail(project, now)
            return False
        return True

    def _say(self, project: str, reason: str) -> None:
        if self._reasons.get(project) != reason:
            log.error("could not write the pages of %s for people; what was there stays: %s", project, reason)
        self._reasons[project] = reason

    def _look(self, project: str) -> None:
        """Ask for what is missing; where nothing is, the project is done."""
        detail = self._index.detail(project)
        if detail is None:
            self._withdraw(project)
        elif self._ask_for_missing(detail):
            return
        self._reasons.pop(project, None)
        self._passing.pop(project, None)
        self._failed.succeed(project)
        self._state.write("delete from unportrayed where project = ?", [(project,)])

    def _ask_for_missing(self, detail: ProjectDetail) -> bool:
        keys, there = self._keys(detail), self._site.pages_of(_set_of(detail.name))
        missing = {page: key for page, key in keys.items() if there.get(page) != key}
        if missing:
            self._portrayer.ask(detail, missing, there=len(there))
            self._begun.add(detail.name)
        else:
            self._publish(detail, keys, {})  # which may be fewer than there were, or have other names
        return bool(missing)

    def _keys(self, detail: ProjectDetail) -> dict[str, str]:
        """What every page is to be told from any other by."""
        shown = people.list_shown(detail)
        digests = {id(each): _digest(self._code, *each) for each in shown.values()}
        keys = {page: digests[id(each)] for page, each in shown.items()}
        here = [need for need in self._abouts.needs(detail.name) if self._repository.project(need).is_dir()]
        return keys | {PROJECT: _key_with(keys[PROJECT], here)}

    def _publish_made(self, portrayed: Portrayed) -> None:
        if portrayed.passing:
            raise Passing(portrayed.reason, outrun=self._is_outrun(portrayed))  # it is tried again, later
        detail, about = self._index.detail(portrayed.project), portrayed.about
        if detail is None or portrayed.reason:
            return
        made = dict(portrayed.keys)
        if about:
            made[PROJECT] = _key_with(made[PROJECT], about.here)
        self._publish(detail, made, portrayed.pages)
        if about:
            self._catalogue.soil()
            if self._abouts.note(detail, about):
                self.soil(self._abouts.dependents(detail.name))

    def _is_outrun(self, portrayed: Portrayed) -> bool:
        """Whether it is not any longer about what lies on the disk."""
        detail = self._index.detail(portrayed.project)
        if detail is None or not portrayed.keys.items() <= self._keys(detail).items():
            return True
        return not all((self._repository.packages / file.path).exists() for file in detail.files)

    def _publish(self, detail: ProjectDetail, keys: Mapping[str, str], made: Mapping[str, bytes]) -> None:
        """Of all pages that there ought to be those that were made, and those that are there, as they may be."""
        name, wanted = _set_of(detail.name), people.list_shown(detail)
        pages = {page: content for page, content in made.items() if page in wanted}
        there = {page: key for page, key in self._site.pages_of(name).items() if page in wanted}
        known = there | {page: keys[page] for page in pages}
        others = {alias: page for alias, page in people.list_aliases(detail).items() if page in known}
        self._site.publish(name, Rendered(pages, aliases=others, keys=known), time.time())

    def _withdraw(self, project: str) -> None:
        if self._site.knows(_set_of(project)):
            self._site.withdraw(_set_of(project), time.time())
        self._abouts.forget(project)
        self._catalogue.soil()
        self.soil(self._abouts.dependents(project))

    def stop(self) -> None:
        self._workers.stop()


def _set_of(project: str) -> str:
    return f"{PEOPLE}/{project}"


def _digest(*values: object) -> str:
    return sha256(repr(values).encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _key_with(key: str, here: Iterable[str]) -> str:
    """The key of a page that shows which of the projects that it needs are here."""
    return key[:24] + _digest(*here)[:8]
