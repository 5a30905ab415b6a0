"""Model → pages. A kind of page is one module: pure functions from a project, or from all, to `{path: bytes}`.

A new kind is one module that is entered here, its template, and its line in nginx.conf.
"""

from pathlib import Path

from indexer.fingerprint import fingerprint
from indexer.model import Overview, ProjectDetail
from indexer.pages import boards, home, listing, metadata, simple, static
from indexer.pages.companion import Companion

__all__ = [
    "OVERVIEW_ALIASES",
    "Companion",
    "fingerprint_of_pages",
    "is_compressed",
    "list_aliases",
    "list_companions",
    "render_overview",
    "render_project",
]

OF_A_PROJECT = (simple.render_detail, boards.render_documents, listing.render_listing_file)
OF_ALL = (simple.render_list, home.render_home, static.render_static)
BESIDE = (metadata.list_metadata,)
OVERVIEW_ALIASES = simple.LIST_ALIASES

COMPRESSED = (*simple.PAGES, ".css", ".js", metadata.SUFFIX)  # what has a `.gz` beside it; nginx fills in the others

_SOURCES = Path(__file__).parent
_ALSO_FROM = ("listing.py", "names.py", "__init__.py")  # of `store`
_LIBRARIES = ("jinja2", "packaging")


def render_project(detail: ProjectDetail) -> dict[str, bytes]:
    """All that is switched together as `projects/<project>/`."""
    return {path: content for render in OF_A_PROJECT for path, content in render(detail).items()}


def render_overview(overview: Overview) -> dict[str, bytes]:
    """All that is switched together as `overview/`."""
    return {path: content for render in OF_ALL for path, content in render(overview).items()}


def list_aliases(detail: ProjectDetail) -> dict[str, str]:
    """The other names that pages of `render_project` lie under, each with that of its page."""
    return {**simple.DETAIL_ALIASES, **boards.list_aliases(detail)}


def list_companions(detail: ProjectDetail) -> dict[str, Companion]:
    """The files that have to lie beside, by their path below the site, before the project's pages announce them."""
    return {path: companion for companions in BESIDE for path, companion in companions(detail).items()}


def is_compressed(page: str) -> bool:
    return page.endswith(COMPRESSED)


def fingerprint_of_pages() -> str:
    """Changes whenever anything changes that decides what pages look like."""
    store = _SOURCES.parent.parent / "store"
    ours = sorted(path for path in _SOURCES.rglob("*") if path.suffix in (".py", ".html", ".css", ".js"))
    return fingerprint([*ours, *(store / name for name in _ALSO_FROM)], _LIBRARIES)
