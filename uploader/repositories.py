"""Which repositories there are for whoever asks: a part of the page for people, which nginx fills in."""

import contextlib
import posixpath
from collections.abc import Iterable

from aiohttp import web

from store.access import may
from store.current import InForce
from store.data import Data
from store.repository import Repository
from uploader.auth.authorize import Authorization
from uploader.auth.reads import REPOSITORY

ADDRESS = "/.repositories"


class Repositories:
    """Answers with a section in HTML; with nothing where there is nothing to choose."""

    def __init__(self, data: Data, authorization: Authorization) -> None:
        self._data = data
        self._policies = InForce(data)
        self._authorization = authorization

    async def answer(self, request: web.Request) -> web.Response:
        """Those that the asker may read, with links relative to the page that is being filled in."""
        policies = self._policies.read()
        user, token = await self._authorization.identify(request), self._authorization.find_token(request)
        there: tuple[Repository, ...] = ()
        with contextlib.suppress(OSError):
            there = self._data.repositories()
        readable = [
            each
            for each in there
            if policies
            and (may(user, "download", policies.of(each.name)) or (token and token.may("download", each.name)))
        ]
        here = self._data.repository(request.headers.get(REPOSITORY, ""))
        section = _render(here, readable) if len(readable) > 1 else ""
        return web.Response(text=section, content_type="text/html")


def _render(here: Repository, repositories: Iterable[Repository]) -> str:
    """No name has a letter that HTML would take for its own, see `store.repository`."""
    items = "".join(f'<li><a href="{_way(here, each)}">{each.name}</a></li>\n' for each in repositories)
    return f'<section id="repositories">\n<h2>Repositories</h2>\n<ul>\n{items}</ul>\n</section>'


def _way(here: Repository, there: Repository) -> str:
    return posixpath.relpath(f"/{there.address}", f"/{here.address}") + "/"
