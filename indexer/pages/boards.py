"""The document that upip reads on MicroPython boards: of all versions of a project, or of the one that is asked for.

One file holds them all, and nginx picks by `$version`, so that no version needs a file of its own. Its other names
are the versions that there are. Beside it a link for each release leads to what is taken out of its archive for boards.
"""

from collections.abc import Iterable

from packaging.version import Version

from indexer.model import ListedFile, ProjectDetail
from indexer.pages.origin import ORIGIN
from indexer.pages.releases import canonical
from indexer.sources import source_of
from store.boards import BOARDS, LATEST, name_link, target_of
from store.names import GZIPPED, pick_latest
from store.text import render_json, render_url

DOCUMENT = "boards.json"
NAME = BOARDS  # of the page set

_PURE = "-none-any.whl"


def list_shown(detail: ProjectDetail) -> tuple[object, ...]:
    """All that the document is rendered from, and the links."""
    sdists = _sdists(detail).values()
    shown = tuple((file.release, _url_of(detail.name, file), file.yanked is None) for file in sdists)
    links = tuple(list_links(detail).items())
    return (shown, links) if shown or links else ()


def render_documents(detail: ProjectDetail) -> dict[str, bytes]:
    """Nothing where there is no archive for boards. A yanked release is the latest only where all are."""
    sdists = _sdists(detail)
    if not sdists:
        return {}
    offered = [version for version, file in sdists.items() if file.yanked is None] or sdists
    of_all = _render_document(detail.name, sdists[pick_latest(offered)], sdists.values())
    of_each = (
        b'<!--# if expr="$version = %s" -->%s<!--# endif -->' % (spelling.encode(), document)
        for file in sdists.values()
        for document in [_render_document(detail.name, file, [file])]
        for spelling in _spellings(file.release)
    )
    return {DOCUMENT: b'<!--# if expr="$version" --><!--# else -->%s<!--# endif -->%s' % (of_all, b"".join(of_each))}


def list_aliases(detail: ProjectDetail) -> dict[str, str]:
    """A name for each version. 1.0 is there as 1 too, by which the uploader finds 1.0.0 (PEP 440: the same)."""
    files = _sdists(detail).values()
    return {f"boards@{spelling}.json": DOCUMENT for file in files for spelling in _spellings(file.release)}


def list_links(detail: ProjectDetail) -> dict[str, str]:
    """From each release, however its files spell it, and from the latest to what boards install of it."""
    sources = find_sources(detail)
    if not sources:
        return {}
    offered = [version for version, file in sources.items() if file.yanked is None] or sources
    spelt = {file.release: sources[file.version] for file in detail.offered if file.version in sources}
    spelt[LATEST] = sources[pick_latest(offered)]
    return {name_link(release): target_of(source_of(detail.name, file)) for release, file in spelt.items()}


def find_sources(detail: ProjectDetail) -> dict[Version, ListedFile]:
    """The archive that boards get the files of a release from: a wheel of nothing but Python, or else an sdist."""
    best_last = sorted(detail.offered, key=lambda file: (file.yanked is None, file.filename.endswith(_PURE)))
    suits = (file for file in best_last if file.filename.endswith(_PURE) or file.distribution.kind == "sdist")
    return {file.version: file for file in suits}


def _spellings(release: str) -> list[str]:
    return sorted({release, canonical(release)})


def _sdists(detail: ProjectDetail) -> dict[Version, ListedFile]:
    """upip insists on exactly one file per release: the last one, of those that are not yanked if there are any."""
    yanked_first = sorted(detail.offered, key=lambda file: file.yanked is None)
    found: dict[Version, ListedFile] = {}
    for file in filter(_suits_boards, yanked_first):
        found.pop(file.version, None)  # 1.0 and 1.0.0 are the same: the key is to be the one of the file
        found[file.version] = file
    return found


def _suits_boards(file: ListedFile) -> bool:
    return file.distribution.kind == "sdist" and file.filename.endswith(GZIPPED)


def _render_document(project: str, latest: ListedFile, sdists: Iterable[ListedFile]) -> bytes:
    releases = {file.release: [{"url": f"@/{_url_of(project, file)}"}] for file in sdists}
    document = render_json({"info": {"version": latest.release}, "releases": releases})
    return document.replace(b'"@/', b'"' + ORIGIN + b"/")  # no other text in it can hold these three characters


def _url_of(project: str, file: ListedFile) -> str:
    """The sdist itself; or where it looks back too far for a small board, what is made of its release for such."""
    path = f"{project}/{file.release}.tar.gz" if file.distribution.is_wide else file.path
    return f"upip/{render_url(path)}"
