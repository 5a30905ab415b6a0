"""The fact cache: what was learnt from each file, kept in `state/` so that a restart re-reads nothing. Disposable.

Facts are kept by identity and file name, not by path: a file that moves is not read again.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import indexer.inspect
import indexer.model
import store
from indexer.database import Database
from indexer.inspect import Inspection
from indexer.model import Facts, Rejected, Signature, Yank
from store.distribution import Distribution
from store.identity import Identity

_COLUMNS = "key text primary key, facts text, core_metadata blob"
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Distribution, Rejected, Signature, Yank)}
_LIBRARIES = ("packaging", "pkginfo")


def fingerprint_of_inspection() -> str:
    """Changes whenever anything does that decides what is learnt from a file: our code, and the libraries it uses."""
    sources = [Path(module.__file__ or "") for module in (indexer.inspect, indexer.model)]
    sources += sorted(Path(store.__file__ or "").parent.rglob("*.py"))
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    for library in _LIBRARIES:
        digest.update(f"{library} {_version(library)}\n".encode())
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "?"


class FactCache:
    """Facts by identity and file name. Never raises: what it lost is learnt again."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self._database = Database(path, _COLUMNS, fingerprint)
        self._facts: dict[str, Facts] = {}
        if not self._database.load(self._load):
            self._facts.clear()

    def _load(self, key: str, facts: str, _: bytes) -> None:
        self._facts[key] = _parse_facts(facts)

    def facts(self, path: str, identity: Identity) -> Facts | None:
        return self._facts.get(_key(path, identity))

    def remember(self, inspections: Iterable[Inspection]) -> None:
        """Keep what was learnt, but for what may be otherwise the next time."""
        rows = []
        for inspection in inspections:
            if isinstance(inspection.facts, Rejected) and inspection.facts.passing:
                continue
            key = _key(inspection.path, inspection.identity)
            self._facts[key] = inspection.facts
            rows.append((key, _render_facts(inspection.facts), inspection.core_metadata))
        self._database.replace(rows)

    def core_metadata(self, path: str, identity: Identity) -> bytes | None:
        """The METADATA text of a wheel that was inspected; None where it was lost."""
        found = self._database.find("core_metadata", "key", _key(path, identity))
        return found if isinstance(found, bytes) and found else None

    def forget_all_but(self, files: Iterable[tuple[str, Identity]]) -> None:
        """Drop what was learnt from files that are gone."""
        kept = {_key(path, identity) for path, identity in files}
        gone = self._facts.keys() - kept
        for key in gone:
            del self._facts[key]
        if gone:
            self._database.delete("key", gone)

    def close(self) -> None:
        self._database.close()


def _key(path: str, identity: Identity) -> str:
    filename = path.rpartition("/")[2].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return f"{identity.inode}:{identity.size}:{identity.mtime_ns}:{filename}"


def _render_facts(facts: Facts) -> str:
    return json.dumps({"is": type(facts).__name__, **asdict(facts)})


def _parse_facts(text: str) -> Facts:
    fields = json.loads(text)
    kind = _KINDS[fields.pop("is")]
    if kind is Distribution:
        fields["releases"] = tuple((str(project), str(version)) for project, version in fields["releases"])
    facts: Facts = kind(**fields)
    return facts
