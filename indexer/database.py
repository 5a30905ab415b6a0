"""A disposable table on disk: what cannot be read or written is begun anew, and never stops anybody."""

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from store import files

log = logging.getLogger(__name__)


class Database:
    """Rows of one table in a file of its own. No method raises: what the disk refuses is forgotten.

    `version` is of what made the rows: those of another version are dropped.
    """

    def __init__(self, path: Path, columns: str, version: str) -> None:
        self._path = path
        self._columns = columns
        self._version = version
        self._connection: sqlite3.Connection | None = None
        self._said = ""

    def load(self, take: Callable[..., object]) -> bool:
        """Give each row to `take`; False, and an empty table, where a row or the file could not be read."""
        try:
            for row in self._open().execute("select * from rows"):
                take(*row)
        except Exception as error:  # a damaged file may hold anything
            self._begin_anew(error)
            return False
        return True

    def replace(self, rows: Iterable[Sequence[Any]]) -> None:
        marks = ", ".join("?" * (self._columns.count(",") + 1))
        self._write(f"replace into rows values ({marks})", rows)

    def delete(self, key: str, keys: Iterable[str]) -> None:
        """Drop the rows whose column `key` is one of `keys`."""
        self._write(f"delete from rows where {key} = ?", [(each,) for each in keys])

    def find(self, column: str, key: str, value: str) -> object:
        """The `column` of the row whose column `key` is `value`; None where there is none."""
        try:
            row = self._open().execute(f"select {column} from rows where {key} = ?", (value,)).fetchone()
        except (sqlite3.Error, OSError) as error:
            self._begin_anew(error)
            return None
        return row[0] if row else None

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _write(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        try:
            with self._open() as connection:
                connection.executemany(statement, rows)
        except (sqlite3.Error, OSError) as error:
            self._begin_anew(error)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or not self._path.exists():
            self.close()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path)
        try:
            connection.execute("pragma synchronous = off")  # disposable: what a crash takes is learnt again
            connection.execute("pragma journal_mode = memory")
            connection.execute(f"create table if not exists rows ({self._columns}) without rowid")
            connection.execute("create table if not exists made_by (version text)")
            if connection.execute("select version from made_by").fetchall() != [(self._version,)]:
                connection.executescript("delete from rows; delete from made_by")
                connection.execute("insert into made_by values (?)", (self._version,))
                connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    def _begin_anew(self, error: Exception) -> None:
        if str(error) != self._said:
            log.warning("began %s anew: %s", self._path, error)
        self._said = str(error)
        self.close()
        try:
            files.remove(self._path)
        except OSError as reason:
            log.warning("could not remove %s: %s", self._path, reason.strerror)
