"""Names as people type them → the normalized ones that pages are filed under. nginx cannot lower-case."""

import re

from aiohttp import web
from packaging.utils import canonicalize_version

from store.errors import BadName, shown
from store.names import parse_project, parse_version
from uploader.answers import HttpRefusal, accelerate

_PAGE = re.compile(r"/+(?P<simple>simple/+)?(?P<name>[A-Za-z0-9._-]+)(?P<slash>/*)")
_RELEASE = re.compile(
    r"/(?P<top>project|pypi)/(?P<name>[A-Za-z0-9._-]+)(?:/(?!(?:json|feed\.atom)/?$)(?P<version>[^/]+))?"
    r"(?P<end>/json|/feed\.atom)?/?"
)
_SLASHES = re.compile("/+")
_BOARD = re.compile(r"/+(?P<name>[A-Za-z0-9._-]+)(?P<requirement>[<>=!~;\[ ][^/]*)?/+json")
_PINNED = re.compile(r"[^;]*?===? *(?P<version>[^,; ]*)")


async def redirect(request: web.Request) -> web.Response:
    """The way to what was meant; 404 where there is nothing of the name, or the name is normalized already."""
    try:
        leads = (_lead_to_board, _lead_to_page, _lead_to_release)
        found = next(filter(None, (lead(request.path) for lead in leads)), None)
    except BadName as error:
        raise HttpRefusal(404, str(error)) from error
    if found is None:
        raise HttpRefusal(404, f"{shown(request.path)} is not here")
    return found


def _lead_to_page(path: str) -> web.Response | None:
    """302, relative to the request: pip's cache keeps a 301 for ever."""
    page = _PAGE.fullmatch(path)
    project = parse_project(page["name"]) if page else None
    if page is None or project == page["name"]:
        return None
    up = "../" if page["slash"] else ""  # once: Python's urljoin counts no empty segment
    way = up if page["simple"] else f"{up}simple/"
    return web.Response(status=302, headers={"Location": f"{way or './'}{project}/"})


def _lead_to_release(path: str) -> web.Response | None:
    """302 to what is said of a project, or of one of its versions: to people, or by PyPI's JSON API."""
    path = _SLASHES.sub("/", path)
    page = _RELEASE.fullmatch(path)
    if page is None or (page["top"] == "pypi") != (page["end"] == "/json"):
        return None
    names = [page["top"], str(parse_project(page["name"]))]
    if page["version"]:
        names.append(canonicalize_version(parse_version(page["version"])))
    meant = f"{'/'.join(names)}{page['end'] or '/'}"
    if path == f"/{meant}":
        return None
    return web.Response(status=302, headers={"Location": "../" * (path.count("/") - 1) + meant})


def _lead_to_board(path: str) -> web.Response | None:
    """upip follows no redirect, so nginx does: to the document of the version that is asked for, or of the latest."""
    board = _BOARD.fullmatch(path)
    if board is None:
        return None
    pinned = _PINNED.match(board["requirement"] or "")
    release = canonicalize_version(parse_version(pinned["version"])) if pinned else "latest"
    return accelerate(f"/.board/{parse_project(board['name'])}/{release}.json")
