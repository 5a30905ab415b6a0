"""Names as people type them → the normalized ones that pages are filed under. nginx cannot lower-case."""

import re

from aiohttp import web
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from uploader.answers import Denied

_PAGE = re.compile(r"/+(?P<simple>simple/+)?(?P<name>[A-Za-z0-9._-]+)(?P<slash>/*)")
_BOARD = re.compile(r"/+(?P<name>[A-Za-z0-9._-]+?)(?:==(?P<version>[A-Za-z0-9._+!-]+)|[<>=!~;\[ ][^/]*)?/+json")


async def redirect_name(request: web.Request) -> web.Response:
    """A simple page is elsewhere, for now: 302, for pip's cache keeps a 301 for ever. A board gets its document."""
    if board := _BOARD.fullmatch(request.path):
        return _lead_nginx_to(board["name"], board["version"])
    if page := _PAGE.fullmatch(request.path):
        up = "../" if page["slash"] else ""
        way = up if page["simple"] else f"{up}simple/"
        return _redirect(f"{way or './'}{canonicalize_name(page['name'])}/")
    raise Denied(404, f"{request.path!r} is not here")


def _redirect(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location})


def _lead_nginx_to(name: str, version: str | None) -> web.Response:
    """upip follows no redirect, so nginx does."""
    try:
        release = str(Version(version)) if version else "latest"
    except InvalidVersion as error:
        raise Denied(404, f"{version!r} is no version") from error
    return web.Response(headers={"X-Accel-Redirect": f"/.board/{canonicalize_name(name)}/{release}.json"})
