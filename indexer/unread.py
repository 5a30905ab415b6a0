"""The files that are still to be read, each with the projects whose pages wait for it. No disk."""

import os
from collections.abc import Iterable, Iterator, Mapping

from indexer.state import State
from store.names import possible_projects

PASSING = (
    """create table passing.unread (
    path blob, project text, -- that may wait for it; empty where nobody does
    size, turn integer not null, primary key (path, project)
) without rowid""",
    "create index passing.unread_in_order on unread (turn, project, path)",
    "create index passing.unread_of_projects on unread (project)",
)
SOON, BESIDE, LATER, TAKEN = range(4)  # turns

FILES = 48  # of one batch, at most
BYTES = 2 << 20  # after which a batch is full


class Unread:
    """Hands out what is to be read: project by project, and first what others wait for."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._hurried: dict[str, None] = {}  # projects to be read next
        self._count = 0

    def __len__(self) -> int:
        """The files, whether somebody is reading them or not."""
        return self._count

    def __contains__(self, path: str) -> bool:
        return self._state.one("select 1 from unread where path = ? limit 1", os.fsencode(path)) is not None

    def add(self, sizes: Mapping[str, int], turn: int, *, awaited: bool) -> None:
        """Have these files read; pages wait for them where they are `awaited`."""
        new = {path: size for path, size in sizes.items() if path not in self}
        rows = [
            (os.fsencode(path), project, size, turn)
            for path, size in new.items()
            for project in (_projects(path) if awaited else ("",))
        ]
        self._state.write_passing("insert into unread values (?, ?, ?, ?)", rows)
        self._count += len(new)

    def is_awaited(self, path: str) -> bool:
        """Whether any pages wait for what is read there."""
        awaited = "select 1 from unread where path = ? and project > '' limit 1"
        return self._state.one(awaited, os.fsencode(path)) is not None

    def awaits(self, project: str) -> bool:
        """Whether a file that may well be the project's, and may be on its page, is still to be read."""
        return self._state.one("select 1 from unread where project = ? limit 1", project) is not None

    def hurry(self, project: str) -> None:
        """Have read first what the project's pages wait for."""
        self._hurried[project] = None

    def take(self, turn: int) -> tuple[str, ...]:
        """Some files that belong together, for somebody to read; none where none are left of this turn."""
        while self._hurried and turn == LATER:
            project = next(iter(self._hurried))
            if batch := self._take("turn = ? and project = ?", turn, project):
                return batch
            del self._hurried[project]
        return self._take("turn = ?", turn)

    def _take(self, which: str, *values: object) -> tuple[str, ...]:
        query = f"select path, size from unread where {which} order by turn, project, path limit {FILES}"
        paths = list(dict.fromkeys(_fill(self._state.all(query, *values))))
        if paths:
            self._state.write_passing(f"update unread set turn = {TAKEN} where path = ?", [(path,) for path in paths])
        return tuple(map(os.fsdecode, paths))

    def release(self, path: str) -> set[str]:
        """Have no page wait for this any longer; the projects that wait for nothing more."""
        complete = self.remove([path])
        self.add({path: 0}, TAKEN, awaited=False)
        return complete

    def remove(self, paths: Iterable[str]) -> set[str]:
        """Note that these were read; the projects that wait for nothing more."""
        keys = [os.fsencode(path) for path in paths]
        these = f"path in ({', '.join('?' for _ in keys)})"
        rows = self._state.all(f"select path, project from unread where {these}", *keys)
        self._count -= len({path for path, _ in rows})
        self._state.write_passing("delete from unread where path = ?", [(path,) for path in keys])
        return {project for project in {project for _, project in rows} if project and not self.awaits(project)}


def _projects(path: str) -> Iterable[str]:
    return possible_projects(path.rpartition("/")[2]) or ("",)


def _fill(rows: Iterable[tuple[bytes, int]]) -> Iterator[bytes]:
    """The paths of the first, until they are work enough."""
    work = 0
    for path, size in rows:
        yield path
        work += size
        if work >= BYTES:
            return
