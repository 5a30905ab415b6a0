"""What was learnt, kept in `state/` so that a restart re-reads nothing. Disposable.

A row is keyed by identity and file name, not by path: a file that moves is not read again.
"""

import json
import logging
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from indexer.learn import Lesson
from indexer.values import Distribution, Facts, Identity, LeftOut, Yank

log = logging.getLogger(__name__)

Key = tuple[Identity, str]

_SCHEMA = """
create table if not exists learnt (
    inode integer, size integer, mtime_ns integer, filename text, facts text, core_metadata blob,
    primary key (inode, size, mtime_ns, filename)
) without rowid;
create table if not exists rendered (project text primary key, fingerprint text, slot integer) without rowid;
"""
_ROW = "inode = ? and size = ? and mtime_ns = ? and filename = ?"
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Distribution, LeftOut, Yank)}


def key_of(path: str, identity: Identity) -> Key:
    return identity, path.rpartition("/")[2]


class Knowledge:
    """Facts by identity, and for each project the fingerprint and time slot of its newest pages."""

    def __init__(self, file: Path, fingerprint_of_code: str) -> None:
        self._database = _open(file, fingerprint_of_code)
        self._facts: dict[Key, Facts] = {}
        rows = self._database.execute("select inode, size, mtime_ns, filename, facts from learnt")
        for inode, size, mtime_ns, filename, text in rows:
            self._facts[Identity(inode, size, mtime_ns), filename] = _parse_facts(text)
        rows = self._database.execute("select project, fingerprint, slot from rendered")
        self._rendered: dict[str, tuple[str, int]] = {project: (mark, slot) for project, mark, slot in rows}

    def facts(self, path: str, identity: Identity) -> Facts | None:
        return self._facts.get(key_of(path, identity))

    def remember(self, lessons: Iterable[Lesson]) -> None:
        rows = []
        for lesson in lessons:
            key = key_of(lesson.path, lesson.identity)
            self._facts[key] = lesson.facts
            rows.append((*key[0], key[1], _render_facts(lesson.facts), lesson.core_metadata))
        with self._database:
            self._database.executemany("replace into learnt values (?, ?, ?, ?, ?, ?)", rows)

    def core_metadata(self, path: str, identity: Identity) -> bytes:
        """The METADATA text of a wheel that was learnt."""
        key = key_of(path, identity)
        row = self._database.execute(f"select core_metadata from learnt where {_ROW}", (*key[0], key[1])).fetchone()
        return bytes(row[0])

    def forget_all_but(self, keys: set[Key]) -> None:
        """Drop what was learnt from files that are gone."""
        gone = [key for key in self._facts if key not in keys]
        for key in gone:
            del self._facts[key]
        rows = [(*identity, filename) for identity, filename in gone]
        with self._database:
            self._database.executemany(f"delete from learnt where {_ROW}", rows)

    def fingerprint(self, project: str) -> str:
        """Of the pages written last; empty where there are none."""
        return self._rendered.get(project, ("", 0))[0]

    def slot(self, project: str) -> int:
        """The time slot of the pages written last, also of a project that is gone."""
        return self._rendered.get(project, ("", 0))[1]

    def remember_rendered(self, project: str, fingerprint: str, slot: int) -> None:
        self._rendered[project] = (fingerprint, slot)
        with self._database:
            self._database.execute("replace into rendered values (?, ?, ?)", (project, fingerprint, slot))

    def close(self) -> None:
        self._database.close()


def _open(file: Path, version: str) -> sqlite3.Connection:
    """The database at `file`; one that cannot be used, or was made by other code, is begun anew."""
    try:
        return _connect(file, version)
    except sqlite3.DatabaseError as error:
        log.warning("began %s anew: %s", file, error)
        file.unlink(missing_ok=True)
        return _connect(file, version)


def _connect(file: Path, version: str) -> sqlite3.Connection:
    database = sqlite3.connect(file)
    database.execute("pragma synchronous = off")  # disposable: what a crash takes is learnt again
    database.execute("pragma journal_mode = memory")
    database.executescript(_SCHEMA)
    (found,) = database.execute("pragma user_version").fetchone()
    wanted = int(version[:7], 16)
    if found != wanted:
        database.executescript("delete from learnt; update rendered set fingerprint = ''")
        database.execute(f"pragma user_version = {wanted}")
    return database


def _render_facts(facts: Facts) -> str:
    return json.dumps({"is": type(facts).__name__, **asdict(facts)})


def _parse_facts(text: str) -> Facts:
    fields = json.loads(text)
    facts: Facts = _KINDS[fields.pop("is")](**fields)
    return facts
