"""Names as people type them → the normalized ones that pages are filed under. nginx cannot lower-case."""

import re

from aiohttp import web
from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import InvalidVersion, Version

from uploader.answers import Denied

_PAGE = re.compile(r"/+(?P<simple>simple/+)?(?P<name>[A-Za-z0-9._-]+)(?P<slash>/*)")
_BOARD = re.compile(r"/+(?P<name>[A-Za-z0-9._-]+)(?P<requirement>[<>=!~;\[ ][^/]*)?/+json")
_PINNED = re.compile(r"[^;]*?===? *(?P<version>[^,; ]*)")


async def redirect_name(request: web.Request) -> web.Response:
    """A simple page is elsewhere, for now: 302, for pip's cache keeps a 301 for ever. A board gets its document."""
    if board := _BOARD.fullmatch(request.path):
        pinned = _PINNED.match(board["requirement"] or "")
        return _lead_nginx_to(board["name"], pinned and pinned["version"])
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
        release = canonicalize_version(Version(version)) if version is not None else "latest"
    except InvalidVersion as error:
        raise Denied(404, f"{version!r} is no version") from error
    return web.Response(headers={"X-Accel-Redirect": f"/.board/{canonicalize_name(name)}/{release}.json"})
