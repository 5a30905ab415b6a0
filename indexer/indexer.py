"""The loop: hints in, pages out. First render, render after an event and after a crash are one function."""

import logging
import queue
import time
from collections import Counter
from collections.abc import Iterable

from indexer import render
from indexer.catalogue import Catalogue
from indexer.knowledge import Key, Knowledge, key_of
from indexer.learn import Lesson, learn
from indexer.policy import PolicyWatch
from indexer.progress import Progress
from indexer.scan import scan
from indexer.settings import Settings
from indexer.site import Site
from indexer.teach import Teachers
from indexer.values import Identity, LeftOut
from indexer.watch import Hint, Watch, start_watch
from store.names import first_word

log = logging.getLogger(__name__)

TICK = 0.2  # seconds between looks at larder.toml
HEARTBEAT = 2.0  # seconds
OVERVIEW = 1.0  # seconds between overviews during a long reading
QUIET = 0.2  # seconds without a change after which a file that was not closed is read all the same
SMALL_BATCH = 32  # files
SMALL_FILES = 16 << 20  # bytes in all: more goes to other processes

Report = tuple[list[str], list[Lesson]]
UNREACHABLE = LeftOut("leads nowhere, is a link to a directory, or may not be looked into; expected a file")
UNPRINTABLE = LeftOut("its path is not UTF-8; expected one that a URL can carry")


class Indexer:
    """Keeps `site/` as `packages/` has it. Everything happens on the thread that calls `run`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._packages = settings.layout.packages
        self._inbox: queue.SimpleQueue[Hint | Report | None] = queue.SimpleQueue()
        self._catalogue = Catalogue()
        self._knowledge = Knowledge(settings.layout.state / "learnt.sqlite3", render.fingerprint_of_code())
        self._site = Site(settings.layout.site, self._catalogue, self._knowledge)
        self._teachers = Teachers(self._packages, lambda paths, lessons: self._inbox.put((paths, lessons)))
        self._policy = PolicyWatch(settings.layout, self._site)
        self._writing: dict[str, float] = {}  # path → when it is read, closed or not
        self._again: set[str] = set()  # hinted at: what was left out here may be readable now
        self._in_lesson: set[str] = set()
        self._lesson_words: Counter[str] = Counter()
        self._held: set[str] = set()
        self._gone: set[str] = set()  # their metadata goes after the page that announces it
        self._said: dict[str, str] = {}
        self._progress = Progress()
        self._read = 0
        self._beaten = 0.0
        self._reconciled = 0.0
        self._overviewed = 0.0
        self._watched: int | None = None
        self._observer: Watch | None = None

    def stop(self) -> None:
        """End `run` soon; safe to call from a signal handler or another thread."""
        self._inbox.put(None)

    def run(self) -> None:
        """Watch first, then reconcile everything, then follow changes until stopped."""
        self._site.write_static()
        try:
            while True:
                self._keep_up()
                items = self._collect()
                if None in items:
                    return
                self._follow(items)
        finally:
            if self._observer is not None:
                self._observer.stop()
            self._teachers.stop()
            self._knowledge.close()

    def _keep_up(self) -> None:
        """What is due by the clock rather than by an event."""
        self._policy.follow()
        self._keep_watching()
        now = time.monotonic()
        if now - self._beaten >= HEARTBEAT:
            self._beaten = now
            self._settings.layout.heartbeat.touch()
            self._look_after_site()
        if now - self._reconciled >= self._settings.reconcile_interval:
            self._reconcile()

    def _look_after_site(self) -> None:
        """Begin anew where somebody deleted the pages."""
        if self._overviewed and not self._in_lesson and not self._site.is_there():
            log.warning("found no pages in %s; writing them again", self._settings.layout.site)
            self._site.write_static()
            self._policy.put_in_force_again()
            self._reconciled = float("-inf")

    def _keep_watching(self) -> None:
        """Watch the directory that is there now; FileNotFoundError where there is none, and every page stays."""
        inode = self._packages.stat().st_ino
        if inode == self._watched:
            return
        if self._observer is not None:
            self._observer.stop()
        settings = self._settings
        self._observer = start_watch(self._packages, settings.watch, settings.poll_interval, self._inbox.put)
        self._watched = inode
        self._reconciled = float("-inf")

    def _reconcile(self) -> None:
        """Compare everything, believing nothing but the disk."""
        self._reconciled = time.monotonic()
        read = self._read
        keys: set[Key] = set()
        dirty = self._refresh([""], keys)
        if not self._in_lesson:  # else nothing is known to be gone; a second look follows the last lesson
            self._knowledge.forget_all_but(keys)
            dirty |= self._site.heal()
        written = self._write(dirty)
        self._write_overview()
        log.info(
            "reconciled %d files: %d read, %d being read, %d projects rendered",
            len(keys), self._read - read, len(self._in_lesson), written,
        )  # fmt: skip

    def _collect(self) -> list[Hint | Report | None]:
        """What came in: at least one item, or none after a tick."""
        items: list[Hint | Report | None] = []
        try:
            items.append(self._inbox.get(timeout=self._patience()))
            while len(items) < 10_000:
                items.append(self._inbox.get_nowait())
        except queue.Empty:
            pass
        return items

    def _patience(self) -> float:
        due = min(self._writing.values(), default=float("inf"))
        return min(TICK, max(0.0, due - time.monotonic()))

    def _follow(self, items: list[Hint | Report | None]) -> None:
        """Take in what changed and write the pages that it makes different."""
        dirty = self._site.broken() if not items else set()
        reports = [item for item in items if isinstance(item, tuple) and not isinstance(item, Hint)]
        hints = [item for item in items if isinstance(item, Hint)]
        paths = self._again = self._settle(hints)
        for batch, lessons in reports:
            self._remember(lessons)
            self._in_lesson.difference_update(batch)
            self._lesson_words.subtract(_words(batch))
            self._teachers.batch_done()
            if not self._in_lesson:
                self._reconciled = float("-inf")
            self._progress.add(len(batch))
            paths = paths | set(batch)
        if paths:
            dirty |= self._refresh(sorted(paths))
        if dirty or paths:
            self._write(dirty)
            self._write_overview()

    def _settle(self, hints: Iterable[Hint]) -> set[str]:
        """The paths to look at now; those still being written wait until closed, or quiet for a moment."""
        now = time.monotonic()
        paths = set()
        for hint in hints:
            if hint.writing:
                self._writing[hint.path] = now + QUIET
            else:
                self._writing.pop(hint.path, None)
                paths.add(hint.path)
        quiet = {path for path, due in self._writing.items() if due <= now}
        for path in quiet:
            del self._writing[path]
        return paths | quiet

    def _refresh(self, paths: Iterable[str], keys: set[Key] | None = None) -> set[str]:
        """Make the catalogue right at and below these paths; the projects that this makes dirty."""
        dirty: set[str] = set()
        unknown: dict[str, Identity] = {}
        for path in paths:
            seen = dict(scan(self._packages, path))
            for gone in self._catalogue.paths_below(path) - seen.keys():
                dirty |= self._remove(gone)
            for file, identity in seen.items():
                if identity is not None and keys is not None:
                    keys.add(key_of(file, identity))
                dirty |= self._take(file, identity, unknown)
        return dirty | self._learn(unknown)

    def _take(self, path: str, identity: Identity | None, unknown: dict[str, Identity]) -> set[str]:
        if identity is None or not _is_utf8(path):
            return self._catalogue.put(path, Identity(0, 0, 0), UNREACHABLE if identity is None else UNPRINTABLE)
        facts = self._knowledge.facts(path, identity)
        if facts is None or (path in self._again and isinstance(facts, LeftOut)):
            unknown[path] = identity
            return set()
        return self._catalogue.put(path, identity, facts)

    def _remove(self, path: str) -> set[str]:
        if self._catalogue.facts(path) is UNREACHABLE:
            self._watched = None  # a directory that could not be watched may be open now
        self._gone.add(path)
        self._said.pop(path, None)
        return self._catalogue.remove(path)

    def _learn(self, unknown: dict[str, Identity]) -> set[str]:
        """Read a few small files here and now; leave more to other processes, which report later."""
        if len(unknown) > SMALL_BATCH or sum(identity.size for identity in unknown.values()) > SMALL_FILES:
            todo = unknown.keys() - self._in_lesson
            self._in_lesson |= todo
            self._lesson_words.update(_words(todo))
            self._progress.expect(len(todo))
            self._teachers.submit(sorted(todo))
            return set()
        lessons = [lesson for path in unknown if (lesson := learn(self._packages, path))]
        self._remember(lessons)
        for path in unknown.keys() - {lesson.path for lesson in lessons}:  # gone, or changed while it was read
            self._writing[path] = time.monotonic() + QUIET
        dirty: set[str] = set()
        for lesson in lessons:
            dirty |= self._catalogue.put(lesson.path, lesson.identity, lesson.facts)
        return dirty

    def _write(self, dirty: set[str]) -> int:
        """Write pages; one that is there stays while other files of its project are still being read."""
        dirty |= self._held
        self._held = {
            project for project in dirty if self._lesson_words[first_word(project)] and self._site.has_page(project)
        }
        written = self._site.write_projects(dirty - self._held)
        self._site.remove_metadata({path for path in self._gone if self._catalogue.identity(path) is None})
        self._gone.clear()
        return written

    def _remember(self, lessons: list[Lesson]) -> None:
        self._knowledge.remember(lessons)
        self._read += len(lessons)
        for lesson in lessons:
            log.debug("read %r", lesson.path)

    def _write_overview(self) -> None:
        """The pages about everything; while much is being read only now and then, for they are long."""
        now = time.monotonic()
        if self._in_lesson and now - self._overviewed < OVERVIEW:
            return
        self._overviewed = now
        self._site.write_overview()
        self._report_left_out()

    def _report_left_out(self) -> None:
        """One line for each file that is left out, and again only when the reason changes."""
        left_out = self._catalogue.left_out()
        for path, reason in left_out.items():
            if self._said.get(path) != reason and path not in self._writing:
                log.warning("left out %r: %s", path, reason)
        self._said = left_out


def _words(paths: Iterable[str]) -> list[str]:
    return [first_word(path.rpartition("/")[2]) for path in paths]


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
