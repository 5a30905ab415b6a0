"""What lies in `packages/` held against what is known of it: what differs, and what is gone. No disk."""

import os
from collections.abc import Container, Iterable

from indexer.rows import number
from indexer.state import State
from store.identity import Identity

PASSING = ("create table passing.seen (path blob, inode, size, mtime)",)

_DIFFERING = """
    select seen.* from seen left join files using (path)
    where files.inode is not seen.inode or files.size is not seen.size or files.mtime is not seen.mtime
        or files.kind = 'passing'
    order by seen.rowid"""


def differing(state: State, there: Iterable[tuple[str, Identity]]) -> list[tuple[str, Identity]]:
    """Those of what is there that are not known as they are, in the same order."""
    rows = ((os.fsencode(path), *map(number, identity)) for path, identity in there)
    state.write_passing("delete from seen", [()])
    state.write_passing("insert into seen values (?, ?, ?, ?)", rows)
    found = state.all(_DIFFERING)
    return [(os.fsdecode(path), Identity(*map(int, numbers))) for path, *numbers in found]


def gone(state: State, there: Container[str]) -> list[str]:
    """What is known and is not there."""
    known = state.all("select path from files")
    return [path for (name,) in known if (path := os.fsdecode(name)) not in there]
