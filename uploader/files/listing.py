"""What is in a directory of a store, told: as HTML for people, as JSON or as plain text."""

import html
import json
import os
import stat
from collections.abc import Sequence
from heapq import nsmallest
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from store.file_store import FILES
from store.names import is_ignored
from store.text import render_ascii, render_printable, render_size, render_time
from uploader.page import render_page

PAGE, JSON, TEXT = FORMS = ("text/html", "application/json", "text/plain")
MOST = 10_000  # entries of one answer


class Entry(NamedTuple):
    """`size` in bytes, None of a directory; `modified` in seconds since 1970."""

    name: str
    size: int | None
    modified: int

    @property
    def url(self) -> str:
        """Relative to the directory."""
        return f"./{quote(os.fsencode(self.name), safe='')}{'/' if self.size is None else ''}"

    @property
    def time(self) -> str:
        return f"{render_time(self.modified * 10**9)[:19]}Z"


class Listing(NamedTuple):
    """By name; `next` is the name after which it goes on, where it does. The path ends in a slash, or is empty."""

    path: str
    entries: Sequence[Entry]
    next: str | None = None

    @property
    def next_url(self) -> str:
        return f"?after={quote(os.fsencode(self.next or ''), safe='')}"


def read_entries(directory: Path, path: str, after: str) -> Listing:
    """The first files and directories whose names follow `after`: what is served, and no links."""
    with os.scandir(directory) as found:
        served = (each for each in found if not is_ignored(each.name) and each.name > after)
        names = nsmallest(MOST + 1, (each.name for each in served if _is_shown(each)))
    entries = tuple(filter(None, (_read_entry(directory, name) for name in names[:MOST])))
    return Listing(path, entries, names[MOST - 1] if len(names) > MOST else None)


def _is_shown(found: "os.DirEntry[str]") -> bool:
    return found.is_dir(follow_symlinks=False) or found.is_file(follow_symlinks=False)


def _read_entry(directory: Path, name: str) -> Entry | None:
    """None for what is gone again."""
    try:
        facts = (directory / name).lstat()
    except OSError:
        return None
    return Entry(name, None if stat.S_ISDIR(facts.st_mode) else facts.st_size, int(facts.st_mtime))


def render(listing: Listing, form: str, address: str = "") -> bytes:
    """In one of the `FORMS`, for who came by that address, where it is known."""
    if form == JSON:
        return _render_json(listing)
    return _render_text(listing) if form == TEXT else _render_page(listing, address)


def _render_json(listing: Listing) -> bytes:
    entries = [
        {
            "name": entry.name,
            "type": "directory" if entry.size is None else "file",
            "url": entry.url,
            **({} if entry.size is None else {"size": entry.size}),
            "modified": entry.time,
        }
        for entry in listing.entries
    ]
    more = {} if listing.next is None else {"next": listing.next_url}
    return json.dumps({"path": listing.path, "entries": entries, **more}).encode() + b"\n"


def _render_text(listing: Listing) -> bytes:
    """A name in each line, a directory's with a slash; what would break a line is escaped as in a URL."""
    lines = (f"{_in_one_line(entry.name)}{'/' if entry.size is None else ''}\n" for entry in listing.entries)
    return "".join(lines).encode("utf-8", "surrogateescape")


def _in_one_line(name: str) -> str:
    return "".join(quote(char) if char in "\r\n" else char for char in name)


_ROW = '<tr><td><a href="{url}">{name}</a></td><td>{size}</td><td><time datetime="{time}">{shown}</time></td></tr>\n'
_TABLE = '<table class="entries">\n<tr><th>Name</th><th>Size</th><th>Changed (UTC)</th></tr>\n{rows}</table>'


_HOW = """<details>
<summary>Put a file here</summary>
<pre>curl -T FILE -u YOUR-NAME {url}</pre>
</details>
"""


def _render_page(listing: Listing, address: str) -> bytes:
    depth = listing.path.count("/")
    names = ["Larder", FILES, *filter(None, listing.path.split("/"))]
    way = [f'<a href="{"../" * (depth + 1 - at)}">{_shown(name)}</a>' for at, name in enumerate(names[:-1])]
    rows = "".join(map(_render_row, listing.entries))
    found = _TABLE.format(rows=rows) if rows else "<p>Nothing is here.</p>"
    if listing.next is not None:
        found += f'\n<p><a href="{listing.next_url}">More</a></p>'
    url = f"{address}/{FILES}/{quote(os.fsencode(listing.path))}"
    how = _HOW.format(url=html.escape(url)) if address and listing.path else ""
    title = _shown(names[-1])
    content = f"<h1>{title}</h1>\n{found}\n{how}"
    return render_ascii(render_page(title=title, root="../" * (depth + 1), way=" / ".join(way), content=content))


def _render_row(entry: Entry) -> str:
    is_directory = entry.size is None
    size = "" if entry.size is None else render_size(entry.size)
    name = _shown(entry.name) + ("/" if is_directory else "")
    return _ROW.format(url=entry.url, name=name, size=size, time=entry.time, shown=entry.time[:16].replace("T", " "))


def _shown(name: str) -> str:
    return html.escape(render_printable(name))
