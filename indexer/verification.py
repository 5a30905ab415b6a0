"""Compare everything with everything in one repository: files with their pages, pages with what they are made from.

Every file is read as if nothing were known of it, every page is made anew, and held against what is there.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

from indexer.index import Index
from indexer.inspect import inspect
from indexer.model import Facts, ProjectDetail, Rejected
from indexer.pages import KINDS, PEOPLE
from indexer.pages.simple import LIST_JSON
from indexer.scan import Seen, scan
from indexer.state import State
from indexer.tables import PASSING, SCHEMA
from indexer.unpack import find_faults
from indexer.verified_pages import Finding, Pages
from store.archive.budget import due
from store.boards import is_source
from store.identity import NO_IDENTITY, Identity
from store.listing import Listed, find_listed, read_listing
from store.names import possible_projects
from store.repository import PROJECTS, Repository
from store.searched import read_searched
from store.workers import Workers

PAUSE = 3.0  # seconds after which it is looked again at what seemed wrong: it may have been on its way
LITTLE = 100 << 20  # bytes: with less left a disk is nearly full


class Verification:
    """Of one repository. OSError where its directories cannot be read at all."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._known: dict[tuple[str, Identity], Facts] = {}  # what was read, so that nothing is read twice
        self._pages = Pages(repository)
        self._workers = Workers()

    def run(self) -> list[Finding]:
        """Everything that is wrong, and was so a moment later, too."""
        try:
            findings = list(self._look())
            if findings:
                time.sleep(PAUSE)
                again = set(self._look())
                findings = [finding for finding in findings if finding in again]
            return findings
        finally:
            self._workers.stop()
            self._pages.stop()

    def _look(self) -> Iterator[Finding]:
        with tempfile.TemporaryDirectory() as directory:
            state = State(Path(directory) / "index", SCHEMA, PASSING)
            index = Index(state, "verify")
            for seen, facts in self._read_all():
                index.put(seen.path, seen.identity or NO_IDENTITY, facts)
            yield from self._check_space()
            yield from self._check_files(index)
            for project in sorted(index.projects()):
                if detail := index.detail(project):
                    yield from self._check_project(detail)
            yield from self._check_lists(index.projects())
            yield from self._pages.check_written()
            yield from self._check_unpacked()
            yield from self._check_strays(index.projects())
            state.close()

    def _read_all(self) -> Iterator[tuple[Seen, Facts]]:
        """Every file with what it says, read by as many processes as there are cores."""
        pending: list[tuple[Seen, Future[Facts | None]]] = []
        for seen in scan(self._repository.packages):
            if seen.identity is None:
                yield seen, Rejected(seen.reason)
            elif (seen.path, seen.identity) in self._known:
                yield seen, self._known[seen.path, seen.identity]
            else:
                pending.append((seen, self._submit(seen.path, seen.identity)))
        for seen, future in pending:
            try:
                facts = future.result()
            except Exception as error:  # WorkerDied, or whatever a library raises
                facts = Rejected(f"it cannot be read: {error}")
            if facts is not None:
                self._known[seen.path, seen.identity or NO_IDENTITY] = facts
                yield seen, facts

    def _submit(self, path: str, identity: Identity) -> "Future[Facts | None]":
        seconds = due(identity.size) + 1.0
        return self._workers.submit(_read, self._repository.packages, path, seconds=seconds)

    def _check_space(self) -> Iterator[Finding]:
        facts = os.statvfs(self._repository.packages)
        free = facts.f_bavail * facts.f_frsize
        if free < LITTLE:
            yield Finding(str(self._repository.packages), f"{free >> 20} MiB are free; expected {LITTLE >> 20}")

    def _check_files(self, index: Index) -> Iterator[Finding]:
        """What cannot be listed, and what is beside nothing."""
        for path, reason in sorted(index.reasons().items()):
            listed = self._is_listed(path)
            yield Finding(f"{self._repository.packages}/{path}", reason, None, (path,) if listed else ())

    def _is_listed(self, path: str) -> bool:
        """Whether a page offers what cannot be listed."""
        filename = path.rpartition("/")[2]
        projects = possible_projects(filename)
        return any(find_listed(self._repository, project, filename) for project in projects)

    def _check_project(self, detail: ProjectDetail) -> Iterator[Finding]:
        """Its files, by their digests; where one is another than its page says, the pages are as wrong as that."""
        listed = read_listing(self._repository, detail.name)
        known = {file.filename: file.distribution.digest for file in detail.files}
        wrong = [entry for name, entry in listed.items() if known.get(name) != entry.digest]
        if wrong and self._pages.is_damaged(f"{PROJECTS}/{detail.name}"):
            wrong = []  # it is the page that is so
        for entry in wrong:
            yield self._differs(entry, known.get(entry.path.rpartition("/")[2]), detail.name)
        if not wrong:
            yield from self._pages.check(detail)

    def _differs(self, entry: Listed, digest: str | None, project: str) -> Finding:
        path = self._repository.packages / entry.path
        said = f"its page says {entry.digest}"
        if path.exists() and digest:  # nothing else tells what it was: that is for people to decide
            return Finding(str(path), f"has sha256 {digest}, {said}; restore it, or touch it if it is meant so")
        if path.exists():
            return Finding(str(path), f"cannot be listed, {said}", None, (entry.path,))
        page = self._repository.project(project)
        return Finding(str(page), f"lists {entry.path}, which is not there", page)

    def _check_lists(self, projects: set[str]) -> Iterator[Finding]:
        """The list of all projects, for installers and for who searches: as far as they can be read, see `Pages`."""
        reason = "does not name all projects that there are, and no others"
        searched, page = self._repository.searched, self._repository.overview / LIST_JSON
        if {each.name for each in read_searched(self._repository)} != projects:
            yield Finding(str(searched), reason, searched.parent)
        if _read_list(page) not in (None, projects):
            yield Finding(str(page), reason, page.parent)

    def _check_unpacked(self) -> Iterator[Finding]:
        """What boards install, by the digests that it is called by."""
        for path, reason in find_faults(self._repository):
            yield Finding(str(path), reason, path.parent if is_source(path.parent.name) else path)

    def _check_strays(self, projects: set[str]) -> Iterator[Finding]:
        """Pages of projects that have no files."""
        for kind in (*(kind.name for kind in KINDS), PEOPLE):
            directory = self._repository.site / kind
            names = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
            for name in names:
                if name not in projects and not name.startswith("."):
                    yield Finding(f"{directory}/{name}", "is of a project that has no files", directory / name)


def _read(packages: Path, path: str) -> Facts | None:
    inspection = inspect(packages, path)
    return inspection.facts if inspection else None


def _read_list(page: Path) -> set[str] | None:
    """The projects that it names; None where it cannot be read."""
    try:
        return {str(project["name"]) for project in json.loads(page.read_bytes())["projects"]}
    except (OSError, ValueError, LookupError, TypeError):
        return None
