"""The simple pages, HTML and JSON: the project list and the project detail, as `store.simple` renders it."""

from functools import lru_cache

from indexer.model import ListedFile, Overview, ProjectDetail
from indexer.pages.templates import render_template
from store import simple
from store.names import PROVENANCE
from store.simple import API_VERSION, DIGEST, SimpleDetail, SimpleFile
from store.text import render_ascii, render_json, render_time

LIST_HTML, LIST_JSON = "list.html", "list.json"
PAGES = (simple.DETAIL_HTML, simple.DETAIL_JSON, LIST_HTML, LIST_JSON)
TOP = "../../"  # the way from a page to its repository
LIST_ALIASES = {"list.v1html": LIST_HTML}  # the same as another type


def render_list(overview: Overview) -> dict[str, bytes]:
    return _render_list(overview.projects)


@lru_cache(1)  # files come and go far more often than projects
def _render_list(projects: tuple[str, ...]) -> dict[str, bytes]:
    page = render_template("list.html", projects=projects, api_version=API_VERSION)
    document = {"meta": {"api-version": API_VERSION}, "projects": [{"name": name} for name in projects]}
    return {LIST_HTML: render_ascii(page), LIST_JSON: render_json(document)}


def render_detail(detail: ProjectDetail) -> dict[str, bytes]:
    versions = dict.fromkeys(file.release for file in detail.files)
    files = tuple(_describe(detail, file) for file in detail.offered)
    return simple.render_detail(SimpleDetail(detail.name, versions, files, detail.status))


def list_aliases(_: ProjectDetail) -> dict[str, str]:
    return simple.ALIASES


def _describe(detail: ProjectDetail, file: ListedFile) -> SimpleFile:
    facts, url, metadata_digest = file.distribution, detail.url_of(file, TOP), detail.metadata_digest_of(file)
    return SimpleFile(
        filename=file.filename,
        url=url,
        hashes={DIGEST: facts.digest},
        requires_python=facts.requires_python,
        core_metadata={DIGEST: metadata_digest} if metadata_digest else False,
        signed=file.signed,
        provenance=f"{url}{PROVENANCE}" if file.attested else "",
        yanked=file.yanked,
        size=file.identity.size,
        upload_time=render_time(file.identity.mtime_ns),  # its own, so that it outlives all that is derived
    )
