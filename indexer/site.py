"""The pages below `site/`: which of them are due, and writing those."""

import logging
import shutil
import time
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
        shutil.rmtree(self._root / "boards" / project, ignore_errors=True)
        self._knowledge.remember_rendered(project, "", self._knowledge.slot(project))
        if there:
            log.info("removed the pages of %s: it has no files", project)
        return there

    def _write_metadata(self, detail: ProjectDetail) -> None:
        """Each wheel's METADATA, in place before the page that announces it."""
        for file in detail.files:
            digest = file.distribution.metadata_digest
            if digest:
                text = self._knowledge.core_metadata(file.path, file.identity)
                write.write_if_different(self._root / render.metadata_path(file.path), text)

    def _write_boards(self, detail: ProjectDetail) -> None:
        directory = self._root / "boards" / detail.name
        documents = render.render_board_documents(detail)
        for version, text in documents.items():
            write.write_if_different(directory / f"{version or 'latest'}.json", text.encode())
        keep = {f"{version or 'latest'}.json" for version in documents}
        for file in directory.glob("*.json"):
            if file.name not in keep:
                write.remove_file(file, self._root / "boards")

    def remove_metadata(self, paths: set[str]) -> None:
        """Remove what announced files that are gone."""
        for path in paths:
            write.remove_file(self._root / render.metadata_path(path), self._root)

    def write_overview(self) -> None:
        """The project list where a name came or went; the home page where it would differ."""
        names = sorted(self._pages)
        left_out = self._catalogue.left_out()
        simple = self._root / "simple"
        if self._pages != self._names or not self.is_there():
            slot = write.next_slot(time.time(), self._knowledge.slot("/"))
            if write.write_representations(
                simple, render.render_list_html(names), render.render_list_json(names), slot
            ):
                self._knowledge.remember_rendered("/", "", slot)
                log.info("rendered the project list: %d projects", len(names))
            self._names = set(names)
        write.write_if_different(self._root / "index.html", render.render_home(names, left_out).encode())
        write.write_if_different(
            self._root / "-" / "counts.html", render.render_counts(self._catalogue.counts()).encode()
        )

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
                write.remove_file(file, self._root)
        for leftover in (*self._root.rglob(".new-*"), *self._root.rglob(".gone-*")):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
