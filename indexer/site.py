"""The pages below one repository's site, written by one rule for every kind.

A page set is written into a directory elsewhere, which is then exchanged with the one that is there: all its pages
change in one step, and what did not change is the same file as before. The directory it replaces stays for a while, for
a reader may be on its way through it. Files beside are written before the set that announces them, and removed after.
"""

import contextlib
import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path

from indexer.exchange import Exchange, find_target
from indexer.forms import SLOT, find_forms, find_slot, link_alias, link_forms, write_beside, write_forms, write_links
from indexer.graves import Graves
from indexer.manifest import Beside, Manifest, PageSet, Written
from indexer.pages import KINDS, PEOPLE, Companion
from indexer.rendered import Rendered
from indexer.versions import Batches, find_slots, list_versions, name_version
from store import files
from store.boards import UNPACKED
from store.repository import CATALOGUE, OVERVIEW, PROJECTS, Repository

_KINDS = [*(kind.name for kind in KINDS), PEOPLE]
NEW = ".new-"  # of names of files that are moved as soon as they are whole


def project_of(name: str) -> str | None:
    """The project that a page set is of; None for the one about all."""
    return name.partition("/")[2] or None


class Site:
    """Writes below `repository.site`. OSError where the disk refuses; then what was there before is still there."""

    def __init__(self, repository: Repository, manifest: Manifest) -> None:
        self._root = repository.site
        self._versions = repository.versions
        self._manifest = manifest
        self._beside = manifest.directories_beside()  # right below the site
        self._slots: dict[str, int] | None = None
        self._graves = Graves()
        self._batches = Batches(repository.versions)
        self._exchange = Exchange()

    @property
    def version(self) -> str:
        """Changes whenever nothing is known any longer of what was written."""
        return self._manifest.version

    def is_current(self, name: str, fingerprint: str) -> bool:
        """Whether the set was rendered from the same, and nothing is known to have happened to it since."""
        known = self._manifest.find_set(name)
        return known is not None and known.fingerprint == fingerprint

    def knows(self, name: str) -> bool:
        """Whether there is such a set, as far as is known."""
        known = self._manifest.find_set(name)
        return known is not None and bool(known.files)

    def projects(self) -> set[str]:
        """Every project that has pages, as the disk says."""
        with contextlib.suppress(OSError), os.scandir(self._root / PROJECTS) as entries:
            return {entry.name for entry in entries if not entry.name.startswith(".")}
        return set()

    def pages_of(self, name: str) -> dict[str, str]:
        """The pages of a set that are whole, with what tells each from any other: see `Rendered.keys`."""
        digests = _digests(known := self._known(name))
        for form, written in known.files.items():
            if not written.is_at(f"{self._root}/{name}/{form}"):
                digests.pop(form.removesuffix(".gz"), None)
        return digests

    def publish(self, name: str, rendered: Rendered, now: float) -> bool:
        """Make the set consist of what was rendered, in one step; False where it does.

        `now` is in seconds since 1970. FileNotFoundError where a page that is to stay is not there any longer.
        """
        known, before = self._known(name), self.pages_of(name)
        digests = rendered.digests()
        if before == digests and _digests(known) == digests:
            self._manifest.put_set(name, PageSet(known.slot, rendered.fingerprint, known.files))
            return False
        slot = max(int(now) // SLOT, known.slot + 1)
        directory = self._make_version(name, slot)
        written: dict[str, Written] = {}
        for page in digests.keys() - rendered.aliases.keys() - rendered.links.keys():
            is_same = before.get(page) == digests[page]
            linked = link_forms(f"{self._root}/{name}", known.files, page, directory) if is_same else {}
            written |= linked or write_forms(directory, page, rendered.forms(page), digests[page], slot)
        for alias, page in rendered.aliases.items():
            written |= link_alias(directory, written, page, alias)
        written |= write_links(f"{self._root}/{name}", known.files, rendered.links, directory)
        self._bury(self._exchange.put(f"{self._root}/{name}", directory), now)
        self._manifest.put_set(name, PageSet(slot, rendered.fingerprint, written))
        return True

    def _make_version(self, name: str, slot: int) -> str:
        directory = self._batches.begin(name_version(name, slot))
        try:
            os.mkdir(directory)
        except FileExistsError:  # the last try left it
            files.remove(Path(directory))
            os.mkdir(directory)
        return directory

    def _begin(self, name: str) -> str:
        """Where a file that is to be moved to its place is written."""
        return self._batches.begin(f"{NEW}{name}")

    def withdraw(self, name: str, now: float) -> bool:
        """Remove the set, and then what it announced; whether there was one."""
        slot = self._known(name).slot + 1
        taken = self._exchange.take(f"{self._root}/{name}", lambda: self._batches.begin(name_version(name, slot)))
        self._bury(taken, now)
        self._manifest.put_set(name, PageSet(slot))
        self.drop_beside(name, set())
        return bool(taken)

    def _known(self, name: str) -> PageSet:
        """The set as it was written, or where that was forgotten as it is found."""
        known = self._manifest.find_set(name)
        if known is None:
            forms = find_forms(self._root / name)
            known = PageSet(max(self._last_slot(name), find_slot(forms)), "", forms)
            self._manifest.put_set(name, known)
        return known

    def _last_slot(self, name: str) -> int:
        """The last slot that a directory bears: no validator may be used twice, whatever was forgotten."""
        if self._slots is None:
            self._slots = find_slots(self._versions)
        return self._slots.get(name, 0)

    def _is_whole(self, name: str, known: PageSet) -> bool:
        return all(written.is_at(f"{self._root}/{name}/{form}") for form, written in known.files.items())

    def _bury(self, replaced: Iterable[str], now: float) -> None:
        for path in replaced:
            if path.startswith(f"{self._versions}/"):
                self._graves.bury(path, now)

    def clear_graves(self, now: float, patience: float, *, is_calm: bool) -> None:
        """Remove directories that nobody can be reading any more, for about `patience` seconds."""
        self._graves.clear(now, patience, is_calm=is_calm)

    def roots(self) -> set[tuple[str, int]]:
        """The directories that everything lies in, by name and inode; what is deleted as a whole is missing here."""
        with contextlib.suppress(OSError), os.scandir(self._root) as entries:
            found = {(entry.name, entry.inode()) for entry in entries if entry.is_dir(follow_symlinks=False)}
            return {(name, inode) for name, inode in found if name not in (OVERVIEW, CATALOGUE)}  # always others
        return set()

    def write_beside(self, owner: str, wanted: Mapping[str, Companion], read: Callable[[Companion], bytes]) -> None:
        """Write what a page set is about to announce, as far as it is not there yet."""
        if wanted:
            self._known(owner)  # what fails from here on is a known set's: the manifest notes files of these alone
        new: dict[str, Beside] = {}
        there = self._manifest.beside_of(owner)
        for path, companion in wanted.items():
            if there.get(path) == companion.key:
                continue
            known = self._manifest.find_beside(path)
            if known.key == companion.key:
                forms = known.files
            else:
                forms = write_beside(f"{self._root}/{path}", read(companion), known.files, self._begin)
            new[path] = Beside(owner, companion.key, forms)
        if new:
            self._beside |= {path.partition("/")[0] for path in new}
            self._manifest.put_beside(new)

    def drop_beside(self, owner: str, wanted: Container[str]) -> None:
        """Remove what the set no longer announces, and no other does."""
        gone = [path for path in self._manifest.beside_of(owner) if path not in wanted]
        for path in gone:
            for suffix in self._manifest.find_beside(path).files:
                (self._root / f"{path}{suffix}").unlink(missing_ok=True)
            self._remove_empty_parents(self._root / path)
        self._manifest.drop_beside(gone)

    def _remove_empty_parents(self, path: Path) -> None:
        with contextlib.suppress(OSError):  # it is not empty
            for directory in path.parents:
                if directory == self._root:
                    return
                directory.rmdir()

    def find_damage(self) -> Iterator[str | None]:
        """Look at everything that was written, a step for each: a page set that has to be made again, or None."""
        for name, known in self._manifest.sets():
            is_damaged = bool(known.files) and not self._is_whole(name, known)
            yield self._doubt(name, known) if is_damaged and self._manifest.find_set(name) == known else None
        for path, entry in self._manifest.beside():
            is_damaged = not all(
                written.is_at(f"{self._root}/{path}{suffix}") for suffix, written in entry.files.items()
            )
            if is_damaged and self._manifest.find_beside(path) == entry:
                self._manifest.drop_beside([path])
                yield self._doubt(entry.owner, self._known(entry.owner))
            else:
                yield None

    def _doubt(self, name: str, known: PageSet) -> str:
        """Have the set rendered again, whatever it was rendered from."""
        self._manifest.put_set(name, PageSet(known.slot, "", known.files))
        return name

    def _tops(self) -> list[Path]:
        """The directories right below the site that are ours: what else lies there somebody else has put there."""
        return [self._root / name for name in sorted({*_KINDS, self._versions.name} | self._beside)]

    def find_obstacles(self) -> list[Path]:
        """What stands where there should be a directory."""
        tops = [*self._tops(), self._root / UNPACKED]
        return [path for path in tops if os.path.lexists(path) and (path.is_symlink() or not path.is_dir())]

    def find_strays(self) -> Iterator[Path | None]:
        """Look at everything below the site, a step for each: a path that nothing leads to, or None."""
        for directory, names, filenames in (each for top in self._tops() for each in os.walk(top)):
            here = Path(directory)
            if here == self._versions:
                yield from self._find_stray_versions()
                names.clear()
                continue
            is_of_sets = here.name in _KINDS and here.parent == self._root
            others = [name for name in names if is_of_sets or (here / name).is_symlink()]
            yield from (None if self._is_expected(here / name) else here / name for name in (*filenames, *others))
            if is_of_sets:
                names.clear()

    def _find_stray_versions(self) -> list[Path]:
        targets = (find_target(f"{self._root}/{name}") for name, known in self._manifest.sets() if known.files)
        kept = {os.path.basename(target) for target in targets if target} | self._graves.names()
        there = list_versions(self._versions)
        return [path for path in there if path.name not in kept and not self._batches.is_open(path)]

    def _is_expected(self, path: Path) -> bool:
        name = path.relative_to(self._root).as_posix()
        known = self._manifest.find_set(name)
        if known is not None:
            return bool(known.files)
        if self._manifest.find_beside(name).files:
            return True
        return ".gz" in self._manifest.find_beside(name.removesuffix(".gz")).files


def _digests(known: PageSet) -> dict[str, str]:
    """Digest by page, of sets whose forms agree; of others none that any page has."""
    digests: dict[str, str] = {}
    for form, written in known.files.items():
        page = form.removesuffix(".gz")
        digests[page] = written.digest if digests.get(page, written.digest) == written.digest else ""
    return digests
