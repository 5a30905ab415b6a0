"""PyPI's JSON API: what programs ask about a project or one of its releases (docs.pypi.org/api/json).

Addresses in it are absolute: nginx fills in where the index is for who asks, and takes nothing else in it for an order.
"""

from collections.abc import Mapping
from typing import Any

from indexer.model import Field, ListedFile, ProjectDetail
from indexer.pages.origin import ORIGIN
from indexer.pages.releases import Release, list_releases
from store.text import render_json, render_time

_HERE = "\0/"  # how an address begins until then; no text has a NUL
_TEXTS = (
    "author", "author_email", "description", "description_content_type", "download_url", "home_page", "license",
    "license_expression", "maintainer", "maintainer_email", "requires_python", "summary",
)  # fmt: skip
_LISTS = ("classifiers", "dynamic", "license_files", "provides_extra", "requires_dist")
_TYPES = {"wheel": "bdist_wheel", "sdist": "sdist", "egg": "bdist_egg"}
_UNKNOWN = {"last_day": -1, "last_month": -1, "last_week": -1}  # downloads


def render_of_project(detail: ProjectDetail, shown: Release, fields: Mapping[str, Field]) -> bytes:
    """Of the release that is taken where none is asked for, with the files of all."""
    files = {release.name: _list_files(detail, release) for release in list_releases(detail)}
    return _render({**_document(detail, shown, fields), "releases": files})


def render_of_release(detail: ProjectDetail, release: Release, fields: Mapping[str, Field]) -> bytes:
    return _render(_document(detail, release, fields))


def _document(detail: ProjectDetail, release: Release, fields: Mapping[str, Field]) -> dict[str, Any]:
    return {
        "info": _info(detail.name, release, fields),
        "last_serial": max(file.changed_ns for file in release.files) // 10**9,
        "urls": _list_files(detail, release),
        "vulnerabilities": [],
        "ownership": {"organization": None, "roles": []},
    }


def _list_files(detail: ProjectDetail, release: Release) -> list[dict[str, Any]]:
    return [_entry(detail, file) for file in release.files] if detail.offered else []


def _info(name: str, release: Release, fields: Mapping[str, Field]) -> dict[str, Any]:
    page = f"project/{name}/"
    texts = {text: fields.get(text) or None for text in _TEXTS}
    return {
        **texts,
        "author": texts["author"] or "",
        "author_email": texts["author_email"] or "",
        "description": texts["description"] or "",
        "summary": texts["summary"] or "",
        **{several: fields.get(several) or None for several in _LISTS},
        "classifiers": fields.get("classifiers", []),
        "bugtrack_url": None,
        "docs_url": None,
        "downloads": _UNKNOWN,
        "keywords": ",".join(fields.get("keywords", [])) or None,
        "platform": ",".join(fields.get("platforms", [])) or None,
        "name": fields.get("name", name),
        "version": release.name,
        "project_urls": fields.get("project_urls") or None,
        "package_url": _HERE + page,
        "project_url": _HERE + page,
        "release_url": f"{_HERE}{page}{release.name}/",
        "yanked": release.yanked is not None,
        "yanked_reason": release.yanked or None,
    }


def _entry(detail: ProjectDetail, file: ListedFile) -> dict[str, Any]:
    facts, metadata_digest = file.distribution, detail.metadata_digest_of(file)
    return {
        "comment_text": "",
        "core-metadata": {"sha256": metadata_digest} if metadata_digest else False,
        "digests": {"sha256": facts.digest},
        "downloads": -1,
        "filename": file.filename,
        "has_sig": file.signed,
        "packagetype": _TYPES[facts.kind],
        "python_version": _python_version(file),
        "requires_python": facts.requires_python or None,
        "size": file.identity.size,
        "upload_time": render_time(file.identity.mtime_ns)[:19],
        "upload_time_iso_8601": render_time(file.identity.mtime_ns),
        "url": detail.url_of(file, _HERE),
        "yanked": file.yanked is not None,
        "yanked_reason": file.yanked or None,
    }


def _python_version(file: ListedFile) -> str:
    """The tag in the name of a wheel or an egg."""
    if file.distribution.kind == "sdist":
        return "source"
    parts = file.filename.rpartition(".")[0].split("-")
    return parts[-3] if file.distribution.kind == "wheel" else parts[-1]


def _render(document: Mapping[str, object]) -> bytes:
    text = render_json(document).replace(b"<!", b"\\u003c!")
    return text.replace(b'"\\u0000/', b'"' + ORIGIN + b"/")
