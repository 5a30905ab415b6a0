"""Which repositories there are for whoever asks: a part of the page for people, which nginx fills in."""

import contextlib
import posixpath
from collections.abc import Iterable

from aiohttp import web

from store.access import may
from store.current import InForce
from store.data import Data
from store.policy import Policies
from store.repository import DEFAULT, Repository
from uploader.auth.authorize import Authorization
from uploader.auth.passwords import Proof
from uploader.auth.reads import REPOSITORY
from uploader.auth.tokens import Token

ADDRESS = "/.parts/repositories"


class Repositories:
    """Answers with a section in HTML; with nothing where there is nothing to choose."""

    def __init__(self, data: Data, authorization: Authorization) -> None:
        self._data = data
        self._policies = InForce(data)
        self._authorization = authorization

    async def answer(self, request: web.Request) -> web.Response:
        """Those that the asker may read, with links relative to the page that is being filled in."""
        policies = self._policies.read()
        token = self._authorization.find_token(request)
        proof = await self._authorization.identify(request, policies.of(DEFAULT)) if policies else None
        there: tuple[Repository, ...] = ()
        with contextlib.suppress(OSError):
            there = self._data.repositories()
        readable = [each for each in there if policies and _may_read(proof, token, each.name, policies)]
        here = self._data.repository(request.headers.get(REPOSITORY, ""))
        section = _render(here, readable) if len(readable) > 1 else ""
        return web.Response(text=section, content_type="text/html")


def _may_read(proof: Proof | None, token: Token | None, repository: str, policies: Policies) -> bool:
    if token and token.may("download", repository):
        return True
    user, groups = (proof.user, proof.groups) if proof else (None, frozenset())
    return may(user, "download", policies.of(repository), groups)


def _render(here: Repository, repositories: Iterable[Repository]) -> str:
    """No name has a letter that HTML would take for its own, see `store.repository`."""
    items = "".join(f'<li><a href="{_way(here, each)}">{each.name}</a></li>\n' for each in repositories)
    return f'<section id="repositories">\n<h2>Repositories</h2>\n<ul>\n{items}</ul>\n</section>'


def _way(here: Repository, there: Repository) -> str:
    return posixpath.relpath(f"/{there.address}", f"/{here.address}") + "/"
