"""The forms in which one page lies on the disk: plain, and compressed where that saves the reader a wait."""

import contextlib
import gzip
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from indexer.manifest import LINK, Written
from indexer.pages import is_compressed

SLOT = 4
"""Seconds in a time slot. nginx's ETag is (mtime in seconds, size), so each render of a page has a slot of its own,
and within it each form (HTML, JSON, and both compressed) a second of its own."""

DIGEST = 32  # hex digits
AT_ONCE = 10 * 1460  # bytes that arrive without any wait (RFC 6928, initial window): what is shorter gains nothing

_SECONDS = {".html": 0, ".json": 1, ".html.gz": 2, ".json.gz": 3}


def digest_page(content: bytes) -> str:
    """What tells its text from any other: there is one for each page, kept in memory."""
    return hashlib.sha256(content).hexdigest()[:DIGEST]


def write_forms(directory: str, page: str, forms: Mapping[str, bytes], digest: str, slot: int) -> dict[str, Written]:
    """Write a page, of that digest, in all its forms as new files."""
    written: dict[str, Written] = {}
    for suffix, text in forms.items():
        form = f"{page}{suffix}"
        second = next((second for ending, second in _SECONDS.items() if form.endswith(ending)), 0)
        written[form] = _write_new(f"{directory}/{form}", text, (slot * SLOT + second) * 10**9, digest)
    return written


def link_forms(before: str, known: Mapping[str, Written], page: str, directory: str) -> dict[str, Written]:
    """Have a page that did not change in `directory` too; nothing where it is not whole where it was."""
    forms = {form: written for form, written in known.items() if form.removesuffix(".gz") == page}
    if not all(written.is_at(f"{before}/{form}") for form, written in forms.items()):
        return {}
    for form in forms:
        _link(f"{before}/{form}", f"{directory}/{form}")
    return forms


def link_alias(directory: str, known: Mapping[str, Written], page: str, alias: str) -> dict[str, Written]:
    """Have a page of the directory there under another name as well, in all its forms."""
    forms = {f"{alias}{suffix}": f"{page}{suffix}" for suffix in ("", ".gz") if f"{page}{suffix}" in known}
    for name, form in forms.items():
        _link(f"{directory}/{form}", f"{directory}/{name}")
    return {name: known[form] for name, form in forms.items()}


def write_links(
    before: str, known: Mapping[str, Written], links: Mapping[str, str], directory: str
) -> dict[str, Written]:
    """Have these names in the directory lead elsewhere: what did so before is the same link."""
    written = {name: Written(LINK, 0, target) for name, target in links.items()}
    for name, target in links.items():
        if known.get(name) == written[name] and written[name].is_at(f"{before}/{name}"):
            os.link(f"{before}/{name}", f"{directory}/{name}", follow_symlinks=False)
        else:
            os.symlink(target, f"{directory}/{name}")
    return written


def _link(path: str, name: str) -> None:
    try:
        os.link(path, name)
    except FileNotFoundError:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        os.link(path, name)


def find_forms(directory: Path) -> dict[str, Written]:
    """What lies in the directory of a page set of which nothing is known."""
    return {str(path.relative_to(directory)): _find(path) for path in directory.rglob("*") if path.is_file()}


def find_slot(forms: Mapping[str, Written]) -> int:
    """The last slot that any of them bears; 0 without any."""
    return max((written.mtime_ns // 10**9 // SLOT for written in forms.values()), default=0)


def _find(path: Path) -> Written:
    facts, digest = path.stat(), ""
    with contextlib.suppress(OSError, EOFError, ValueError):  # what is damaged is like no page
        content = path.read_bytes()
        digest = digest_page(gzip.decompress(content) if path.suffix == ".gz" else content)
    return Written(facts.st_size, facts.st_mtime_ns, digest)


def write_beside(
    path: str, content: bytes, known: Mapping[str, Written], begin: Callable[[str], str]
) -> dict[str, Written]:
    """Replace a file beside the page sets, in its forms, each later than the one before; by suffix.

    `begin` answers where a file of that name is to be written before it is moved to its place.
    """
    written: dict[str, Written] = {}
    name = path.rpartition("/")[2]
    for suffix, text in reversed(compress(name, content).items()):
        last = known.get(suffix)
        at = max(time.time_ns(), last.mtime_ns + 10**9 if last else 0)
        begun = begin(f"{name}{suffix}")
        written[suffix] = _write_new(begun, text, at)
        _move(begun, f"{path}{suffix}")
    for suffix in known.keys() - written.keys():
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    return written


def _move(path: str, name: str) -> None:
    try:
        os.replace(path, name)
    except FileNotFoundError:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, name)


def compress(page: str, content: bytes) -> dict[str, bytes]:
    """By suffix: the content, and compressed where that saves something."""
    if len(content) > AT_ONCE and is_compressed(page):
        squeezed = gzip.compress(content, compresslevel=6, mtime=0)
        if len(squeezed) < len(content):
            return {"": content, ".gz": squeezed}
    return {"": content}


def _write_new(path: str, content: bytes, mtime_ns: int, digest: str = "") -> Written:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return _write_new(path, content, mtime_ns, digest)
    try:
        _write_all(file, content)
        os.utime(file, ns=(mtime_ns, mtime_ns))
    finally:
        os.close(file)
    return Written(len(content), mtime_ns, digest)


def _write_all(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]
