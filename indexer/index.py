"""What lies in `packages/` as far as is known: files by path, projects, and what is rejected. No disk.

`put` and `remove` answer which projects' pages this makes dirty; queries change nothing.
"""

import os
from collections import Counter

from packaging.utils import canonicalize_name

from indexer import rows
from indexer.model import HERE, Counts, Facts, ListedFile, ProjectDetail, Provenance, Shelf, Signature, Yank
from indexer.reasons import why_alone, why_ambiguous, why_behind, why_unknown, why_unrelated
from indexer.rows import BESIDE, COLUMNS, REJECTED, STATUS, Known, Release, keep_status, parse_releases
from indexer.state import State
from store.distribution import Distribution
from store.identity import NO_IDENTITY, Identity
from store.names import PROVENANCE, SIDECARS, SIGNATURE, YANKED, base_of_sidecar
from store.status import SUFFIX, Status


class Index:
    """The indexer's view of one repository. `version` is of what decides what is learnt, `shelf` is for its pages."""

    def __init__(self, state: State, version: str, shelf: Shelf = HERE) -> None:
        self._state = state
        self.shelf = shelf
        if not state.is_of("inspection", version):
            state.write("delete from files", [()])
        passing = state.all("select path from files where kind = 'passing' or (inode, size, mtime) = (0, 0, 0)")
        state.write("delete from files where path = ?", passing)  # it may be otherwise now
        self._projects = Counter(dict(state.all("select project, count(*) from files where project > '' group by 1")))
        listed = "select count(*), ifnull(sum(size), 0) from files where project is not null and behind is null"
        self._listed, self._size = state.one(listed)
        self._ambiguous = {
            os.fsdecode(path): parse_releases(text)
            for path, text in state.all("select path, releases from files where releases is not null")
        }
        self._statuses = {os.fsdecode(path) for (path,) in state.all(f"select path from files where kind = '{STATUS}'")}
        beside = state.all(f"select path from files where kind in {BESIDE}")
        self._beside = len(beside)
        self._orphans = {
            path for (name,) in beside if self._find(base_of_sidecar(path := os.fsdecode(name)) or "") is None
        }

    def __len__(self) -> int:
        return int(self._state.one("select count(*) from files")[0])

    def _find(self, path: str) -> Known | None:
        row = self._state.one(f"select {COLUMNS} from files where path = ?", os.fsencode(path))
        return Known(*row) if row else None

    def paths_below(self, path: str) -> set[str]:
        """The known paths at or below `path`; all for the empty path."""
        own, end = (os.fsencode(f"{path}/"), os.fsencode(f"{path}0")) if path else (b"", b"\xff")  # 0 comes after /
        below = self._state.all("select path from files where path >= ? and path < ?", own, end)
        found = {os.fsdecode(each) for (each,) in below}
        return found | {path} if self._find(path) else found

    def identity(self, path: str) -> Identity | None:
        found = self._find(path)
        return found.identity if found else None

    def facts(self, path: str) -> Facts | None:
        found = self._find(path)
        return found.facts if found else None

    def projects(self) -> set[str]:
        return set(self._projects)

    def put(self, path: str, identity: Identity, facts: Facts) -> set[str]:
        known = self._find(path)
        new = Known.of(path, identity, keep_status(facts, known))
        if known is not None and known.is_same(new):
            return set()
        dirty = self.remove(path) if known else set()
        is_alone = new.project is None or self._is_alone(new.project, new.name)
        where = os.fsencode(path)
        row = (where, len(where) - len(new.name) + 1, *new[1:], None if is_alone else b"")
        self._state.write(rows.INSERT, [row])
        if new.releases is not None:
            self._ambiguous[path] = parse_releases(new.releases)
            dirty |= self._resolve(path)
        elif new.project is not None:
            self._count_in(new.project, new.name, new.size, is_alone=is_alone)
            dirty |= {new.project} | self._resolve_others(new.project)
        return dirty | self._note_beside(path, new.kind, 1)

    def remove(self, path: str) -> set[str]:
        known = self._find(path)
        if known is None:
            return set()
        dirty = self._note_beside(path, known.kind, -1)
        dirty |= self._unassign(path, known)
        self._state.write("delete from files where path = ?", [(os.fsencode(path),)])
        self._ambiguous.pop(path, None)
        if known.project is not None and known.releases is None:
            dirty |= self._resolve_others(known.project)
        return dirty

    def _note_beside(self, path: str, kind: str, step: int) -> set[str]:
        """Take in that a file came or goes, as what others lie beside or as one of these; the project it is about."""
        if kind == STATUS:
            _keep(self._statuses, path, step > 0)
            return {path.removesuffix(SUFFIX)}
        if kind in BESIDE:
            self._beside += step
            base = base_of_sidecar(path) or ""
            found = self._find(base)
            _keep(self._orphans, path, step > 0 and found is None)
            return {found.project} if found and found.project else set()
        if self._beside:
            for suffix in SIDECARS:
                there = self._find(path + suffix)
                _keep(self._orphans, path + suffix, there is not None and there.kind in BESIDE and step < 0)
        return set()

    def _resolve_others(self, project: str) -> set[str]:
        """Read anew what may be of a project that a file came to or went from."""
        several = [path for path, releases in self._ambiguous.items() if project in dict(releases)]
        return {dirty for path in several for dirty in self._resolve(path)}

    def _resolve(self, path: str) -> set[str]:
        """Take a file of several readings for the one that is meant now, if any."""
        known, release = self._find(path), self._pick(path)
        if known is None or (known.project, known.version) == (release or (None, None)):
            return set()
        dirty = self._unassign(path, known)
        return dirty | (self._assign(path, known.name, known.size, release) if release else set())

    def _pick(self, path: str) -> Release | None:
        """Which of several releases is meant: a directory it lies in says so, or the projects that are there."""
        releases = self._ambiguous[path]
        directories = {canonicalize_name(name) for name in path.split("/")[:-1]}
        by_directory = [release for release in releases if release[0] in directories]
        by_project = [release for release in releases if self._is_certain(release[0])]
        return next((found[0] for found in (by_directory, by_project) if len(found) == 1), None)

    def _is_certain(self, project: str) -> bool:
        """Whether any file says by itself that it is of the project."""
        certain = "select 1 from files where project = ? and releases is null limit 1"
        return self._state.one(certain, project) is not None

    def _assign(self, path: str, name: bytes, size: int, release: Release) -> set[str]:
        project, version = release
        is_alone = self._is_alone(project, name)
        assigned = (project, version, None if is_alone else b"", os.fsencode(path))
        self._state.write("update files set project = ?, version = ?, behind = ? where path = ?", [assigned])
        self._count_in(project, name, size, is_alone=is_alone)
        return {project}

    def _is_alone(self, project: str, name: bytes) -> bool:
        """Whether the project has no file of that name yet."""
        return self._state.one("select 1 from files where project = ? and name = ?", project, name) is None

    def _count_in(self, project: str, name: bytes, size: int, *, is_alone: bool) -> None:
        self._projects[project] += 1
        if is_alone:
            self._count(1, size)
        else:
            self._arrange(project, name)

    def _unassign(self, path: str, known: Known) -> set[str]:
        if known.project is None:
            return set()
        where = os.fsencode(path)
        if self._state.one("select behind from files where path = ?", where) == (None,):
            self._count(-1, known.size)
        unknown = "update files set project = null, version = null, behind = null where path = ?"
        self._state.write(unknown, [(where,)])
        self._projects[known.project] -= 1
        if not self._projects[known.project]:
            del self._projects[known.project]
        self._arrange(known.project, known.name)
        return {known.project}

    def _arrange(self, project: str, name: bytes) -> None:
        """See to it that of several paths of one name the one nearest the top is listed, and the others lie behind."""
        group = "select path, size, behind from files where project = ? and name = ?"
        found = sorted(self._state.all(group, project, name), key=lambda row: (row[0].count(b"/"), row[0]))
        for path, size, behind in found:
            wanted = None if path == found[0][0] else found[0][0]
            if behind != wanted:
                self._state.write("update files set behind = ? where path = ?", [(wanted, path)])
                self._count((wanted is None) - (behind is None), size)

    def _count(self, step: int, size: int) -> None:
        self._listed += step
        self._size += step * size

    def detail(self, project: str) -> ProjectDetail | None:
        """The project as it has to be shown; None where it has no file."""
        listed = f"select path, {COLUMNS} from files where project = ? and behind is null"
        files = [self._listed_file(os.fsdecode(path), Known(*row)) for path, *row in self._state.all(listed, project)]
        if not files:
            return None
        status = self.facts(project + SUFFIX) if self._statuses else None
        in_order = tuple(sorted(files, key=lambda file: (file.version, file.filename)))
        return ProjectDetail(project, in_order, status if isinstance(status, Status) else None, self.shelf)

    def _listed_file(self, path: str, known: Known) -> ListedFile:
        facts = known.facts
        assert isinstance(facts, Distribution)  # noqa: S101 - only such are of a project
        beside = [self._find(path + suffix) for suffix in (YANKED, SIGNATURE, PROVENANCE)] if self._beside else []
        yank, signature, provenance = [each and each.facts for each in beside] or (None, None, None)
        return ListedFile(
            filename=path.rpartition("/")[2],
            path=path,
            identity=known.identity,
            release=known.version or "",
            distribution=facts,
            yanked=yank.reason if isinstance(yank, Yank) else None,
            signed=isinstance(signature, Signature),
            attested=provenance == Provenance(facts.digest),
            changed_ns=max(each.identity.mtime_ns for each in (known, *beside) if each),
        )

    def newest(self, limit: int) -> list[tuple[str, str, int]]:
        """Project, version and time of the files that came last; none of what is withheld."""
        listed = "select project, version, mtime from files where project is not null and behind is null"
        last = self._state.all(f"{listed} order by mtime desc limit ?", limit)
        withheld = {name for name, said in self.statuses().items() if said.is_withheld}
        return [(project, version, int(at)) for project, version, at in last if project not in withheld]

    def statuses(self) -> dict[str, Status]:
        """What is said of projects, whether there are such or not."""
        facts = {path.removesuffix(SUFFIX): self.facts(path) for path in self._statuses}
        return {name: said for name, said in facts.items() if isinstance(said, Status)}

    def counts(self) -> Counts:
        return Counts(len(self._projects), self._listed, self._size)

    def rejected(self) -> dict[str, tuple[str, Identity]]:
        """Path → the reason it is not listed, and the identity of what is not."""
        return {path: (reason, self.identity(path) or NO_IDENTITY) for path, reason in self.reasons().items()}

    def reasons(self) -> dict[str, str]:
        """Path → the reason it is not listed."""
        rejected = self._state.all(f"select path, text from files where kind in {REJECTED}")
        behind = self._state.all("select path, behind from files where behind is not null")
        reasons = {os.fsdecode(path): text for path, text in rejected}
        reasons |= {os.fsdecode(path): why_behind(os.fsdecode(first)) for path, first in behind}
        reasons |= {path: why_alone(path) for path in self._orphans}
        unrelated = (os.fsdecode(path) for (path,) in self._state.all(rows.UNRELATED))
        reasons |= {path: why_unrelated(path) for path in unrelated}
        reasons |= {f"{name}{SUFFIX}": said.flaw for name, said in self.statuses().items() if said.flaw}
        alone = (path for path in self._statuses if path.removesuffix(SUFFIX) not in self._projects)
        reasons |= {path: why_unknown(path) for path in alone}
        for path, releases in self._ambiguous.items():
            known = self._find(path)
            if known and known.project is None:
                reasons[path] = why_ambiguous(releases)
        return reasons


def _keep(paths: set[str], path: str, wanted: bool) -> None:
    if wanted:
        paths.add(path)
    else:
        paths.discard(path)
