"""What was written below one repository's site: every file, so that whatever becomes of one is noticed. Disposable."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from indexer.database import Database

_COLUMNS = "path text primary key, entry text"
_FORM = "1"


class Written(NamedTuple):
    """One file as it was written; `digest` is of the page it is a form of."""

    size: int
    mtime_ns: int
    digest: str

    def is_at(self, path: Path) -> bool:
        """Whether the file is there as it was written."""
        try:
            facts = path.stat()
        except OSError:
            return False
        is_readable = facts.st_mode & 0o444 == 0o444
        return is_readable and (facts.st_size, facts.st_mtime_ns) == (self.size, self.mtime_ns)


@dataclass(frozen=True)
class PageSet:
    """One directory of pages that is switched as a whole; `slot` is of the last switch, also where it is gone."""

    slot: int
    fingerprint: str = ""  # of what it was rendered from; empty where it has to be rendered again
    files: dict[str, Written] = field(default_factory=dict)


@dataclass(frozen=True)
class Beside:
    """One file beside the page sets, and its forms; `owner` is the page set that announces it."""

    owner: str
    key: str
    files: dict[str, Written]  # by what follows the path: "" and ".gz"


class Manifest:
    """Page sets and files beside them, by their path below the site.

    It is believed only while the machine runs: after a power cut files may hold anything, at the right size.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _COLUMNS, f"{_FORM} {_boot()}")
        self.sets: dict[str, PageSet] = {}
        self.beside: dict[str, Beside] = {}
        if not self._database.load(self._load):
            self.sets.clear()
            self.beside.clear()

    def _load(self, path: str, entry: str) -> None:
        fields = json.loads(entry)
        fields["files"] = {str(name): Written(*written) for name, written in fields["files"].items()}
        if "slot" in fields:
            self.sets[path] = PageSet(**fields)
        else:
            self.beside[path] = Beside(**fields)

    def put_set(self, path: str, page_set: PageSet) -> None:
        self.sets[path] = page_set
        self._database.replace([(path, json.dumps(vars(page_set)))])

    def put_beside(self, entries: dict[str, Beside]) -> None:
        self.beside |= entries
        if entries:
            self._database.replace([(path, json.dumps(vars(entry))) for path, entry in entries.items()])

    def drop_beside(self, paths: Iterable[str]) -> None:
        dropped = [path for path in paths if self.beside.pop(path, None)]
        if dropped:
            self._database.delete("path", dropped)

    def close(self) -> None:
        self._database.close()


def _boot() -> str:
    """Changes whenever the machine is started."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
