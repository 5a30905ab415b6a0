"""The pages of a project for people and their programs: archives are read, and what strangers wrote is rendered."""

import time
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial

from indexer.describe import describe, read_fields
from indexer.model import Care, Field, ListedFile, ProjectDetail
from indexer.pages.catalogue import SHOWN, Entry, render_feed
from indexer.pages.people import DOCUMENT, FEED, PROJECT, SUFFIXES, About
from indexer.pages.project import list_needs, render_project, render_release
from indexer.pages.pypi import render_of_project, render_of_release
from indexer.pages.releases import Release, latest_of, list_releases
from store.repository import Repository

SUMMARY = 512  # characters of one, at most, where many are shown


def portray(
    repository: Repository, detail: ProjectDetail, pages: Iterable[str], care: Care, enough: float = float("inf")
) -> tuple[dict[str, bytes], About | None]:
    """These pages, and what the project's own says, if that is one of them. Raises whatever goes wrong.

    After `enough` seconds of CPU no other is begun.
    """
    portrait, began = Portrait(repository, detail, care), time.process_time()
    made: dict[str, bytes] = {}
    for page in pages:
        made[page] = portrait.render(page)
        if time.process_time() - began >= enough:
            break
    return made, portrait.about() if PROJECT in made else None


class Portrait:
    """One project, as its archives have it."""

    def __init__(self, repository: Repository, detail: ProjectDetail, care: Care) -> None:
        self._repository = repository
        self._detail = detail
        self._releases = list_releases(detail)
        self._latest = latest_of(self._releases)
        self._by_page = {f"{release.name}{suffix}": release for release in self._releases for suffix in SUFFIXES}
        self._read = lru_cache(2)(partial(read_fields, repository.packages))
        self._care = care

    def render(self, page: str) -> bytes:
        if page == FEED:
            return self._render_feed()
        release = self._by_page.get(page, self._latest)
        fields = self._fields(release)
        if page == DOCUMENT:
            return render_of_project(self._detail, release, fields)
        if page.endswith(".json"):
            return render_of_release(self._detail, release, fields)
        description = describe(fields, self._care)
        if page == PROJECT:
            return render_project(self._detail, release, description, self._is_here)
        return render_release(self._detail, release, description)

    def about(self) -> About:
        """What others show of it."""
        fields = self._fields(self._latest)
        needs = list_needs(fields)
        here = tuple(filter(self._is_here, needs))
        return About(self._latest.name, _clip(str(fields.get("summary", ""))), tuple(needs), here)

    def _fields(self, release: Release) -> Mapping[str, Field]:
        return self._read(_pick_file(release)) if self._care else {}

    def _is_here(self, project: str) -> bool:
        return self._repository.project(project).is_dir()

    def _render_feed(self) -> bytes:
        name = self._detail.name
        entries = [Entry(name, release.name, "", release.at) for release in self._releases]
        newest = sorted(entries, key=lambda entry: -entry.at)[:SHOWN]
        return render_feed(name, f"/project/{name}/", f"/project/{name}/", newest)


def _clip(summary: str) -> str:
    return summary if len(summary) <= SUMMARY else f"{summary[: SUMMARY - 1].rstrip()}\u2026"


def _pick_file(release: Release) -> ListedFile:
    """The one that speaks for the release: a wheel's metadata is what installers go by."""
    return min(release.files, key=lambda file: (file.distribution.kind != "wheel", file.filename))
