"""The documents that upip reads on MicroPython boards: one for all versions of a project, one for each."""

import hashlib
from collections.abc import Iterable, Mapping

from packaging.utils import canonicalize_version
from packaging.version import Version

from indexer.model import ListedFile, ProjectDetail
from indexer.pages.companion import Companion
from indexer.pages.text import render_json, render_url

ALL_VERSIONS = "boards.json"
ARCHIVES = (".tar.gz", ".tgz")  # all that upip can unpack

_ORIGIN = b'<!--# echo var="board_origin" encoding="none" -->'  # upip takes no relative URL: nginx fills in the address


def render_all_versions(detail: ProjectDetail) -> dict[str, bytes]:
    """Nothing where there is no archive for boards. A yanked release is the latest only where all are."""
    sdists = _sdists(detail)
    if not sdists:
        return {}
    offered = [version for version, file in sdists.items() if file.yanked is None] or sdists
    return {ALL_VERSIONS: _render_document(pick_latest(offered), sdists)}


def list_versions(detail: ProjectDetail) -> dict[str, Companion]:
    """One document for each version. 1.0 is there as 1 too, by which the uploader finds 1.0.0 (PEP 440: the same)."""
    companions: dict[str, Companion] = {}
    for version, file in _sdists(detail).items():
        content = _render_document(version, {version: file})
        companion = Companion(hashlib.sha256(content).hexdigest(), content)
        for spelling in (str(version), canonicalize_version(version)):
            companions[f"boards/{detail.name}/{spelling}.json"] = companion
    return companions


def pick_latest(versions: Iterable[Version]) -> Version:
    """The newest final release, or the newest pre-release where there is none."""
    known = sorted(versions)
    return next((version for version in reversed(known) if not version.is_prerelease), known[-1])


def _sdists(detail: ProjectDetail) -> dict[Version, ListedFile]:
    """upip insists on exactly one file per release: the last one, of those that are not yanked if there are any."""
    yanked_first = sorted(detail.files, key=lambda file: file.yanked is None)
    return {file.version: file for file in yanked_first if _suits_boards(file)}


def _suits_boards(file: ListedFile) -> bool:
    return file.distribution.kind == "sdist" and file.filename.endswith(ARCHIVES)


def _render_document(latest: Version, sdists: Mapping[Version, ListedFile]) -> bytes:
    releases = {str(version): [{"url": f"@/packages/{render_url(file.path)}"}] for version, file in sdists.items()}
    document = render_json({"info": {"version": str(latest)}, "releases": releases})
    return document.replace(b'"@/', b'"' + _ORIGIN + b"/")  # no other text in it can hold these three characters
