"""What is known, as tables in memory, and a copy of them on disk so that a restart need not learn it again.

The memory is what everybody works on; the disk is written behind it, a moment later. So no query ever fails or waits,
and what the disk refuses, loses or damages costs no more than a longer restart.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from store import files

log = logging.getLogger(__name__)

DELAY = 0.5  # seconds that the copy may be behind
MOST = 5000  # changed rows that it may be behind
WAITING = 8000  # pages that may wait in the log of what was written: to bring them to their place takes two fsyncs
LARGE_PAGE = 1 << 16  # bytes: what goes back to the system between other pages that stay
RETRY = 10.0  # seconds until a disk that refused is tried again

_MADE_BY = "create table made_by (what text primary key, version text not null) strict, without rowid"

Row = Sequence[Any]


class State:
    """Tables of the given `schema`, and `passing.` ones beside them that are not copied. Times are monotonic seconds.

    No method raises but for a mistake in the SQL itself. A copy with another schema is not read.
    """

    def __init__(self, path: Path, schema: Iterable[str], passing: Iterable[str] = ()) -> None:
        self._path = path
        self._schema, self._passing = (_MADE_BY, *schema), tuple(passing)
        self._memory = self._create()
        self._disk: sqlite3.Connection | None = None  # none where the whole of it has to be copied
        self._behind: list[tuple[str, list[Row]]] = []
        self._inode: int | None = None  # of the file that `_disk` is
        self._is_behind = True
        self._flush_due = float("-inf")
        self._said = ""
        try:
            self._load()
        except (sqlite3.Error, OSError) as error:
            self._memory.close()
            self._memory = self._create()
            self._lose_copy(error, 0.0)

    def _create(self) -> sqlite3.Connection:
        memory = sqlite3.connect(":memory:", isolation_level=None, cached_statements=256, check_same_thread=False)
        memory.execute("pragma journal_mode = off")  # nothing is ever taken back
        for statement in self._schema:
            memory.execute(statement)
        self._create_passing(memory)
        return memory

    def _create_passing(self, memory: sqlite3.Connection) -> None:
        memory.execute("attach ':memory:' as passing")
        memory.execute(f"pragma passing.page_size = {LARGE_PAGE}")
        memory.execute("pragma passing.journal_mode = off")
        for statement in self._passing:
            memory.execute(statement)

    def _load(self) -> None:
        if not self._path.exists():
            return
        disk = _connect(self._path)
        try:
            if _schema_of(disk) != _schema_of(self._memory):
                raise sqlite3.DatabaseError("it is of another version")
            flaw = disk.execute("pragma quick_check(1)").fetchone()[0]
            if flaw != "ok":
                raise sqlite3.DatabaseError(flaw)
            disk.backup(self._memory)
        except BaseException:
            disk.close()
            raise
        self._disk, self._inode, self._is_behind = disk, _inode(self._path), False

    def is_of(self, what: str, version: str) -> bool:
        """Whether what is known was made by this version of `what`; from now on it is."""
        known = self.one("select version from made_by where what = ?", what)
        if known == (version,):
            return True
        self.write("replace into made_by values (?, ?)", [(what, version)])
        return False

    def all(self, query: str, *values: object) -> list[Any]:
        return self._memory.execute(query, values).fetchall()

    def one(self, query: str, *values: object) -> Any:  # noqa: ANN401 - a row is of whatever was asked for
        """The first row; None where there is none."""
        return self._memory.execute(query, values).fetchone()

    def write(self, statement: str, rows: Iterable[Row]) -> None:
        """Change the tables; for the copy as well."""
        changed = list(rows)
        if not changed:
            return
        self._memory.executemany(statement, changed)
        self._behind.append((statement, changed))
        self._is_behind = True

    def write_passing(self, statement: str, rows: Iterable[Row]) -> None:
        """Change a table that is not copied."""
        self._memory.executemany(statement, rows)

    def forget_passing(self) -> None:
        """Empty all tables that are not copied: a table whose rows are deleted keeps their memory."""
        self._memory.execute("detach passing")
        self._create_passing(self._memory)

    def flush(self, now: float) -> None:
        """Bring the copy up to date, where that is due. What came in one turn gets there in one step."""
        if self._is_behind and (now >= self._flush_due or sum(len(rows) for _, rows in self._behind) >= MOST):
            self._flush_due = now + DELAY
            self._copy(now)

    def settle(self, now: float) -> None:
        """Bring the copy in order, when there is time for it."""
        try:
            if self._disk is not None:
                self._disk.execute("pragma wal_checkpoint").fetchall()
        except sqlite3.Error as error:
            self._lose_copy(error, now)

    def _copy(self, now: float) -> None:
        try:
            if self._disk is None or _inode(self._path) != self._inode:
                self._copy_all()
            else:
                self._copy_changes(self._disk)
        except (sqlite3.Error, OSError) as error:
            self._lose_copy(error, now)
        else:
            self._behind.clear()
            self._is_behind = False

    def _copy_changes(self, disk: sqlite3.Connection) -> None:
        disk.execute("begin")
        for statement, rows in self._behind:
            disk.executemany(statement, rows)
        disk.execute("commit")

    def _copy_all(self) -> None:
        self._close_copy()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._disk = _connect(self._path)
        self._memory.backup(self._disk)
        self._inode = _inode(self._path)

    def _lose_copy(self, error: Exception, now: float) -> None:
        if str(error) != self._said:
            log.warning("began %s anew: %s", self._path, error)
        self._said = str(error)
        self._close_copy()
        self._behind.clear()
        self._is_behind = True
        self._flush_due = now + RETRY if self._said and now else self._flush_due
        for suffix in ("", "-wal", "-shm"):
            try:
                files.remove(self._path.with_name(f"{self._path.name}{suffix}"))
            except OSError as reason:
                log.warning("could not remove %s%s: %s", self._path, suffix, reason.strerror)

    def _close_copy(self) -> None:
        disk, self._disk = self._disk, None
        if disk is not None:
            with contextlib.suppress(sqlite3.Error):
                disk.close()

    def close(self) -> None:
        """Bring the copy up to date and let go of everything."""
        if self._is_behind:
            self._copy(float("inf"))
        self._close_copy()
        self._memory.close()


def _connect(path: Path) -> sqlite3.Connection:
    """A crash costs what was being written, and nothing else."""
    disk = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        disk.execute("pragma journal_mode = wal")
        disk.execute("pragma synchronous = normal")
        disk.execute("pragma cache_size = -100")  # KB: it is hardly ever read
        disk.execute(f"pragma wal_autocheckpoint = {WAITING}")
    except BaseException:
        disk.close()
        raise
    return disk


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _schema_of(database: sqlite3.Connection) -> list[Any]:
    return database.execute("select type, name, sql from sqlite_schema order by name").fetchall()
