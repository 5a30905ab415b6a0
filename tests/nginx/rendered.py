"""A site made by the page kinds from real archives, as the indexer would lay it out."""

import gzip
import hashlib
import shutil
from pathlib import Path
from typing import Any

from indexer.model import Care, Counts, ListedFile, Overview, ProjectDetail
from indexer.pages import (
    KINDS,
    OVERVIEW_ALIASES,
    Companion,
    is_compressed,
    list_companions,
    people,
    render_overview,
)
from indexer.pages.catalogue import Entry, render_catalogue
from indexer.portraits import portray
from store.distribution import Distribution, read_contents
from store.identity import Identity
from store.names import SIDECARS, SIGNATURE, YANKED, parse_filename
from store.repository import Repository


def write_site(repository: Repository, **overview: Any) -> None:
    """All pages of what lies in `packages/`, and no others."""
    shutil.rmtree(repository.site, ignore_errors=True)
    details = read_details(repository.packages)
    for detail in details:
        for kind in KINDS:
            if pages := kind.render(detail):
                _write_set(repository.site / kind.set_of(detail.name), pages, kind.list_aliases(detail))
        for path, companion in list_companions(detail).items():
            _write(repository.site / path, _content(repository, companion))
    _write_for_people(repository, details)
    _write_set(repository.overview, render_overview(overview_of(details, **overview)), OVERVIEW_ALIASES)


def _write_for_people(repository: Repository, details: list[ProjectDetail]) -> None:
    entries = []
    for detail in details:
        pages, about = portray(repository, detail, people.list_shown(detail), Care.ALL)
        there = {page: content for page, content in pages.items() if content}
        aliases = {alias: page for alias, page in people.list_aliases(detail).items() if page in there}
        _write_set(repository.site / people.NAME / detail.name, there, aliases)
        assert about
        entries.append(Entry(detail.name, about.version, about.summary, detail.files[-1].identity.mtime_ns))
    uploads = [entry for entry in entries if entry.at]
    _write_set(repository.searched.parent, render_catalogue(entries, uploads), {})


def _content(repository: Repository, companion: Companion) -> bytes:
    return read(repository.packages / companion.file.path)[1]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    squeezed = gzip.compress(content)
    if is_compressed(path.name) and len(squeezed) < len(content):
        path.with_name(f"{path.name}.gz").write_bytes(squeezed)


def _write_set(link: Path, pages: dict[str, bytes], aliases: dict[str, str]) -> None:
    """As it is switched: a link to a directory elsewhere."""
    directory = link.parent.parent / f"versions-{link.name}"
    for name, content in pages.items():
        _write(directory / name, content)
    for alias, name in aliases.items():
        for suffix in ("", ".gz"):
            (directory / f"{alias}{suffix}").unlink(missing_ok=True)
            if (directory / f"{name}{suffix}").exists():
                (directory / f"{alias}{suffix}").hardlink_to(directory / f"{name}{suffix}")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(directory)


def read(file: Path) -> tuple[Distribution, bytes]:
    """What the indexer would know of it, and its core metadata."""
    parsed = parse_filename(file.name)
    with file.open("rb") as archive:
        contents = read_contents(archive, parsed)
    releases = tuple((str(release.project), str(release.version)) for release in contents.releases)
    core_metadata = contents.core_metadata
    metadata_digest = hashlib.sha256(core_metadata).hexdigest() if core_metadata else ""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    known = (parsed.kind, digest, contents.requires_python, metadata_digest, contents.is_wide)
    return Distribution(releases, *known), core_metadata


def read_details(packages: Path) -> list[ProjectDetail]:
    """Every project that has files, sorted, as the index tells of them."""
    files: dict[str, list[ListedFile]] = {}
    for path in sorted(packages.rglob("*")):
        if path.is_file() and not path.name.endswith(SIDECARS):
            listed = _listed(packages, path)
            files.setdefault(listed.distribution.releases[0][0], []).append(listed)
    return [
        ProjectDetail(name, tuple(sorted(found, key=lambda file: (file.version, file.filename))))
        for name, found in sorted(files.items())
    ]


def _listed(packages: Path, path: Path) -> ListedFile:
    distribution, _ = read(path)
    yank = path.with_name(path.name + YANKED)
    return ListedFile(
        filename=path.name,
        path=str(path.relative_to(packages)),
        identity=Identity.of(path.stat()),
        release=distribution.releases[0][1],
        distribution=distribution,
        yanked=yank.read_text() if yank.exists() else None,
        signed=path.with_name(path.name + SIGNATURE).exists(),
        changed_ns=path.stat().st_mtime_ns,
    )


def overview_of(details: list[ProjectDetail], **fields: Any) -> Overview:
    files = [file for detail in details for file in detail.files]
    counts = Counts(len(details), len(files), sum(file.identity.size for file in files))
    values: dict[str, Any] = {"rejected": (), "misplaced": (), "is_private": False, "policy_problem": ""}
    return Overview(projects=tuple(detail.name for detail in details), counts=counts, **(values | fields))
