"""What lies in `packages/` as far as is known: files by path, projects, and what is rejected. Pure; no disk.

`put` and `remove` answer which projects' pages this makes dirty; queries change nothing.
"""

from collections import Counter
from functools import lru_cache

from packaging.utils import canonicalize_name
from packaging.version import Version

from indexer.model import Counts, Facts, ListedFile, ProjectDetail, Rejected, Signature, Yank
from store.distribution import Distribution
from store.identity import Identity
from store.names import SIGNATURE, YANKED, base_of_sidecar

Release = tuple[str, str]


class Index:
    """The indexer's view of one repository."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[Identity, Facts]] = {}
        self._below: Counter[str] = Counter()  # how many known files lie below each directory
        self._releases: dict[str, Release] = {}  # of every path that is a distribution of a known project
        self._paths: dict[str, dict[str, list[str]]] = {}  # project → file name → paths, the one listed first
        self._certain: Counter[str] = Counter()  # how many files say by themselves that they are of a project
        self._ambiguous: set[str] = set()
        self._odd: set[str] = set()  # paths that are no distribution: rejected, or beside one
        self._doubled: set[Release] = set()  # project and file name of which there is more than one
        self._listed = self._size = 0

    def __len__(self) -> int:
        return len(self._files)

    def paths(self) -> set[str]:
        return set(self._files)

    def paths_below(self, path: str) -> set[str]:
        """The known paths at or below `path`; all for the empty path."""
        if not path:
            return self.paths()
        found = {path} & self._files.keys()
        if self._below[path]:
            found |= {known for known in self._files if known.startswith(f"{path}/")}
        return found

    def identity(self, path: str) -> Identity | None:
        found = self._files.get(path)
        return found[0] if found else None

    def facts(self, path: str) -> Facts | None:
        found = self._files.get(path)
        return found[1] if found else None

    def projects(self) -> set[str]:
        return set(self._paths)

    def put(self, path: str, identity: Identity, facts: Facts) -> set[str]:
        if self._files.get(path) == (identity, facts):
            return set()
        dirty = self.remove(path)
        self._files[path] = (identity, facts)
        self._below.update(_directories(path))
        if isinstance(facts, Distribution):
            dirty |= self._add_distribution(path, facts)
        else:
            self._odd.add(path)
        return dirty | self._touched_by(path)

    def remove(self, path: str) -> set[str]:
        if path not in self._files:
            return set()
        dirty = self._touched_by(path)
        dirty |= self._drop_release(path)
        _, facts = self._files.pop(path)
        self._below.subtract(_directories(path))
        self._odd.discard(path)
        self._ambiguous.discard(path)
        if isinstance(facts, Distribution) and len(facts.releases) == 1:
            dirty |= self._count_certain(facts.releases[0][0], -1)
        return dirty

    def _touched_by(self, path: str) -> set[str]:
        """The projects whose pages speak of the file at `path`, or of the file beside it that it is about."""
        release = self._releases.get(base_of_sidecar(path) or path)
        return {release[0]} if release else set()

    def _add_distribution(self, path: str, facts: Distribution) -> set[str]:
        if len(facts.releases) == 1:
            self._add_release(path, facts.releases[0])
            return self._count_certain(facts.releases[0][0], 1)
        self._ambiguous.add(path)
        self._resolve(path, facts)
        return set()

    def _count_certain(self, project: str, step: int) -> set[str]:
        """Note that a file more or less is certainly of `project`; with its first or last, others may be read anew."""
        self._certain[project] += step
        if self._certain[project] not in (0, 1):
            return set()
        dirty: set[str] = set()
        for path in self._ambiguous:
            facts = self._files[path][1]
            assert isinstance(facts, Distribution)  # noqa: S101 - only such are ambiguous
            if project in dict(facts.releases):
                dirty |= self._drop_release(path)
                self._resolve(path, facts)
                dirty |= self._touched_by(path)
        return dirty

    def _resolve(self, path: str, facts: Distribution) -> None:
        """Which of several releases is meant: a directory it lies in says so, or the projects that are there."""
        directories = {canonicalize_name(name) for name in path.split("/")[:-1]}
        by_directory = [release for release in facts.releases if release[0] in directories]
        by_project = [release for release in facts.releases if self._certain[release[0]]]
        for found in (by_directory, by_project):
            if len(found) == 1:
                self._add_release(path, found[0])
                return

    def _add_release(self, path: str, release: Release) -> None:
        project, filename = release[0], _filename(path)
        self._releases[path] = release
        paths = self._paths.setdefault(project, {}).setdefault(filename, [])
        self._count(paths, -1)
        paths.append(path)
        paths.sort(key=lambda each: (each.count("/"), each))
        self._count(paths, 1)
        if len(paths) > 1:
            self._doubled.add((project, filename))

    def _drop_release(self, path: str) -> set[str]:
        release = self._releases.pop(path, None)
        if release is None:
            return set()
        project, filename = release[0], _filename(path)
        paths = self._paths[project][filename]
        self._count(paths, -1)
        paths.remove(path)
        self._count(paths, 1)
        if len(paths) < 2:
            self._doubled.discard((project, filename))
        if not paths:
            del self._paths[project][filename]
        if not self._paths[project]:
            del self._paths[project]
        return {project}

    def _count(self, paths: list[str], step: int) -> None:
        """Count the one of these paths that is listed, if any, in or out."""
        if paths:
            self._listed += step
            self._size += step * self._files[paths[0]][0].size

    def detail(self, project: str) -> ProjectDetail | None:
        """The project as it has to be shown; None where it has no file."""
        names = self._paths.get(project)
        if not names:
            return None
        files = sorted(map(self._listed_file, names.values()), key=lambda file: (file.version, file.filename))
        return ProjectDetail(project, tuple(files))

    def _listed_file(self, paths: list[str]) -> ListedFile:
        path = paths[0]
        identity, facts = self._files[path]
        assert isinstance(facts, Distribution)  # noqa: S101 - only such are in _paths
        yank, signature = self.facts(path + YANKED), self.facts(path + SIGNATURE)
        return ListedFile(
            filename=_filename(path),
            path=path,
            identity=identity,
            version=_version(self._releases[path][1]),
            distribution=facts,
            yanked=yank.reason if isinstance(yank, Yank) else None,
            signed=isinstance(signature, Signature),
        )

    def counts(self) -> Counts:
        return Counts(len(self._paths), self._listed, self._size)

    def rejected(self) -> dict[str, tuple[str, Identity]]:
        """Path → the reason it is not listed, and the identity of what is not."""
        return {path: (reason, self._files[path][0]) for path, reason in self.reasons().items()}

    def reasons(self) -> dict[str, str]:
        """Path → the reason it is not listed."""
        reasons: dict[str, str] = {}
        for project, filename in self._doubled:
            first, *others = self._paths[project][filename]
            reasons |= dict.fromkeys(others, f"{first!r} carries the same file name; expected one")
        reasons |= {path: self._why_ambiguous(path) for path in self._ambiguous if path not in self._releases}
        for path in self._odd:
            reason = self._why_odd(path)
            if reason:
                reasons[path] = reason
        return reasons

    def _why_ambiguous(self, path: str) -> str:
        facts = self._files[path][1]
        assert isinstance(facts, Distribution)  # noqa: S101 - only such are ambiguous
        read = " or ".join(f"{project!r} {version}" for project, version in facts.releases)
        return (
            f"its name can be read as {read}; expected PKG-INFO inside, or a directory of the project's name around it"
        )

    def _why_odd(self, path: str) -> str | None:
        facts, base = self._files[path][1], base_of_sidecar(path)
        if isinstance(facts, Rejected):
            return facts.reason
        if base is not None and base not in self._files:
            return f"no file {_filename(base)!r} lies beside it; expected the file it is about"
        return None


@lru_cache(maxsize=1 << 16)
def _version(text: str) -> Version:
    return Version(text)


def _filename(path: str) -> str:
    return path.rpartition("/")[2]


def _directories(path: str) -> list[str]:
    """The directories a path lies below, without the top."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
