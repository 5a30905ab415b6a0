"""Which page lies where in a copy: at the path of its URL, as far as plain files can have it. Pure.

What is at a URL with a slash at its end is the `index.html` of a directory, and JSON the `index.json` beside it.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath

from indexer.pages import PEOPLE
from indexer.pages.catalogue import ALL, SEARCHED
from indexer.pages.catalogue import FEED as FEED_OF_ALL
from indexer.pages.home import HOME
from indexer.pages.people import DOCUMENT, FEED, PROJECT
from indexer.pages.simple import LIST_HTML, LIST_JSON
from store.repository import CATALOGUE, OVERVIEW, PROJECTS
from store.simple import DETAIL_HTML, DETAIL_JSON

START = "index.html"
SIMPLE, PACKAGES = "simple", "packages"
TOPS = (START, SIMPLE, PACKAGES, "project", "pypi", "-")  # all that a copy has at its top

_OF_ALL = {
    OVERVIEW: {HOME: START, LIST_HTML: f"{SIMPLE}/index.html", LIST_JSON: f"{SIMPLE}/index.json"},
    CATALOGUE: {ALL: "-/projects/index.html", SEARCHED: "-/projects.json", FEED_OF_ALL: "-/feed.atom"},
}


def place_pages(name: str, pages: Iterable[str], *, has_address: bool) -> dict[str, str]:
    """Path in the copy → the page of the set that lies there.

    PyPI's JSON API has whole addresses in it, so it is there where the copy has one.
    """
    found = {_place(name, page, has_address=has_address): page for page in pages}
    return {path: page for path, page in found.items() if path}


def _place(name: str, page: str, *, has_address: bool) -> str:
    kind, _, project = name.partition("/")
    if kind == PROJECTS:
        return f"{SIMPLE}/{project}/index{PurePosixPath(page).suffix}" if page in (DETAIL_HTML, DETAIL_JSON) else ""
    if kind == PEOPLE:
        return _place_for_people(project, page, has_address=has_address)
    return _OF_ALL[kind].get(page) or _place_static(page)


def _place_for_people(project: str, page: str, *, has_address: bool) -> str:
    if page == FEED:
        return f"project/{project}/{FEED}"
    version = "" if page in (PROJECT, DOCUMENT) else f"{page.rpartition('.')[0]}/"
    if page.endswith(".json"):
        return f"pypi/{project}/{version}json" if has_address else ""
    return f"project/{project}/{version}index.html"


def _place_static(page: str) -> str:
    directory, _, filename = page.rpartition("/")
    return f"-/{filename}" if directory == "static" else ""
