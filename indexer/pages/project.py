"""The pages of a project for people: of the release that installers take, and of each release by itself."""

from collections.abc import Callable, Mapping
from email.utils import getaddresses
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement

from indexer.model import Description, Field, ProjectDetail
from indexer.pages.releases import Release, list_releases
from indexer.pages.templates import render_template
from store import VERSION
from store.errors import BadName
from store.names import parse_project
from store.text import render_time

LICENCE_LIMIT = 100  # characters: what is longer is the text of one, and not its name

IsHere = Callable[[str], bool]  # whether there is a project of that name


class Link(NamedTuple):
    """What is shown, and where it leads; nowhere where that is empty."""

    text: str
    target: str = ""


class Row(NamedTuple):
    """One release in the list of all."""

    release: Release
    date: str


def render_project(detail: ProjectDetail, shown: Release, description: Description, is_here: IsHere) -> bytes:
    """Of the release that is taken where no version is asked for, with all others."""
    rows = tuple(Row(release, _date_of(release)) for release in reversed(list_releases(detail)))
    return _render(detail, shown, description, is_here, rows=rows, up="../../")


def render_release(detail: ProjectDetail, release: Release, description: Description) -> bytes:
    """Of one by itself; what it needs is text, for it stays as it is when that comes or goes."""
    return _render(detail, release, description, lambda _: False, rows=(), up="../../../")


def _render(
    detail: ProjectDetail, release: Release, description: Description, is_here: IsHere, **values: object
) -> bytes:
    fields = description.fields
    page = render_template(
        "project.html",
        detail=detail,
        name=detail.name,
        status=detail.status,
        release=release,
        date=_date_of(release),
        description=description,
        summary=fields.get("summary", ""),
        requires_python=fields.get("requires_python", ""),
        licence=_find_licence(fields),
        people=_list_people(fields),
        links=_list_links(fields),
        dependencies=[_to_dependency(text, is_here) for text in _texts(fields, "requires_dist")],
        classifiers=_texts(fields, "classifiers"),
        larder=VERSION,
        **values,
    )
    return page.encode()


def list_needs(fields: Mapping[str, Field]) -> list[str]:
    """The projects that a release needs, whatever for."""
    needs = (_to_dependency(text, lambda _: True).target for text in _texts(fields, "requires_dist"))
    return sorted({need for need in needs if need})


def _texts(fields: Mapping[str, Field], name: str) -> list[str]:
    found = fields.get(name, [])
    return found if isinstance(found, list) else []


def _to_dependency(text: str, is_here: IsHere) -> Link:
    try:
        project = str(parse_project(Requirement(text).name))
    except (InvalidRequirement, BadName, RecursionError):
        return Link(text)
    return Link(text, project if is_here(project) else "")


def _find_licence(fields: Mapping[str, Field]) -> str:
    """Its name, wherever it is said."""
    said = str(fields.get("license_expression") or fields.get("license", "")).strip()
    if said and len(said) <= LICENCE_LIMIT and "\n" not in said:
        return said
    names = (
        text.rpartition("::")[2].strip() for text in _texts(fields, "classifiers") if text.startswith("License ::")
    )
    return ", ".join(names)


def _list_people(fields: Mapping[str, Field]) -> list[Link]:
    """Authors and maintainers, each once, with an address where they give one."""
    found: dict[str, str] = {}
    for role in ("author", "maintainer"):
        for person, address in _parse_addresses(str(fields.get(f"{role}_email", ""))):
            found.setdefault(person or address, address)
        if name := str(fields.get(role, "")):
            found.setdefault(name, "")
    return [Link(person, f"mailto:{address}" if "@" in address else "") for person, address in found.items() if person]


def _parse_addresses(said: str) -> list[tuple[str, str]]:
    try:
        return getaddresses([said])
    except (RecursionError, ValueError, LookupError):  # of which its parser has a history
        return [(said, "")]


def _list_links(fields: Mapping[str, Field]) -> list[Link]:
    """Label and address: those that lead to the web are links."""
    said = {"Homepage": fields.get("home_page", ""), "Download": fields.get("download_url", "")}
    urls = fields.get("project_urls", {})
    said |= urls if isinstance(urls, dict) else {}
    links = {str(url): label for label, url in said.items() if str(url).startswith(("http://", "https://"))}
    return [Link(label, url) for url, label in links.items()]


def _date_of(release: Release) -> str:
    """The day (UTC) of its first file."""
    return render_time(release.at)[:10]
