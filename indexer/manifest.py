"""What was written below one repository's site: every file, so that whatever becomes of one is noticed. Disposable."""

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from indexer.fingerprint import boot
from indexer.state import State

SCHEMA = (
    """create table sets (
    id integer primary key, name text not null unique, slot integer not null, fingerprint text not null,
    files blob not null
) strict""",
    """create table beside (
    path text primary key, owner integer not null, -- a set
    key text not null, files blob not null
) strict, without rowid""",
    "create index beside_of_owners on beside (owner)",
)
_PUT_SET = """insert into sets (name, slot, fingerprint, files) values (?, ?, ?, ?)
    on conflict (name) do update set slot = excluded.slot, fingerprint = excluded.fingerprint, files = excluded.files"""
_SETS = "select name, slot, fingerprint, files from sets"
_PUT_BESIDE = "replace into beside values (?, (select id from sets where name = ?), ?, ?)"
_BESIDE = "select path, name, key, beside.files from beside join sets on id = owner"
FORM = "4"  # of what is in `files`

LINK = -1  # bytes of what is no file
SOME = 100  # rows read at once


class Written(NamedTuple):
    """One file as it was written; `digest` is of the page it is a form of, and not known of files beside.

    Or a link: then its size is LINK, and where it leads stands for the digest.
    """

    size: int
    mtime_ns: int
    digest: str = ""

    def is_at(self, path: str) -> bool:
        """Whether the file is there as it was written."""
        if self.size == LINK:
            return _leads_to(path, self.digest)
        try:
            facts = os.stat(path)  # noqa: PTH116 - of every file there is, again and again
        except OSError:
            return False
        is_readable = facts.st_mode & 0o444 == 0o444
        return is_readable and (facts.st_size, facts.st_mtime_ns) == (self.size, self.mtime_ns)


def _leads_to(path: str, target: str) -> bool:
    try:
        return os.readlink(path) == target  # noqa: PTH115 - as `stat` above
    except OSError:
        return False


@dataclass(frozen=True)
class PageSet:
    """One directory of pages that is switched as a whole; `slot` is of the last switch, also where it is gone."""

    slot: int
    fingerprint: str = ""  # of what it was rendered from; empty where it has to be rendered again
    files: Mapping[str, Written] = field(default_factory=dict)


@dataclass(frozen=True)
class Beside:
    """One file beside the page sets, and its forms; `owner` is the page set that announces it."""

    owner: str
    key: str
    files: Mapping[str, Written]  # by what follows the path: "" and ".gz"


NOTHING = Beside("", "", {})


class Manifest:
    """Page sets and files beside them, by their path below the site.

    It is believed only while the machine runs: after a power cut files may hold anything, at the right size.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.version = f"{FORM} {boot()}"
        if not state.is_of("manifest", self.version):
            state.write("delete from sets", [()])
            state.write("delete from beside", [()])

    def find_set(self, name: str) -> PageSet | None:
        row = self._state.one(f"{_SETS} where name = ?", name)
        return PageSet(row[1], row[2], parse_files(row[3])) if row else None

    def put_set(self, name: str, page_set: PageSet) -> None:
        row = (name, page_set.slot, page_set.fingerprint, _render_files(page_set.files))
        self._state.write(_PUT_SET, [row])

    def sets(self) -> Iterator[tuple[str, PageSet]]:
        """Every set there is, by name; they may change meanwhile."""
        for name, slot, fingerprint, files in self._each(_SETS, "name"):
            yield name, PageSet(slot, fingerprint, parse_files(files))

    def find_beside(self, path: str) -> Beside:
        """NOTHING where there is none."""
        row = self._state.one(f"{_BESIDE} where path = ?", path)
        return Beside(row[1], row[2], parse_files(row[3])) if row else NOTHING

    def beside_of(self, owner: str) -> dict[str, str]:
        """The files that a page set announces: the key of each by its path."""
        return dict(self._state.all("select path, key from beside join sets on id = owner where name = ?", owner))

    def put_beside(self, entries: Mapping[str, Beside]) -> None:
        """Note these, of owners that are known."""
        if entries:
            rows = [(path, entry.owner, entry.key, _render_files(entry.files)) for path, entry in entries.items()]
            self._state.write(_PUT_BESIDE, rows)

    def drop_beside(self, paths: Iterable[str]) -> None:
        dropped = [(path,) for path in paths]
        if dropped:
            self._state.write("delete from beside where path = ?", dropped)

    def beside(self) -> Iterator[tuple[str, Beside]]:
        """Every file beside, by its path; they may change meanwhile."""
        for path, owner, key, files in self._each(_BESIDE, "path"):
            yield path, Beside(owner, key, parse_files(files))

    def directories_beside(self) -> set[str]:
        """Right below the site, those that files beside lie in."""
        found, after = set(), ""
        while row := self._state.one("select path from beside where path > ? order by path limit 1", after):
            first = str(row[0]).partition("/")[0]
            found.add(first)
            after = f"{first}0"  # 0 comes after /
        return found

    def _each(self, query: str, key: str) -> Iterator[tuple[Any, ...]]:
        """All rows, in the order of the first column."""
        rows = self._state.all(f"{query} order by {key} limit {SOME}")
        while rows:
            yield from rows
            rows = self._state.all(f"{query} where {key} > ? order by {key} limit {SOME}", rows[-1][0])


def _render_files(files: Mapping[str, Written]) -> bytes:
    """As JSON, compressed, with the names of one file together: most have several."""
    names: dict[Written, list[str]] = {}
    for name, written in files.items():
        names.setdefault(written, []).append(name)
    text = json.dumps([[*_parts(written), known] for written, known in names.items()], separators=(",", ":"))
    return zlib.compress(text.encode(), 1)


def _parts(written: Written) -> tuple[int | str, ...]:
    return written if written.digest else written[:2]


@lru_cache(8)  # the same is asked for several times in a row
def parse_files(squeezed: bytes) -> Mapping[str, Written]:
    return {name: Written(*written) for *written, names in json.loads(zlib.decompress(squeezed)) for name in names}
