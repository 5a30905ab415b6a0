"""All projects with what each says of itself: for the start page, by name, for who searches, and as a feed."""

from collections.abc import Iterable
from typing import NamedTuple

from indexer.pages.templates import render_template
from store.searched import Searched, render_searched
from store.text import render_time

NEW, ALL, SEARCHED, FEED = "new.html", "projects.html", "projects.json", "feed.atom"
COMPRESSED = (ALL, SEARCHED)  # of the others nginx fills something in
SHOWN = 100  # projects on the start page, and releases in the feed


class Entry(NamedTuple):
    """A project: its latest release and what it says of itself; or one of its releases.

    `at` is when it changed or came, in nanoseconds since 1970. What nobody has read yet is empty and 0.
    """

    name: str
    version: str = ""
    summary: str = ""
    at: int = 0
    status: str = ""  # a marker (PEP 792), where it is to be seen

    @property
    def time(self) -> str:
        return render_time(self.at)

    @property
    def day(self) -> str:
        """In UTC; empty where nothing is known."""
        return self.time[:10] if self.at else ""


def render_catalogue(entries: Iterable[Entry], uploads: Iterable[Entry]) -> dict[str, bytes]:
    """`uploads` are releases, the newest first."""
    by_name = sorted(entries)
    by_time = sorted(by_name, key=lambda entry: -entry.at)[:SHOWN]
    return {
        NEW: render_template("new.html", entries=by_time, total=len(by_name)).encode(),
        ALL: render_template("projects.html", entries=by_name).encode(),
        SEARCHED: render_searched(Searched(*entry[:3], entry.at // 10**9, entry.status) for entry in by_name),
        FEED: render_feed("All projects", "/-/", "/", uploads),
    }


def list_uploads(files: Iterable[tuple[str, str, int]], entries: Iterable[Entry]) -> list[Entry]:
    """The releases that these files (project, version, time) are of, by the first of each, the newest first."""
    first: dict[tuple[str, str], int] = {}
    for project, version, at in files:
        first[project, version] = min(at, first.get((project, version), at))
    summaries = {entry.name: entry.summary for entry in entries}
    found = [Entry(project, version, summaries.get(project, ""), at) for (project, version), at in first.items()]
    return sorted(found, key=lambda entry: -entry.at)[:SHOWN]


def render_feed(title: str, where: str, page: str, entries: Iterable[Entry]) -> bytes:
    """The newest uploads (RFC 4287). `where` is the address that it lies below, `page` that of what it is about."""
    shown = list(entries)
    return render_template("feed.atom", title=title, where=where, page=page, entries=shown).encode()
