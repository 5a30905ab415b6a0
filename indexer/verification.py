"""Compare everything with everything in one repository: files with their pages, pages with what they are made from.

Every file is read as if nothing were known of it, every page is made anew, and held against what is there.
"""

import gzip
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from indexer.index import Index
from indexer.inspect import inspect
from indexer.model import Counts, Facts, Overview, ProjectDetail, Rejected
from indexer.pages import KINDS, PEOPLE, Kind, list_companions, people
from indexer.pages.simple import render_list
from indexer.scan import Seen, scan
from indexer.state import State
from indexer.upkeep import PASSING, SCHEMA
from store.archive.budget import due
from store.identity import NO_IDENTITY, Identity
from store.listing import read_listing
from store.repository import OVERVIEW, Repository
from store.searched import read_searched
from store.workers import Workers

PAUSE = 3.0  # seconds after which it is looked again at what seemed wrong: it may have been on its way
LITTLE = 100 << 20  # bytes: with less left a disk is nearly full
SECONDS = 60.0  # of CPU, that the pages of a project for people may take


class Finding(NamedTuple):
    """What is wrong with the file or directory at `path`; and what is to be removed, for it is made anew then."""

    path: str
    reason: str
    derived: Path | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class Verification:
    """Of one repository. OSError where its directories cannot be read at all."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._known: dict[tuple[str, Identity], Facts] = {}  # what was read, so that nothing is read twice
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
            yield Finding(f"{self._repository.packages}/{path}", reason)

    def _check_project(self, detail: ProjectDetail) -> Iterator[Finding]:
        listed = read_listing(self._repository, detail.name)
        for file in detail.files:
            entry = listed.get(file.filename)
            if entry and entry.digest != file.distribution.digest:
                path, digest = f"{self._repository.packages}/{file.path}", file.distribution.digest
                yield Finding(path, f"has sha256 {digest}, its page says {entry.digest}")
        for kind in KINDS:
            yield from self._check_set(kind, detail)
        yield from self._check_companions(detail)
        yield from self._check_people(detail)

    def _check_set(self, kind: Kind, detail: ProjectDetail) -> Iterator[Finding]:
        """The pages as they are made now, under all their names."""
        pages = kind.render(detail) if kind.shown(detail) else {}
        pages |= {alias: pages[page] for alias, page in kind.list_aliases(detail).items() if page in pages}
        yield from self._compare(kind.set_of(detail.name), pages)

    def _check_people(self, detail: ProjectDetail) -> Iterator[Finding]:
        wanted = tuple(people.list_shown(detail))
        try:
            future = self._workers.submit(_portray, self._repository, detail, wanted, seconds=SECONDS * len(wanted))
            pages = future.result()
        except Exception:  # the archives can be read; a README that cannot be rendered is shown otherwise
            return
        yield from self._compare(f"{PEOPLE}/{detail.name}", pages)

    def _compare(self, name: str, pages: Mapping[str, bytes]) -> Iterator[Finding]:
        directory = self._repository.site / name
        for page, content in sorted(pages.items()):
            reason = _compare_page(directory / page, content)
            if reason:
                yield Finding(f"{directory}/{page}", reason, directory)

    def _check_companions(self, detail: ProjectDetail) -> Iterator[Finding]:
        """Core metadata beside the pages, by the digest that these announce."""
        for path, companion in sorted(list_companions(detail).items()):
            file = self._repository.site / path
            content = _read_page(file)
            if content is None:
                yield Finding(str(file), "is missing", file)
            elif sha256(content).hexdigest() != companion.key:
                yield Finding(str(file), f"is not what {companion.file.filename} holds", file)

    def _check_lists(self, projects: set[str]) -> Iterator[Finding]:
        """The list of all projects, for installers and for who searches."""
        overview = Overview(tuple(sorted(projects)), (), (), Counts(0, 0, 0), is_private=False, policy_problem="")
        yield from self._compare(OVERVIEW, render_list(overview))
        named = [each.name for each in read_searched(self._repository)]
        if named != sorted(projects):
            file = self._repository.searched
            yield Finding(str(file), "does not name all projects that there are, and no others", file.parent)

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


def _portray(repository: Repository, detail: ProjectDetail, pages: tuple[str, ...]) -> dict[str, bytes]:
    from indexer.portraits import portray  # noqa: PLC0415 - for the processes that do it

    return portray(repository, detail, pages, plainly=False)[0]


def _compare_page(page: Path, content: bytes) -> str:
    """What is wrong with it, in whichever of its forms; empty where nothing is."""
    there = _read_page(page)
    if there is None:
        return "is missing"
    if there != content:
        return "is not what its files say"
    squeezed = page.with_name(f"{page.name}.gz")
    try:
        is_same = not squeezed.exists() or gzip.decompress(squeezed.read_bytes()) == content
    except (OSError, EOFError, ValueError):
        is_same = False
    return "" if is_same else "is another page where it is compressed"


def _read_page(page: Path) -> bytes | None:
    try:
        return page.read_bytes()
    except OSError:
        return None
