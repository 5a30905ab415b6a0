"""Page sets → a copy of them elsewhere, with all that they offer. What did not change is not written again.

A file is there before a page that names it, and goes after that: whoever reads meanwhile finds what it was told of.
"""

import posixpath
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from indexer.export.fill import fill
from indexer.export.offered import read_digests, read_offered
from indexer.export.owners import Owners
from indexer.export.places import PACKAGES, SIMPLE, START, TOPS, place_pages
from indexer.export.target import Target
from indexer.model import Shelf
from indexer.pages import PEOPLE
from indexer.pages.catalogue import NEW
from indexer.pages.home import COUNTS
from indexer.pages.simple import TOP
from store.names import METADATA
from store.repository import CATALOGUE, OVERVIEW, PROJECTS, Repository
from store.text import render_url

Version = tuple[int, ...]  # of a page set: its directory is another one whenever it changes
_INCLUDED = {"/.counts": (OVERVIEW, COUNTS), "/.new": (CATALOGUE, NEW)}  # nginx.conf has them, too


class Round(NamedTuple):
    """What was done in one: files written and removed, and by page set what could not be done.

    `looked` are the seconds that it took to see what there is.
    """

    written: int
    removed: int
    problems: dict[str, str]
    looked: float = 0.0


class BrokenOff(Exception):
    """There is no time for the rest, or it may not be exported any longer."""


class Mirror:
    """`base_url` is the address of the copy, empty where that is not known. Times are monotonic seconds."""

    def __init__(self, repository: Repository, target: Target, shelf: Shelf, base_url: str) -> None:
        self._repository = repository
        self._target = target
        self._shelf = shelf
        self._base_url = base_url
        self._seen: dict[str, Version] = {}
        self._beside: dict[str, list[Path]] = {}  # signatures and provenances, which no page tells the bytes of
        self._owners = Owners()
        self._is_swept = False

    def forget(self) -> None:
        """Look at everything again in the next round: somebody may have changed the copy."""
        self._seen.clear()
        self._is_swept = False

    def step(self, now: float, *, goes_on: Callable[[], bool], is_calm: bool, may_remove: bool) -> Round:
        """Bring the copy up to date, as far as that can be done. BadDirectory where it is not there any longer.

        It is asked before each page set and file whether it `goes_on`. While it is not calm, others may still lead to
        what is of nothing any longer, and it stays for a while.
        """
        self._target.check()
        sets, written, problems = self._find_sets(), 0, dict[str, str]()
        looked = time.monotonic() - now
        for name in (each for each, version in sets.items() if self._seen.get(each) != version):
            if f"{PROJECTS}/{name.removeprefix(PEOPLE + '/')}" in problems:
                continue  # its pages for people name the same files
            try:
                changed, wanted = self._mirror(name, goes_on)
            except BrokenOff:
                return Round(written, 0, {"": "broken off"}, looked)
            except (OSError, ValueError, LookupError) as error:  # a page or file that is not as it should be
                problems[name] = self._target.explain(error)
            else:
                written += changed
                self._owners.own(name, wanted, now)
                self._seen[name] = sets[name]
        for name in self._owners.sets() - sets.keys():
            self._owners.drop(name, now)
            self._seen.pop(name, None)
        removed = self._remove(now, problems, is_calm=is_calm) if may_remove else 0
        return Round(written, removed, problems, looked)

    def _find_sets(self) -> dict[str, Version]:
        """Page set → its version: what installers wait for first, and what is about all last."""
        below = [f"{kind}/{name}" for kind in (PROJECTS, PEOPLE) for name in _list_names(self._repository.site / kind)]
        sets = {name: self._version_of(name) for name in (*below, CATALOGUE, OVERVIEW)}
        return sets | {OVERVIEW: (*sets[OVERVIEW], *sets[CATALOGUE])}  # the start page has parts of both

    def _version_of(self, name: str) -> Version:
        paths = (self._repository.site / name, *self._beside.get(name, ()))
        return tuple(number for path in paths for number in _identify(path))

    def _remove(self, now: float, problems: dict[str, str], *, is_calm: bool) -> int:
        """Remove what is of nothing any longer, and once everything was looked at what never was of anything."""
        removed, failed = 0, dict[str, str]()
        for path in self._owners.take_gone(now, is_calm=is_calm):
            try:
                removed += self._target.remove(path)
            except OSError as error:
                failed[path] = error.strerror or str(error)
        self._owners.give_back(failed, now)
        if is_calm and not self._is_swept:
            kept = tuple(prefix for name in problems for prefix in self._list_prefixes(name))
            swept, unswept = self._target.sweep(lambda path: path in self._owners or path.startswith(kept))
            removed, failed = removed + swept, failed | unswept
            self._is_swept = not (problems or failed)
        problems |= {path: f"cannot be removed: {reason}" for path, reason in failed.items()}
        return removed

    def _list_prefixes(self, name: str) -> list[str]:
        """How the paths begin that the copy has of a page set, as far as that says."""
        _, _, project = name.partition("/")
        if not project:
            return [""]
        page = f"{SIMPLE}/{project}/index.json"
        urls = read_digests(self._target.read(page))
        files = [posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(url))) for url in urls]
        return [f"{top}/{project}/" for top in TOPS] + files

    def _mirror(self, name: str, goes_on: Callable[[], bool]) -> tuple[int, set[str]]:
        """Write what the page set offers, and then its pages; how much changed, and all paths that it has."""
        _check(goes_on)
        kind, _, project = name.partition("/")
        directory = self._repository.site / name
        changed, wanted = self._mirror_files(project, goes_on) if kind == PROJECTS else (0, set())
        placed = place_pages(name, _list_pages(directory), has_address=bool(self._base_url))
        for path, page in placed.items():
            content = (directory / page).read_bytes()
            changed += self._target.write(path, fill(path, content, self._base_url, self._read_included(path)))
        return changed, wanted | placed.keys()

    def _read_included(self, path: str) -> dict[str, bytes]:
        if path != START:
            return {}
        return {url: (self._repository.site / name / page).read_bytes() for url, (name, page) in _INCLUDED.items()}

    def _mirror_files(self, project: str, goes_on: Callable[[], bool]) -> tuple[int, set[str]]:
        """The project's files, unless they lie elsewhere, and what lies beside each."""
        said = read_digests(self._target.read(f"{SIMPLE}/{project}/index.json"))
        changed, wanted, beside_all = 0, set[str](), list[Path]()
        for file in read_offered(self._repository, project):
            _check(goes_on)
            path, source = f"{PACKAGES}/{file.path}", self._repository.packages / file.path
            if not self._shelf.address:
                said_of_it = said.get(f"{TOP}{PACKAGES}/{render_url(file.path)}")
                changed += self._target.copy(path, source, file.digest, said_of_it)
                beside = {f"{path}{suffix}": source.with_name(f"{source.name}{suffix}") for suffix in file.beside}
                changed += sum(self._target.write(each, there.read_bytes()) for each, there in beside.items())
                beside_all += beside.values()
                wanted |= {path, *beside}
            if file.has_metadata:
                metadata = self._repository.site / PACKAGES / f"{file.path}{METADATA}"
                changed += self._target.write(f"{path}{METADATA}", metadata.read_bytes())
                wanted.add(f"{path}{METADATA}")
        self._beside[f"{PROJECTS}/{project}"] = beside_all
        return changed, wanted


def _check(goes_on: Callable[[], bool]) -> None:
    """Raise BrokenOff where it does not."""
    if not goes_on():
        raise BrokenOff


def _identify(path: Path) -> Version:
    """What tells a file or directory from another, and from what it was before; nothing where there is none."""
    try:
        facts = path.stat()
    except OSError:
        return ()
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _list_names(directory: Path) -> list[str]:
    found = (path.name for path in directory.iterdir()) if directory.is_dir() else ()
    return sorted(name for name in found if not name.startswith("."))


def _list_pages(directory: Path) -> list[str]:
    """The pages of a set, in the one form that a copy has."""
    found = (path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
    return sorted(page for page in found if not page.endswith(".gz"))
