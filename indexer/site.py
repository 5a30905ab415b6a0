"""The pages below one repository's site, written by one rule for every kind.

A page set is written into a directory of its own, and then one link is switched to it: all its pages change in one
step, and what did not change is the same file as before. The directory it replaces stays for a few seconds, for a
reader may be on its way through it. Files beside are written before the set that announces them, and removed after.
"""

import contextlib
import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from indexer.forms import SLOT, find_forms, link_forms, page_of, write_beside, write_forms
from indexer.manifest import Beside, Manifest, PageSet, Written
from indexer.pages import Companion
from store import files
from store.repository import PROJECTS, Repository

GRACE = 5.0  # seconds that a directory outlives its switch


def set_of(project: str) -> str:
    """The page set of a project, by its path below the site."""
    return f"{PROJECTS}/{project}"


def project_of(name: str) -> str | None:
    """The project that a page set is of; None for the one about all."""
    return name.removeprefix(f"{PROJECTS}/") if name.startswith(f"{PROJECTS}/") else None


class Site:
    """Writes below `repository.site`. OSError where the disk refuses; then what was there before is still there."""

    def __init__(self, repository: Repository, manifest: Manifest) -> None:
        self._root = repository.site
        self._versions = repository.versions
        self._manifest = manifest
        self._owned: dict[str, set[str]] = {}  # by page set, the paths beside that it announces
        for path, entry in manifest.beside.items():
            self._owned.setdefault(entry.owner, set()).add(path)
        self._beside = {path.partition("/")[0] for path in manifest.beside}  # the directories right below the site
        self._slots = _find_slots(repository.versions)
        self._graves: deque[tuple[float, Path]] = deque()

    def is_current(self, name: str, fingerprint: str) -> bool:
        """Whether the set was rendered from the same, and nothing is known to have happened to it since."""
        known = self._manifest.sets.get(name)
        return known is not None and known.fingerprint == fingerprint

    def projects(self) -> set[str]:
        """Every project that has pages, as the disk says."""
        with contextlib.suppress(OSError), os.scandir(self._root / PROJECTS) as entries:
            return {entry.name for entry in entries if not entry.name.startswith(".")}
        return set()

    def publish(self, name: str, pages: Mapping[str, bytes], fingerprint: str, now: float) -> bool:
        """Make the set consist of these pages, in one step; False where it does. `now` is in seconds since 1970."""
        known = self._known(name)
        digests = {page: hashlib.sha256(content).hexdigest() for page, content in pages.items()}
        if _digests(known) == digests and self._is_whole(name, known):
            self._manifest.put_set(name, PageSet(known.slot, fingerprint, known.files))
            return False
        slot = max(int(now) // SLOT, known.slot + 1)
        directory = self._versions / _version(name, slot)
        self._make_version(directory)
        same = {page for page, digest in _digests(known).items() if digests.get(page) == digest}
        written: dict[str, Written] = {}
        for page, content in pages.items():
            linked = link_forms(self._root / name, known.files, page, directory) if page in same else {}
            written |= linked or write_forms(directory, page, content, slot)
        self._switch(name, directory, now)
        self._manifest.put_set(name, PageSet(slot, fingerprint, written))
        return True

    def _make_version(self, directory: Path) -> None:
        try:
            directory.mkdir()
        except FileExistsError:  # a crash left it
            files.remove(directory)
            directory.mkdir()
        except FileNotFoundError:
            directory.mkdir(parents=True)

    def withdraw(self, name: str, now: float) -> bool:
        """Remove the set, and then what it announced; whether there was one."""
        link, known = self._root / name, self._known(name)
        before, there = _target(link), os.path.lexists(link)
        files.remove(link)
        self._bury(before, now)
        self._manifest.put_set(name, PageSet(known.slot))
        self.drop_beside(name, set())
        return there

    def _known(self, name: str) -> PageSet:
        """The set as it was written, or where that was forgotten as it is found."""
        known = self._manifest.sets.get(name)
        if known is None:
            known = PageSet(self._slots.get(name, 0), "", find_forms(self._root / name))
            self._manifest.sets[name] = known
        return known

    def _is_whole(self, name: str, known: PageSet) -> bool:
        link = self._root / name
        before = _target(link)
        if before is None or before.name != _version(name, known.slot):
            return False
        return all(written.is_at(link / form) for form, written in known.files.items())

    def _switch(self, name: str, directory: Path, now: float) -> None:
        link = self._root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        before = _target(link)
        files.switch(link, directory)
        self._bury(before, now)

    def _bury(self, directory: Path | None, now: float) -> None:
        if directory is not None and directory.parent == self._versions:
            self._graves.append((now + GRACE, directory))

    def clear_graves(self, now: float, patience: float) -> None:
        """Remove directories that nobody can be reading any more, for about `patience` seconds."""
        deadline = time.monotonic() + patience
        while self._graves and not now < self._graves[0][0] <= now + GRACE and time.monotonic() < deadline:
            files.remove(self._graves.popleft()[1])

    def roots(self) -> set[tuple[str, int]]:
        """The directories that everything lies in, by name and inode; what is deleted as a whole is missing here."""
        with contextlib.suppress(OSError), os.scandir(self._root) as entries:
            return {(entry.name, entry.inode()) for entry in entries if entry.is_dir(follow_symlinks=False)}
        return set()

    def write_beside(self, owner: str, wanted: Mapping[str, Companion], read: Callable[[Companion], bytes]) -> None:
        """Write what a page set is about to announce, as far as it is not there yet."""
        new: dict[str, Beside] = {}
        self._beside |= {path.partition("/")[0] for path in wanted}
        for path, companion in wanted.items():
            known = self._manifest.beside.get(path, Beside("", "", {}))
            if known.key != companion.key:
                forms = write_beside(self._root / path, read(companion), known.files)
                new[path] = Beside(owner, companion.key, forms)
            elif known.owner != owner:
                new[path] = Beside(owner, known.key, known.files)
        self._manifest.put_beside(new)
        self._owned.setdefault(owner, set()).update(new)

    def drop_beside(self, owner: str, wanted: set[str]) -> None:
        """Remove what the set no longer announces, and no other does."""
        owned = self._owned.pop(owner, set())
        entries = self._manifest.beside
        gone = {path for path in owned - wanted if path in entries and entries[path].owner == owner}
        for path in gone:
            for suffix in entries[path].files:
                (self._root / f"{path}{suffix}").unlink(missing_ok=True)
            self._remove_empty_parents(self._root / path)
        self._manifest.drop_beside(gone)
        if owned & wanted:
            self._owned[owner] = owned & wanted

    def _remove_empty_parents(self, path: Path) -> None:
        with contextlib.suppress(OSError):  # it is not empty
            for directory in path.parents:
                if directory == self._root:
                    return
                directory.rmdir()

    def find_damage(self) -> Iterator[str | None]:
        """Look at everything that was written, a step for each: a page set that has to be made again, or None."""
        for name, known in list(self._manifest.sets.items()):
            is_damaged = bool(known.files) and not self._is_whole(name, known)
            yield self._doubt(name, known) if is_damaged and self._manifest.sets.get(name) is known else None
        for path, entry in list(self._manifest.beside.items()):
            is_damaged = not all(
                written.is_at(self._root / f"{path}{suffix}") for suffix, written in entry.files.items()
            )
            if is_damaged and self._manifest.beside.get(path) is entry:
                self._manifest.drop_beside([path])
                yield self._doubt(entry.owner, self._known(entry.owner))
            else:
                yield None

    def _doubt(self, name: str, known: PageSet) -> str:
        """Have the set rendered again, whatever it was rendered from."""
        self._manifest.sets[name] = PageSet(known.slot, "", known.files)
        return name

    def _tops(self) -> list[Path]:
        """The directories right below the site that are ours: what else lies there somebody else has put there."""
        return [self._root / name for name in sorted({PROJECTS, self._versions.name} | self._beside)]

    def find_obstacles(self) -> list[Path]:
        """What stands where there should be a directory."""
        return [path for path in self._tops() if os.path.lexists(path) and (path.is_symlink() or not path.is_dir())]

    def find_strays(self) -> Iterator[Path | None]:
        """Look at everything below the site, a step for each: a path that nothing leads to, or None."""
        for directory, names, filenames in (each for top in self._tops() for each in os.walk(top)):
            here = Path(directory)
            if here == self._versions:
                kept = {_version(name, known.slot) for name, known in self._manifest.sets.items() if known.files}
                kept |= {path.name for _, path in self._graves}
                yield from (here / name for name in {*names, *filenames} - kept)
                names.clear()
                continue
            links = [name for name in names if (here / name).is_symlink()]
            yield from (None if self._is_expected(here / name) else here / name for name in (*filenames, *links))

    def _is_expected(self, path: Path) -> bool:
        name = path.relative_to(self._root).as_posix()
        if name in self._manifest.sets:
            return bool(self._manifest.sets[name].files)
        beside = self._manifest.beside
        return name in beside or ".gz" in beside.get(name.removesuffix(".gz"), Beside("", "", {})).files

    def close(self) -> None:
        self._manifest.close()


def _digests(known: PageSet) -> dict[str, str]:
    """Digest by page, of sets whose forms agree; of others none that any page has."""
    digests: dict[str, str] = {}
    for form, written in known.files.items():
        page = page_of(form)
        digests[page] = written.digest if digests.get(page, written.digest) == written.digest else ""
    return digests


def _target(link: Path) -> Path | None:
    """Where a page set's link leads; None where there is no link."""
    with contextlib.suppress(OSError):
        return Path(os.path.normpath(link.parent / link.readlink()))
    return None


def _version(name: str, slot: int) -> str:
    return f"{name.replace('/', '@')}@{slot}"


def _find_slots(versions: Path) -> dict[str, int]:
    """By page set, the last slot that a directory bears: no validator may be used twice, whatever was forgotten."""
    slots: dict[str, int] = {}
    with contextlib.suppress(OSError):
        for path in versions.iterdir():
            name, _, slot = path.name.replace("@", "/", path.name.count("@") - 1).rpartition("@")
            if slot.isdecimal() and len(slot) < 16:
                slots[name] = max(int(slot), slots.get(name, 0))
    return slots
