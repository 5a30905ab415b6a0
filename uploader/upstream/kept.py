"""What is kept of an upstream, as it lies on the disk: of each project its page and some of its files.

found/<project>/sources.jsonl    a line of what is known of the page, whose time is when it was asked for last;
                                 then a line for each file, of where it comes from
                simple.*         the page, in each form
                <digest>-<file>  a file; what the name begins with is of what it has to come to
"""

import contextlib
import hashlib
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
MARK = 32  # hex digits before the name of a file
USED = 60.0  # seconds for which it need not be said again that a file was used
FORMAT = 2

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
        _, url, digest = json.loads(content[start : content.index(b"\n", start)])
        return Source(url, Digest(*digest) if digest else None)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _stand_for(sought: Sought) -> list[Any]:
    """What a page depends on beside the upstream's own: whatever changes makes what is kept useless."""
    return [FORMAT, sought.policy.upstream, *sorted(sought.origins)]


def keep_page(sought: Sought, detail: Detail, etag: str, lasting: float) -> Known:
    """Write the page: first where the files are, so that all that it names can be had."""
    sought.directory.mkdir(parents=True, exist_ok=True)
    files.write(sought.directory / SOURCES, "".join(_list_lines(sought, detail, etag, lasting)).encode())
    for name, content in render_detail(detail.shown).items():
        _write_page(sought.directory / name, content)
    for alias, name in ALIASES.items():
        with contextlib.suppress(FileExistsError):
            (sought.directory / alias).symlink_to(name)
    return Known(etag, time.time(), lasting)


def _list_lines(sought: Sought, detail: Detail, etag: str, lasting: float) -> Iterator[str]:
    yield _JSON({"of": _stand_for(sought), "etag": etag, "lasting": lasting}) + "\n"
    for name, source in (*detail.sources.items(), *_list_metadata(detail)):
        yield _JSON((name, source.url, source.digest)) + "\n"


def _list_metadata(detail: Detail) -> Iterator[tuple[str, Source]]:
    """PEP 658: beside each file that is said to have it, at its address with the suffix."""
    for file in detail.shown.files:
        if file.core_metadata:
            yield file.filename + METADATA, _source_of_metadata(file, detail.sources[file.filename])


def _source_of_metadata(file: SimpleFile, source: Source) -> Source:
    parts = urlsplit(source.url)
    url = urlunsplit(parts._replace(path=parts.path + METADATA))
    return Source(url, pick_digest(file.core_metadata) if isinstance(file.core_metadata, Mapping) else None)


def _write_page(path: Path, content: bytes) -> None:
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    files.write(path, content, newer=True)


def size_of_page(sought: Sought) -> int:
    """Bytes that it takes, in all its forms."""
    return sum(facts.st_size for name in PAGE if (facts := _look(sought.directory / name)))


def note_checked(sought: Sought) -> None:
    """The page is still what it was."""
    os.utime(sought.directory / SOURCES)


def forget_page(sought: Sought) -> None:
    """The upstream knows it no more."""
    (sought.directory / SOURCES).unlink(missing_ok=True)


def name_of(filename: str, source: Source) -> str:
    """What a file is called where it is kept: another one as soon as the upstream has other bytes under its name."""
    mark = source.digest.value if source.digest else hashlib.sha256(source.url.encode()).hexdigest()
    return f"{mark[:MARK]}-{filename}"


def use(path: Path) -> bool:
    """Whether the file is kept; then it is one that was used now."""
    try:
        facts = path.stat()
        if time.time() - facts.st_atime > USED:
            os.utime(path, ns=(time.time_ns(), facts.st_mtime_ns))
    except OSError:
        return False
    return True


class _Unit(NamedTuple):
    """What is removed together: a file, or all of a page. `used` is when it was so last, `size` in bytes."""

    used: float
    size: int
    paths: list[Path]


def prune(repository: Repository, limit: int) -> int:
    """Remove what was used longest ago until there are no more bytes than the limit; how many there are then."""
    units = sorted(_list_units(repository.found))
    total = sum(unit.size for unit in units)
    for unit in units:
        if total <= limit:
            break
        for path in unit.paths:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # there is more in it
            unit.paths[0].parent.rmdir()
        total -= unit.size
    return total


def _list_units(found: Path) -> Iterator[_Unit]:
    """All that is kept. What is gone meanwhile is not, and what is being written is not yet."""
    for directory, _, names in os.walk(found):
        known = {Path(directory, name): facts for name in names if (facts := _look(Path(directory, name)))}
        page = [path for path in sorted(known, reverse=True) if path.name in PAGE]  # where it comes from goes first
        for paths in ([path] for path in known if path not in page):
            yield _Unit(known[paths[0]].st_atime, known[paths[0]].st_size, paths)
        if page:
            used = known.get(Path(directory, SOURCES), known[page[0]]).st_atime
            yield _Unit(used, sum(known[path].st_size for path in page), page)


def _look(path: Path) -> os.stat_result | None:
    if path.name.startswith("."):
        return None
    with contextlib.suppress(OSError):
        return path.lstat()
    return None
