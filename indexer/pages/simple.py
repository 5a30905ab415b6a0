"""The simple pages, HTML and JSON: the project list and the project detail.

PEP 503, 592, 629, 658, 691, 700, 714, 740, 792.
"""

from functools import lru_cache
from typing import Any

from indexer.model import ListedFile, Overview, ProjectDetail
from indexer.pages.templates import render_template
from indexer.pages.text import render_ascii, render_json, render_time, render_url
from store.names import PROVENANCE

API_VERSION = "1.1"  # PEP 700: versions, size, upload-time
API_VERSION_WITH_PROVENANCE = "1.3"  # PEP 740
API_VERSION_WITH_STATUS = "1.4"  # PEP 792

DETAIL_HTML, DETAIL_JSON = "simple.html", "simple.json"
LIST_HTML, LIST_JSON = "list.html", "list.json"
PAGES = (DETAIL_HTML, DETAIL_JSON, LIST_HTML, LIST_JSON)
DETAIL_ALIASES, LIST_ALIASES = {"simple.v1html": DETAIL_HTML}, {"list.v1html": LIST_HTML}  # the same as another type


def render_list(overview: Overview) -> dict[str, bytes]:
    return _render_list(overview.projects)


@lru_cache(1)  # files come and go far more often than projects
def _render_list(projects: tuple[str, ...]) -> dict[str, bytes]:
    page = render_template("list.html", projects=projects, api_version=API_VERSION)
    document = {"meta": {"api-version": API_VERSION}, "projects": [{"name": name} for name in projects]}
    return {LIST_HTML: render_ascii(page), LIST_JSON: render_json(document)}


def render_detail(detail: ProjectDetail) -> dict[str, bytes]:
    api_version = _api_version(detail)
    page = render_template("simple.html", detail=detail, api_version=api_version)
    document: dict[str, Any] = {
        "meta": {"api-version": api_version},
        "name": detail.name,
        "versions": list(dict.fromkeys(file.release for file in detail.files)),
        "files": [_file_entry(file) for file in detail.offered],
    }
    if detail.status:
        why = {"reason": detail.status.reason} if detail.status.reason else {}
        document["project-status"] = {"status": detail.status.marker, **why}
    return {DETAIL_HTML: render_ascii(page), DETAIL_JSON: render_json(document)}


def _api_version(detail: ProjectDetail) -> str:
    """The least that has all that is said of the project: no client is told of more than it needs."""
    if detail.status:
        return API_VERSION_WITH_STATUS
    return API_VERSION_WITH_PROVENANCE if any(file.attested for file in detail.offered) else API_VERSION


def list_aliases(_: ProjectDetail) -> dict[str, str]:
    return DETAIL_ALIASES


def _file_entry(file: ListedFile) -> dict[str, Any]:
    """Without `dist-info-metadata`: pip 22.2 to 23.0 fail on its dict (PEP 714 lets it go)."""
    entry: dict[str, Any] = {
        "filename": file.filename,
        "url": f"../../packages/{render_url(file.path)}",
        "hashes": {"sha256": file.distribution.digest},
    }
    if file.distribution.requires_python:
        entry["requires-python"] = file.distribution.requires_python
    if file.distribution.metadata_digest:
        entry["core-metadata"] = {"sha256": file.distribution.metadata_digest}
    if file.signed:
        entry["gpg-sig"] = True
    if file.attested:
        entry["provenance"] = f"{entry['url']}{PROVENANCE}"
    entry["yanked"] = False if file.yanked is None else file.yanked or True
    entry["size"] = file.identity.size
    entry["upload-time"] = render_time(file.identity.mtime_ns)  # its own, so that it outlives all that is derived
    return entry
