"""Which pages a project has for people and their programs, and what each is rendered from.

They are made by `indexer.portraits`.
"""

from typing import NamedTuple

from indexer.model import ProjectDetail
from indexer.pages.releases import list_releases

NAME = "people"
PROJECT, DOCUMENT, FEED = "project.html", "project.json", "feed.atom"
SUFFIXES = (".html", ".json")  # of the pages of a release


class About(NamedTuple):
    """What a project's page says and others show as well: of its latest release, and of the needs that it has."""

    version: str
    summary: str
    needs: tuple[str, ...]  # projects
    here: tuple[str, ...]  # those of them that were there


def list_shown(detail: ProjectDetail) -> dict[str, tuple[object, ...]]:
    """Page → all that the index says of what it is rendered from; what is looked at most comes first."""
    shown = {page: detail.values() for page in (PROJECT, DOCUMENT, FEED)}
    for release in reversed(list_releases(detail)):
        of_release = (detail.name, *(file.values() for file in release.files), *detail.values_of_all())
        shown |= {f"{release.name}{suffix}": of_release for suffix in SUFFIXES}
    return shown


def list_aliases(detail: ProjectDetail) -> dict[str, str]:
    """The other names of releases' pages."""
    return {
        f"{other}{suffix}": f"{release.name}{suffix}"
        for release in list_releases(detail)
        for other in release.spellings[1:]
        for suffix in SUFFIXES
    }
