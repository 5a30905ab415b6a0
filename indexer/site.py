"""The pages below `site/`: which of them are due, and writing those."""

import logging
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from indexer import render, write
from indexer.catalogue import Catalogue
from indexer.knowledge import Knowledge
from indexer.values import ProjectDetail
from store.policy import ANONYMOUS, Policy

log = logging.getLogger(__name__)


class Site:
    """Writes what the catalogue holds. A page that cannot be made leaves the one before it in place."""

    def __init__(self, root: Path, catalogue: Catalogue, knowledge: Knowledge) -> None:
        self._root = root
        self._catalogue = catalogue
        self._knowledge = knowledge
        self._pages = {page.parent.name for page in (root / "simple").glob("*/index.json")}
        self._names: set[str] | None = None  # that the project list has
        self._left_out: dict[str, str] | None = None  # that the home page has
        self._written: dict[str, object] = {}  # place below the root → what it was last written for
        self._broken: set[str] = set()

    def write_static(self) -> None:
        for source in sorted((Path(__file__).parent / "static").iterdir()):
            write.write_if_different(self._root / "-" / source.name, source.read_bytes())

    def write_policy(self, policy: Policy) -> None:
        """Leave marks that nginx looks for with each request: none of them means closed."""
        marks = {"anonymous": ANONYMOUS in policy.download, "immutable": not policy.overwrite}
        directory = self._root / ".policy"
        directory.mkdir(parents=True, exist_ok=True)
        for name, holds in marks.items():
            mark = directory / name
            if holds and not mark.exists():
                mark.touch()
            elif not holds:
                mark.unlink(missing_ok=True)

    def write_projects(self, dirty: set[str]) -> int:
        """Write the pages of these projects where they would differ; the number of projects written."""
        return sum(self._write_or_keep(project) for project in sorted(dirty))

    def _write_or_keep(self, project: str) -> bool:
        try:
            return self._write_project(project)
        except Exception:
            self._broken.add(project)
            log.exception("could not render %s; its last good page stays", project)
            return False

    def broken(self) -> set[str]:
        """Projects to be tried again."""
        broken, self._broken = self._broken, set()
        return broken

    def _write_project(self, project: str) -> bool:
        detail = self._catalogue.detail(project)
        if detail is None:
            return self._remove_project(project)
        fingerprint = render.fingerprint_of(detail)
        if fingerprint == self._knowledge.fingerprint(project):
            return False
        slot = write.next_slot(time.time(), self._knowledge.slot(project))
        self._write_metadata(detail)
        self._write_boards(detail)
        html, json = render.render_detail_html(detail), render.render_detail_json(detail)
        if write.write_representations(self._root / "simple" / project, html, json, slot):
            self._knowledge.remember_rendered(project, "", slot)  # the slot is used, whatever comes
        self._pages.add(project)
        self._knowledge.remember_rendered(project, fingerprint, slot)
        log.info("rendered %s: %d files", project, len(detail.files))
        return True

    def _remove_project(self, project: str) -> bool:
        directory = self._root / "simple" / project
        there = directory.exists()
        write.remove_directory(directory)
        self._pages.discard(project)
        for document in (self._root / "boards" / project).glob("*.json"):
            self._remove(f"boards/{project}/{document.name}")
        self._knowledge.remember_rendered(project, "", self._knowledge.slot(project))
        if there:
            log.info("removed the pages of %s: it has no files", project)
        return there

    def _write_metadata(self, detail: ProjectDetail) -> None:
        """Each wheel's METADATA, in place before the page that announces it."""
        for file in detail.files:
            digest = file.distribution.metadata_digest
            if digest:
                read = partial(self._knowledge.core_metadata, file.path, file.identity)
                self._write_new(render.metadata_path(file.path), file.identity, read)

    def _write_boards(self, detail: ProjectDetail) -> None:
        place = f"boards/{detail.name}"
        texts = {f"{version or 'latest'}.json": text for version, text in render.render_board_documents(detail).items()}
        for name, text in texts.items():
            self._write_new(f"{place}/{name}", hash(text), text.encode)
        for file in (self._root / place).glob("*.json"):
            if file.name not in texts:
                self._remove(f"{place}/{file.name}")

    def _write_new(self, place: str, what: object, content: Callable[[], bytes]) -> None:
        """Write a file unless it was written for the same before: a large project costs no more than its change."""
        if self._written.get(place) != what:
            write.write_if_different(self._root / place, content())
            self._written[place] = what

    def _remove(self, place: str) -> None:
        self._written.pop(place, None)
        write.remove_file(self._root / place, self._root)

    def remove_metadata(self, paths: set[str]) -> None:
        """Remove what announced files that are gone."""
        for path in paths:
            self._remove(render.metadata_path(path))

    def write_overview(self) -> None:
        """The project list where a name came or went; the home page where it would differ."""
        left_out = self._catalogue.left_out()
        if self._pages != self._names or left_out != self._left_out or not self.is_there():
            self._write_names(sorted(self._pages), left_out)
        counts = render.render_counts(self._catalogue.counts())
        write.write_if_different(self._root / "-" / "counts.html", counts.encode())

    def _write_names(self, names: list[str], left_out: dict[str, str]) -> None:
        html, json = render.render_list_html(names), render.render_list_json(names)
        slot = write.next_slot(time.time(), self._knowledge.slot("/"))
        if write.write_representations(self._root / "simple", html, json, slot):
            self._knowledge.remember_rendered("/", "", slot)
            log.info("rendered the project list: %d projects", len(names))
        write.write_if_different(self._root / "index.html", render.render_home(names, left_out).encode())
        self._names, self._left_out = set(names), left_out

    def is_there(self) -> bool:
        """Whether the project list lies where it should."""
        return write.are_there(self._root / "simple")

    def has_page(self, project: str) -> bool:
        return project in self._pages

    def heal(self) -> set[str]:
        """Remove metadata of what is gone; the projects whose pages are due, missing or of what is gone.

        To be called only when everything there is has been read.
        """
        projects = self._catalogue.projects()
        simple = self._root / "simple"
        simple.mkdir(parents=True, exist_ok=True)
        found = {entry.name for entry in simple.iterdir() if entry.is_dir() and not entry.name.startswith(".")}
        self._pages &= found
        self._written.clear()
        for project in projects:
            if self._knowledge.fingerprint(project) and not write.are_there(simple / project):
                self._knowledge.remember_rendered(project, "", self._knowledge.slot(project))
        self._remove_strays()
        return projects | found

    def _remove_strays(self) -> None:
        """Metadata of files that are no longer there, and what a crash left half done."""
        top = self._root / "packages"
        for file in list(top.rglob("*.metadata")):
            path = str(file.relative_to(top)).removesuffix(".metadata")
            if self._catalogue.identity(path) is None:
                self._remove(str(file.relative_to(self._root)))
        for leftover in (*self._root.rglob(".new-*"), *self._root.rglob(".gone-*")):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
