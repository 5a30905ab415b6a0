"""What was learnt of files, wherever they lie now: what is moved, or was just checked, is not read again."""

import os

from indexer.model import Facts
from indexer.rows import COLUMNS, DEFINITION, Known, marks, number
from indexer.state import State
from store.identity import Identity

PASSING = (
    f"create table passing.learnt (name blob not null, {DEFINITION})",
    "create index passing.learnt_by_inode on learnt (inode)",
)


MOST = 100_000  # files that may come to lie somewhere and do not


class Learnt:
    """Facts by identity and file name: those of the index, and of what may come to lie there soon."""

    def __init__(self, state: State) -> None:
        self._state = state

    def find(self, path: str, identity: Identity) -> Facts | None:
        """What was learnt from this file, wherever it lay then; None where it has to be read."""
        values = (*map(number, identity), os.fsencode(path.rpartition("/")[2]))
        for table in ("files", "learnt"):
            same = f"select {COLUMNS} from {table} where (inode, size, mtime) = (?, ?, ?) and name = ?"
            row = self._state.one(same, *values)
            if row is not None:
                return Known(*row).facts
        return None

    def keep(self, path: str, identity: Identity, facts: Facts) -> None:
        """For a file that may be at another path soon."""
        known = Known.of(path, identity, facts)
        self._state.write_passing(f"insert into learnt ({COLUMNS}) values ({marks(len(known))})", [known])
        self._state.write_passing("delete from learnt where rowid <= last_insert_rowid() - ?", [(MOST,)])
