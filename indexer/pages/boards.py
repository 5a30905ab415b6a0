"""The document that upip reads on MicroPython boards: of all versions of a project, or of the one that is asked for.

One file holds them all, and nginx picks by `$version`, so that no version needs a file of its own. Its other names
are the versions that there are.
"""

from collections.abc import Iterable

from packaging.version import Version

from indexer.model import ListedFile, ProjectDetail
from indexer.pages.releases import canonical, pick_latest
from indexer.pages.text import ORIGIN, render_json, render_url

DOCUMENT = "boards.json"
ARCHIVES = (".tar.gz", ".tgz")  # all that upip can unpack


def list_shown(detail: ProjectDetail) -> tuple[object, ...]:
    """All that the document is rendered from."""
    sdists = _sdists(detail)
    return tuple((file.release, file.path, file.yanked is None) for file in sdists.values())


def render_documents(detail: ProjectDetail) -> dict[str, bytes]:
    """Nothing where there is no archive for boards. A yanked release is the latest only where all are."""
    sdists = _sdists(detail)
    if not sdists:
        return {}
    offered = [version for version, file in sdists.items() if file.yanked is None] or sdists
    of_all = _render_document(sdists[pick_latest(offered)], sdists.values())
    of_each = (
        b'<!--# if expr="$version = %s" -->%s<!--# endif -->' % (spelling.encode(), document)
        for file in sdists.values()
        for document in [_render_document(file, [file])]
        for spelling in _spellings(file.release)
    )
    return {DOCUMENT: b'<!--# if expr="$version" --><!--# else -->%s<!--# endif -->%s' % (of_all, b"".join(of_each))}


def list_aliases(detail: ProjectDetail) -> dict[str, str]:
    """A name for each version. 1.0 is there as 1 too, by which the uploader finds 1.0.0 (PEP 440: the same)."""
    files = _sdists(detail).values()
    return {f"boards@{spelling}.json": DOCUMENT for file in files for spelling in _spellings(file.release)}


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
    return file.distribution.kind == "sdist" and file.filename.endswith(ARCHIVES)


def _render_document(latest: ListedFile, sdists: Iterable[ListedFile]) -> bytes:
    releases = {file.release: [{"url": f"@/packages/{render_url(file.path)}"}] for file in sdists}
    document = render_json({"info": {"version": latest.release}, "releases": releases})
    return document.replace(b'"@/', b'"' + ORIGIN + b"/")  # no other text in it can hold these three characters
