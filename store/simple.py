"""The detail of a project as installers read it, as HTML and as JSON, whoever it is told by.

PEP 503, 592, 629, 658, 691, 700, 714, 740, 792.
"""

import html
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from store.status import Status
from store.text import render_ascii, render_json, render_printable

API_VERSION_ALONE = "1.0"
API_VERSION = "1.1"  # PEP 700: versions, size, upload-time
API_VERSION_WITH_PROVENANCE = "1.3"  # PEP 740
API_VERSION_WITH_STATUS = "1.4"  # PEP 792

DETAIL_HTML, DETAIL_JSON = "simple.html", "simple.json"
ALIASES = {"simple.v1html": DETAIL_HTML}  # the same as another type

DIGEST = "sha256"


class SimpleFile(NamedTuple):
    """One that is offered. `url` is relative to the page; `core_metadata` has digests, or none but that it is there."""

    filename: str
    url: str
    hashes: Mapping[str, str]
    requires_python: str = ""
    core_metadata: Mapping[str, str] | bool = False
    signed: bool = False
    provenance: str = ""
    yanked: str | None = None  # the reason, which may be empty; None where it is not
    size: int | None = None
    upload_time: str = ""


class SimpleDetail(NamedTuple):
    """A project; `versions` are None where nobody said them."""

    name: str
    versions: Iterable[str] | None
    files: tuple[SimpleFile, ...]
    status: Status | None = None

    @property
    def api_version(self) -> str:
        """The least that has all that is said of the project: no client is told of more than it needs."""
        if self.versions is None or any(file.size is None for file in self.files):
            return API_VERSION_ALONE
        if self.status:
            return API_VERSION_WITH_STATUS
        return API_VERSION_WITH_PROVENANCE if any(file.provenance for file in self.files) else API_VERSION


def render_detail(detail: SimpleDetail) -> dict[str, bytes]:
    """Both forms, by the name of their file."""
    return {DETAIL_HTML: render_ascii(_render_page(detail)), DETAIL_JSON: render_json(_describe(detail))}


def _describe(detail: SimpleDetail) -> dict[str, Any]:
    document: dict[str, Any] = {"meta": {"api-version": detail.api_version}, "name": detail.name}
    if detail.versions is not None:
        document["versions"] = list(detail.versions)
    document["files"] = [_describe_file(file) for file in detail.files]
    if detail.status:
        why = {"reason": detail.status.reason} if detail.status.reason else {}
        document["project-status"] = {"status": detail.status.marker, **why}
    return document


def _describe_file(file: SimpleFile) -> dict[str, Any]:
    """Without `dist-info-metadata`: pip 22.2 to 23.0 fail on its dict (PEP 714 lets it go)."""
    entry: dict[str, Any] = {"filename": file.filename, "url": file.url, "hashes": file.hashes}
    if file.requires_python:
        entry["requires-python"] = file.requires_python
    if file.core_metadata:
        entry["core-metadata"] = file.core_metadata
    if file.signed:
        entry["gpg-sig"] = True
    if file.provenance:
        entry["provenance"] = file.provenance
    entry["yanked"] = False if file.yanked is None else file.yanked or True
    if file.size is not None:
        entry["size"] = file.size
    if file.upload_time:
        entry["upload-time"] = file.upload_time
    return entry


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="pypi:repository-version" content="{version}">
{status}<title>{name}</title>
<link rel="stylesheet" href="../../-/larder.css">
</head>
<body class="files">
<h1>{name}</h1>
{files}</body>
</html>
"""


def _render_page(detail: SimpleDetail) -> str:
    return _PAGE.format(
        version=detail.api_version,
        status=_render_status(detail.status) if detail.status else "",
        name=html.escape(detail.name),
        files="".join(map(_render_anchor, detail.files)),
    )


def _render_status(status: Status) -> str:
    marker = f'<meta name="pypi:project-status" content="{html.escape(status.marker)}">\n'
    why = html.escape(render_printable(status.reason))
    return marker + (f'<meta name="pypi:project-status-reason" content="{why}">\n' if why else "")


def _render_anchor(file: SimpleFile) -> str:
    """The text is the last part of the URL (PEP 503)."""
    parts = [f'<a href="{html.escape(_with_digest(file))}"']
    if file.requires_python:
        parts.append(f' data-requires-python="{html.escape(file.requires_python)}"')
    if file.core_metadata:
        said = _pick_digest(file.core_metadata) if isinstance(file.core_metadata, Mapping) else "true"
        parts.append(f' data-core-metadata="{said}" data-dist-info-metadata="{said}"')
    if file.signed:
        parts.append(' data-gpg-sig="true"')
    if file.provenance:
        parts.append(f' data-provenance="{html.escape(file.provenance)}"')
    if file.yanked is not None:
        parts.append(f' data-yanked="{html.escape(file.yanked)}"')
    return f"{''.join(parts)}>{html.escape(file.filename)}</a><br>\n"


def _with_digest(file: SimpleFile) -> str:
    return f"{file.url}#{_pick_digest(file.hashes)}" if file.hashes else file.url


def _pick_digest(hashes: Mapping[str, str]) -> str:
    """One, for there is room for no more."""
    algorithm = DIGEST if DIGEST in hashes else next(iter(hashes))
    return f"{algorithm}={hashes[algorithm]}"
