"""What lies in `packages/` held against what is known of it: what differs, and what is gone. No disk."""

import os
from collections.abc import Iterable

from indexer.rows import number
from indexer.state import State
from store.identity import NO_IDENTITY, Identity

PASSING = ("create table passing.seen (path blob primary key, inode, size, mtime) without rowid",)

_DIFFERING = """
    select seen.* from seen left join files using (path)
    where seen.path > ? and (seen.inode, seen.size, seen.mtime) != (0, 0, 0) and (
        files.inode is not seen.inode or files.size is not seen.size or files.mtime is not seen.mtime
        or files.kind = 'passing'
    ) order by seen.path limit ?"""
_UNSEEN = "select path from files where not exists (select 1 from seen where path = files.path)"


class Comparison:
    """One at a time: everything there is is noted, and then asked about."""

    def __init__(self, state: State) -> None:
        self._state = state

    def begin(self) -> None:
        self._state.write_passing("delete from seen", [()])

    def note(self, files: Iterable[tuple[str, Identity | None]]) -> None:
        """Note what is there; None is the identity of what is no file that can be read."""
        rows = ((os.fsencode(path), *map(number, identity or NO_IDENTITY)) for path, identity in files)
        self._state.write_passing("replace into seen values (?, ?, ?, ?)", rows)

    def differing(self, after: str, most: int) -> list[tuple[str, Identity]]:
        """The first files after that path, in order, that are there and not known as they are."""
        rows = self._state.all(_DIFFERING, os.fsencode(after), most)
        return [(os.fsdecode(path), Identity(*map(int, numbers))) for path, *numbers in rows]

    def unseen(self) -> list[str]:
        """What is known and is not there."""
        return [os.fsdecode(path) for (path,) in self._state.all(_UNSEEN)]

    def end(self) -> None:
        self._state.write_passing("delete from seen", [()])
