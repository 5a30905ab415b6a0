"""What is kept of an upstream, as it lies on the disk: of each project its page and some of its files.

found/<upstream>/<project>/
    sources.jsonl    a line of what is known of the page, whose time is when it was asked for last; then a line for each
                     file, of where it comes from
    simple.*         the page, in each form
    <mark>-<file>    a file; the mark stands for what it has to come to
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from store import files
from store.names import METADATA
from store.repository import Repository
from store.simple import ALIASES, DETAIL_HTML, DETAIL_JSON, SimpleFile, render_detail
from uploader.upstream.detail import Detail, Digest, Source, pick_digest
from uploader.upstream.sought import Sought

SOURCES = "sources.jsonl"
PAGE = (SOURCES, DETAIL_HTML, DETAIL_JSON, *ALIASES)
LASTING = 600.0  # seconds that a page, and what nobody said a digest of, is taken for what it is, at most
IN_USE = 8.0  # seconds for which what was used is not removed: longer than anybody waits before it is sent
USED = 1.0  # seconds for which it need not be said again that a file was used
FORMAT = 3

_JSON = json.JSONEncoder().encode


class Known(NamedTuple):
    """A page that is kept: when its upstream was asked last, and for how long that is enough (seconds)."""

    etag: str
    checked: float
    lasting: float

    @property
    def is_fresh(self) -> bool:
        return 0 <= time.time() - self.checked < self.lasting


def read_known(sought: Sought) -> Known | None:
    """None where nothing is kept, or not all of it, or it is of another upstream than the policy has."""
    try:
        with (sought.directory / SOURCES).open("rb") as file:
            checked, head = os.fstat(file.fileno()).st_mtime, json.loads(file.readline())
        if head["of"] != _stand_for(sought) or not all((sought.directory / name).is_file() for name in PAGE):
            return None
        return Known(str(head["etag"]), checked, float(head["lasting"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def find_source(sought: Sought, filename: str) -> Source | None:
    """Where one file of the page that is kept comes from; the rest is not parsed for it, however much that is."""
    try:
        content = (sought.directory / SOURCES).read_bytes()
        start = content.find(f"\n[{_JSON(filename)}, ".encode()) + 1
        if not start or json.loads(content[: content.index(b"\n")])["of"] != _stand_for(sought):
            return None
        _, url, digest, mark = json.loads(content[start : content.index(b"\n", start)])
        return Source(url, Digest(*digest) if digest else None, mark)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _stand_for(sought: Sought) -> list[Any]:
    """What a page depends on beside the upstream's own: whatever changes makes what is kept useless."""
    return [FORMAT, sought.policy.upstream, *sorted(sought.origins)]


def keep_page(sought: Sought, detail: Detail, etag: str, lasting: float) -> Known:
    """Write the page. Should that break off, it is asked for again, whatever the upstream says of its tag."""
    sought.directory.mkdir(parents=True, exist_ok=True)
    _write_sources(sought, detail, "", 0.0)  # first, so that all that the page names can be had
    for name, content in render_detail(detail.shown).items():
        _write_page(sought.directory / name, content)
    for alias, name in ALIASES.items():
        with contextlib.suppress(FileExistsError):
            (sought.directory / alias).symlink_to(name)
    _write_sources(sought, detail, etag, lasting)
    return Known(etag, time.time(), lasting)


def _write_sources(sought: Sought, detail: Detail, etag: str, lasting: float) -> None:
    files.write(sought.directory / SOURCES, "".join(_list_lines(sought, detail, etag, lasting)).encode())


def _list_lines(sought: Sought, detail: Detail, etag: str, lasting: float) -> Iterator[str]:
    yield _JSON({"of": _stand_for(sought), "etag": etag, "lasting": lasting}) + "\n"
    for name, source in (*detail.sources.items(), *_list_metadata(detail)):
        yield _JSON((name, *source)) + "\n"


def _list_metadata(detail: Detail) -> Iterator[tuple[str, Source]]:
    """PEP 658: beside each file that is said to have it, at its address with the suffix."""
    for file in detail.shown.files:
        if file.core_metadata:
            yield file.filename + METADATA, _source_of_metadata(file, detail.sources[file.filename])


def _source_of_metadata(file: SimpleFile, source: Source) -> Source:
    parts = urlsplit(source.url)
    url = urlunsplit(parts._replace(path=parts.path + METADATA))
    digest = pick_digest(file.core_metadata) if isinstance(file.core_metadata, Mapping) else None
    return Source(url, digest, source.mark)


def _write_page(path: Path, content: bytes) -> None:
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    files.write(path, content, newer=True)


def size_of_page(sought: Sought) -> int:
    """Bytes that it takes, in all its forms."""
    return sum(size_on_disk(facts) for name in PAGE if (facts := _look(sought.directory / name)))


def note_checked(sought: Sought) -> None:
    """The page is still what it was."""
    os.utime(sought.directory / SOURCES)


def forget_page(sought: Sought) -> None:
    """The upstream knows it no more."""
    (sought.directory / SOURCES).unlink(missing_ok=True)


def path_of(sought: Sought, mark: str, filename: str) -> Path:
    """Where a file is kept."""
    return sought.directory / f"{mark}-{filename}"


def is_old(path: Path) -> bool:
    """Whether a file of which no digest was said may be another by now."""
    try:
        return time.time() - path.stat().st_mtime > LASTING
    except OSError:
        return True


def use(path: Path) -> bool:
    """Whether the file is kept; then it is one that was used now."""
    try:
        facts = path.stat()
        if time.time() - facts.st_atime > USED:
            os.utime(path, ns=(time.time_ns(), facts.st_mtime_ns))
    except OSError:
        return False
    return True


def size_on_disk(facts: os.stat_result) -> int:
    """Bytes, in whole blocks."""
    return facts.st_blocks * 512


class _Unit(NamedTuple):
    """What is removed together: a file, or all of a page. `used` is when it was so last, `size` in bytes."""

    used: float
    size: int
    paths: list[Path]


def prune(repository: Repository, limit: int) -> int:
    """Remove what was used longest ago until there is no more than the limit; how many bytes there are then.

    What is used at this moment stays, for somebody may be on the way to it.
    """
    units = sorted(_list_units(repository.found))
    total = sum(unit.size for unit in units)
    for unit in units:
        if total <= limit or unit.used > time.time() - IN_USE:
            break
        for path in unit.paths:
            path.unlink(missing_ok=True)
        total -= unit.size
    return total


def _list_units(found: Path) -> Iterator[_Unit]:
    """All that is kept. What is gone meanwhile is not, and what is being written is not yet."""
    for directory, _, names in os.walk(found):
        known = {Path(directory, name): facts for name in names if (facts := _look(Path(directory, name)))}
        page = [path for path in sorted(known, reverse=True) if path.name in PAGE]  # where it comes from goes first
        for paths in ([path] for path in known if path not in page):
            yield _Unit(known[paths[0]].st_atime, size_on_disk(known[paths[0]]), paths)
        if page:
            used = known.get(Path(directory, SOURCES), known[page[0]]).st_atime
            yield _Unit(used, sum(size_on_disk(known[path]) for path in page), page)


def _look(path: Path) -> os.stat_result | None:
    if path.name.startswith("."):
        return None
    with contextlib.suppress(OSError):
        return path.lstat()
    return None
