"""What lies in `packages/` as far as is known: files by path, projects, and what is left out."""

from collections import Counter

from indexer.values import Counts, Distribution, Facts, Identity, LeftOut, ListedFile, ProjectDetail, Yank
from store.names import SIGNATURE, YANKED, base_of_sidecar


class Catalogue:
    """The indexer's view of the directory. `put` and `remove` answer which projects became dirty."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[Identity, Facts]] = {}
        self._directories: Counter[str] = Counter()  # how many known files lie below each
        self._paths: dict[str, set[str]] = {}
        self._doubles: dict[str, dict[str, str]] = {}
        self._listed: dict[str, tuple[int, int]] = {}
        self._odd: set[str] = set()  # paths that are no distribution: left out, or beside one

    def paths_below(self, path: str) -> set[str]:
        """The known paths at or below `path`; all for the empty path."""
        here = {path} & self._files.keys()
        if not path:
            return set(self._files)
        if not self._directories[path]:
            return here
        return here | {known for known in self._files if known.startswith(f"{path}/")}

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
        self._directories.update(_parents(path))
        if isinstance(facts, Distribution):
            self._paths.setdefault(facts.project, set()).add(path)
        else:
            self._odd.add(path)
        return dirty | self._touched_by(path)

    def remove(self, path: str) -> set[str]:
        dirty = self._touched_by(path)
        known, facts = self._files.pop(path, (None, None))
        if known is not None:
            self._directories.subtract(_parents(path))
        self._odd.discard(path)
        if isinstance(facts, Distribution):
            self._paths[facts.project].discard(path)
            if not self._paths[facts.project]:
                del self._paths[facts.project]
        return dirty

    def _touched_by(self, path: str) -> set[str]:
        """The projects whose pages speak of the file at `path`, or of the file beside it that it is about."""
        base = base_of_sidecar(path) or path
        _, facts = self._files.get(base, (None, None))
        return {facts.project} if isinstance(facts, Distribution) else set()

    def detail(self, project: str) -> ProjectDetail | None:
        """The project as it has to be shown; None where it has no file."""
        chosen: dict[str, ListedFile] = {}
        doubles: dict[str, str] = {}
        for path in sorted(self._paths.get(project, ()), key=lambda path: (path.count("/"), path)):
            file = self._listed_file(path)
            if file.filename in chosen:
                doubles[path] = f"{chosen[file.filename].path!r} carries the same file name; expected one"
            else:
                chosen[file.filename] = file
        self._note(project, doubles, chosen)
        if not chosen:
            return None
        return ProjectDetail(project, tuple(sorted(chosen.values(), key=lambda file: (file.version, file.filename))))

    def _note(self, project: str, doubles: dict[str, str], chosen: dict[str, ListedFile]) -> None:
        self._doubles[project] = doubles
        self._listed[project] = (len(chosen), sum(file.identity.size for file in chosen.values()))
        if not chosen:
            del self._doubles[project], self._listed[project]

    def _listed_file(self, path: str) -> ListedFile:
        identity, facts = self._files[path]
        assert isinstance(facts, Distribution)  # noqa: S101 - only such are in _paths
        _, yank = self._files.get(path + YANKED, (None, None))
        return ListedFile(
            filename=path.rpartition("/")[2],
            path=path,
            identity=identity,
            distribution=facts,
            yanked=yank.reason if isinstance(yank, Yank) else None,
            signed=path + SIGNATURE in self._files,
        )

    def counts(self) -> Counts:
        listed = self._listed.values()
        return Counts(len(listed), sum(count for count, _ in listed), sum(size for _, size in listed))

    def left_out(self) -> dict[str, str]:
        """Path → the reason it is not listed, sorted by path."""
        reasons: dict[str, str] = {}
        for doubles in self._doubles.values():
            reasons |= doubles
        for path in self._odd:
            _, facts = self._files[path]
            base = base_of_sidecar(path)
            if base is not None and base not in self._files:
                reasons[path] = f"no file {base.rpartition('/')[2]!r} lies beside it; expected the file it is about"
            elif isinstance(facts, LeftOut) and base is None:
                reasons[path] = facts.reason
        return dict(sorted(reasons.items()))


def _parents(path: str) -> list[str]:
    """The directories a path lies below, without the top."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
