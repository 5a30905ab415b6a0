"""Page sets → a copy of them elsewhere, with all that they offer. What did not change is not written again.

A file is there before a page that names it, and goes after that: whoever reads meanwhile finds what it was told of.
"""

from pathlib import Path
from typing import NamedTuple

from indexer.export.fill import fill
from indexer.export.offered import read_digests, read_offered
from indexer.export.places import PACKAGES, SIMPLE, START, place_pages
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
    """What was done in one: files written and removed, and by page set what could not be done."""

    written: int
    removed: int
    problems: dict[str, str]


class Mirror:
    """`base_url` is the address of the copy, empty where that is not known."""

    def __init__(self, repository: Repository, target: Target, shelf: Shelf, base_url: str) -> None:
        self._repository = repository
        self._target = target
        self._shelf = shelf
        self._base_url = base_url
        self._seen: dict[str, Version] = {}
        self._paths: dict[str, set[str]] = {}  # what each page set has in the copy
        self._owners: dict[str, str] = {}  # path in the copy → the page set that it is of
        self._is_swept = False

    def forget(self) -> None:
        """Look at everything again in the next round: somebody may have changed the copy."""
        self._seen.clear()
        self._is_swept = False

    def step(self) -> Round:
        """Bring the copy up to date, as far as that can be done."""
        sets, written, problems, gone = self._find_sets(), 0, dict[str, str](), list[str]()
        for name, version in sets.items():
            if self._seen.get(name) == version:
                continue
            try:
                changed, wanted = self._mirror(name)
            except (OSError, ValueError, LookupError) as error:  # a page or file that is not as it should be
                problems[name] = str(error)
            else:
                written += changed
                gone += self._own(name, wanted)
                self._seen[name] = version
        for name in self._seen.keys() - sets.keys():
            gone += self._own(name, set())
            del self._seen[name], self._paths[name]
        removed = sum(map(self._target.remove, gone))
        return Round(written, removed + (0 if problems else self._sweep()), problems)

    def _find_sets(self) -> dict[str, Version]:
        """Page set → its version: what installers wait for first, and what is about all last."""
        below = [f"{kind}/{name}" for kind in (PROJECTS, PEOPLE) for name in _list_names(self._repository.site / kind)]
        sets = {name: self._version_of(name) for name in (*below, CATALOGUE, OVERVIEW)}
        return sets | {OVERVIEW: (*sets[OVERVIEW], *sets[CATALOGUE])}  # the start page has parts of both

    def _version_of(self, name: str) -> Version:
        facts = (self._repository.site / name).stat()
        return facts.st_dev, facts.st_ino, facts.st_mtime_ns

    def _own(self, name: str, wanted: set[str]) -> list[str]:
        """Note what the page set has in the copy now; what it had before, and no other has."""
        before, self._paths[name] = self._paths.get(name, set()), wanted
        self._owners |= dict.fromkeys(wanted, name)
        gone = [path for path in sorted(before - wanted) if self._owners[path] == name]
        for path in gone:
            del self._owners[path]
        return gone

    def _sweep(self) -> int:
        """Once everything was looked at: remove what is of nothing."""
        if self._is_swept:
            return 0
        self._is_swept = True
        return self._target.sweep(self._owners)

    def _mirror(self, name: str) -> tuple[int, set[str]]:
        """Write what the page set offers, and then its pages; how much changed, and all paths that it has."""
        kind, _, project = name.partition("/")
        directory = self._repository.site / name
        changed, wanted = self._mirror_files(project) if kind == PROJECTS else (0, set())
        placed = place_pages(name, _list_pages(directory), has_address=bool(self._base_url))
        for path, page in placed.items():
            content = (directory / page).read_bytes()
            changed += self._target.write(path, fill(path, content, self._base_url, self._read_included(path)))
        return changed, wanted | placed.keys()

    def _read_included(self, path: str) -> dict[str, bytes]:
        if path != START:
            return {}
        return {url: (self._repository.site / name / page).read_bytes() for url, (name, page) in _INCLUDED.items()}

    def _mirror_files(self, project: str) -> tuple[int, set[str]]:
        """The project's files, unless they lie elsewhere, and what lies beside each."""
        said = read_digests(self._target.directory / SIMPLE / project / "index.json")
        changed, wanted = 0, set[str]()
        for file in read_offered(self._repository, project):
            path, source = f"{PACKAGES}/{file.path}", self._repository.packages / file.path
            if not self._shelf.address:
                said_of_it = said.get(f"{TOP}{PACKAGES}/{render_url(file.path)}")
                changed += self._target.copy(path, source, file.digest, said_of_it)
                beside = {suffix: source.with_name(f"{source.name}{suffix}").read_bytes() for suffix in file.beside}
                changed += sum(self._target.write(f"{path}{suffix}", text) for suffix, text in beside.items())
                wanted |= {path, *(f"{path}{suffix}" for suffix in beside)}
            if file.has_metadata:
                metadata = self._repository.site / PACKAGES / f"{file.path}{METADATA}"
                changed += self._target.write(f"{path}{METADATA}", metadata.read_bytes())
                wanted.add(f"{path}{METADATA}")
        return changed, wanted


def _list_names(directory: Path) -> list[str]:
    found = (path.name for path in directory.iterdir()) if directory.is_dir() else ()
    return sorted(name for name in found if not name.startswith("."))


def _list_pages(directory: Path) -> list[str]:
    """The pages of a set, in the one form that a copy has."""
    found = (path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
    return sorted(page for page in found if not page.endswith(".gz"))
