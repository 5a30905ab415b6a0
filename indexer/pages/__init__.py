"""Model → pages. A kind of page is one module: pure functions from a project, or from all, to `{path: bytes}`.

A new kind is one module that is entered here, its template, and its line in nginx.conf.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from indexer.fingerprint import fingerprint
from indexer.model import Overview, ProjectDetail
from indexer.pages import boards, home, listing, metadata, people, simple, static
from indexer.pages.companion import Companion
from store.repository import PROJECTS

__all__ = [
    "FOR_BOARDS",
    "FOR_INSTALLERS",
    "KINDS",
    "OVERVIEW_ALIASES",
    "PEOPLE",
    "Companion",
    "Kind",
    "fingerprint_of_pages",
    "is_compressed",
    "list_companions",
    "render_overview",
]


@dataclass(frozen=True)
class Kind:
    """The pages of a project that are switched together, as `<name>/<project>/`."""

    name: str
    shown: Callable[[ProjectDetail], tuple[object, ...]]  # all that they are rendered from, as plain values
    renderers: tuple[Callable[[ProjectDetail], dict[str, bytes]], ...]
    list_aliases: Callable[[ProjectDetail], dict[str, str]]  # the other names that its pages lie under
    list_links: Callable[[ProjectDetail], dict[str, str]] = lambda _: {}  # from a name to what lies elsewhere

    def set_of(self, project: str) -> str:
        """The page set of a project, by its path below the site."""
        return f"{self.name}/{project}"

    def render(self, detail: ProjectDetail) -> dict[str, bytes]:
        """Path below the directory → content; nothing where the project has no such pages."""
        return {path: content for render in self.renderers for path, content in render(detail).items()}


FOR_INSTALLERS = Kind(
    PROJECTS, ProjectDetail.values, (simple.render_detail, listing.render_listing_file), simple.list_aliases
)
FOR_BOARDS = Kind(boards.NAME, boards.list_shown, (boards.render_documents,), boards.list_aliases, boards.list_links)
KINDS = (FOR_INSTALLERS, FOR_BOARDS)  # what is waited for comes first
PEOPLE = people.NAME  # which `indexer.people` has made
OF_ALL = (simple.render_list, home.render_home, static.render_static)
BESIDE = (metadata.list_metadata,)
OVERVIEW_ALIASES = simple.LIST_ALIASES

COMPRESSED = (*simple.PAGES, ".css", ".js", metadata.SUFFIX)  # what has a `.gz` beside it; nginx fills in the others

_SOURCES = Path(__file__).parent
_ALSO_FROM = (
    "store/__init__.py", "store/listing.py", "store/names.py", "store/searched.py", "store/simple.py",
    "store/status.py", "store/text.py", "indexer/describe.py", "indexer/portraits.py", "indexer/readme.py",
)  # fmt: skip
_LIBRARIES = ("comrak", "docutils", "jinja2", "nh3", "packaging", "pygments", "readme_renderer")


def render_overview(overview: Overview) -> dict[str, bytes]:
    """All that is switched together as `overview/`."""
    return {path: content for render in OF_ALL for path, content in render(overview).items()}


def list_companions(detail: ProjectDetail) -> dict[str, Companion]:
    """The files that have to lie beside, by their path below the site, before the project's pages announce them."""
    return {path: companion for companions in BESIDE for path, companion in companions(detail).items()}


def is_compressed(page: str) -> bool:
    return page.endswith(COMPRESSED)


def fingerprint_of_pages() -> str:
    """Changes whenever anything changes that decides what pages look like."""
    top = _SOURCES.parent.parent
    ours = sorted(path for path in _SOURCES.rglob("*") if path.suffix in (".py", ".html", ".atom", ".css", ".js"))
    return fingerprint([*ours, *(top / name for name in _ALSO_FROM)], _LIBRARIES)
