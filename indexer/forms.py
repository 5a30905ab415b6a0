"""The forms in which one page lies on the disk: plain, compressed, and under a second name for its other type."""

import contextlib
import gzip
import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from indexer.manifest import Written
from indexer.pages import ALSO, is_compressed

SLOT = 4
"""Seconds in a time slot. nginx's ETag is (mtime in seconds, size), so each render of a page has a slot of its own,
and within it each form (HTML, JSON, and both compressed) a second of its own."""

_SECOND = {".html": 0, ".json": 1, ".html.gz": 2, ".json.gz": 3}
_ALIAS_OF = {alias: name for name, alias in ALSO.items()}


def page_of(form: str) -> str:
    """The page that a file of a page set is a form of."""
    name = form.removesuffix(".gz")
    return _ALIAS_OF.get(name, name)


def write_forms(directory: Path, page: str, content: bytes, slot: int) -> dict[str, Written]:
    """Write a page in all its forms as new files."""
    digest = hashlib.sha256(content).hexdigest()
    _make_parent(directory, page)
    written: dict[str, Written] = {}
    for suffix, text in _compressions(page, content):
        form = f"{page}{suffix}"
        second = _SECOND.get("".join(Path(form).suffixes[-2:]), 0)
        written[form] = _write_new(directory / form, text, (slot * SLOT + second) * 10**9, digest)
        if page in ALSO:
            alias = f"{ALSO[page]}{suffix}"
            os.link(directory / form, directory / alias)
            written[alias] = written[form]
    return written


def link_forms(before: Path, known: Mapping[str, Written], page: str, directory: Path) -> dict[str, Written]:
    """Have a page that did not change in `directory` too; nothing where it is not whole where it was."""
    forms = {form: written for form, written in known.items() if page_of(form) == page}
    if not all(written.is_at(before / form) for form, written in forms.items()):
        return {}
    _make_parent(directory, page)
    for form in forms:
        os.link(before / form, directory / form)
    return forms


def _make_parent(directory: Path, page: str) -> None:
    if "/" in page:
        (directory / page).parent.mkdir(parents=True, exist_ok=True)


def find_forms(directory: Path) -> dict[str, Written]:
    """What lies in the directory of a page set of which nothing is known."""
    return {str(path.relative_to(directory)): _find(path) for path in directory.rglob("*") if path.is_file()}


def _find(path: Path) -> Written:
    facts, digest = path.stat(), ""
    with contextlib.suppress(OSError, EOFError, ValueError):  # what is damaged is like no page
        content = path.read_bytes()
        digest = hashlib.sha256(gzip.decompress(content) if path.suffix == ".gz" else content).hexdigest()
    return Written(facts.st_size, facts.st_mtime_ns, digest)


def write_beside(path: Path, content: bytes, known: Mapping[str, Written]) -> dict[str, Written]:
    """Replace a file beside the page sets, in its forms, each later than the one before; by suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()
    written: dict[str, Written] = {}
    for suffix, text in reversed(list(_compressions(path.name, content))):
        form, last = path.with_name(f"{path.name}{suffix}"), known.get(suffix)
        at = max(time.time_ns(), last.mtime_ns + 10**9 if last else 0)
        temporary = path.with_name(f".new-{form.name}")
        written[suffix] = _write_new(temporary, text, at, digest)
        temporary.replace(form)
    for suffix in known.keys() - written.keys():
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
    return written


def _compressions(page: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """By suffix: the content, and compressed where that saves something."""
    yield "", content
    if is_compressed(page):
        squeezed = gzip.compress(content, compresslevel=6, mtime=0)
        if len(squeezed) < len(content):
            yield ".gz", squeezed


def _write_new(path: Path, content: bytes, mtime_ns: int, digest: str) -> Written:
    path.write_bytes(content)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return Written(len(content), mtime_ns, digest)
