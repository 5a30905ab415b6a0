"""Searching, as it is asked for: by `pip search`, by people and by programs. Only for who may read the repository."""

import asyncio
import html
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from aiohttp import web

from store.data import Data
from store.errors import shown
from store.repository import Repository
from store.searched import Searched, read_searched, searched_version
from uploader.answers import HttpRefusal
from uploader.auth.authorize import Authorization
from uploader.auth.reads import REPOSITORY
from uploader.page import render_page
from uploader.rules import Rules
from uploader.search.calls import answer_call
from uploader.search.ranking import Subject, find
from uploader.search.xmlrpc import BadCall, parse_call, render_answer, render_fault
from uploader.upload.address import find_existing

ADDRESS = "/.search"
XML = "text/xml"
CALL_LIMIT = 64 << 10  # bytes of a call
FORGOTTEN = 60.0  # seconds after which what is searched in is read anew, and takes no memory until then

_CALLED = re.compile(r"/+(?:(?:pypi|RPC2|simple)/*)?")

_T = TypeVar("_T")


class _Known(NamedTuple):
    version: str
    subjects: tuple[Subject, ...]


class Searches:
    """Of one data directory; what is searched in stays in memory for as long as people search."""

    def __init__(self, data: Data, authorization: Authorization) -> None:
        self._data = data
        self._rules = Rules(data)
        self._authorization = authorization
        self._known: dict[str, _Known] = {}
        self._turn = asyncio.Lock()

    async def call(self, request: web.Request) -> web.Response:
        """An XML-RPC call: 200 whatever comes of it, but for who may not read."""
        repository, rest = find_existing(self._data, request.path)
        if not _CALLED.fullmatch(rest):
            message = f"{shown(request.path)} answers no calls; expected /, /pypi or /RPC2, of a repository"
            raise HttpRefusal(405, message, {"Allow": "GET, HEAD"})
        await self._authorization.authorize(request, "download", repository.name, self._rules.of(repository.name))
        try:
            call = parse_call(await _read_call(request))
            said = await self._ask(repository, lambda subjects: render_answer(answer_call(call, subjects)))
        except BadCall as error:
            said = render_fault(error)
        return web.Response(body=said, content_type=XML)

    async def answer(self, request: web.Request) -> web.Response:
        """`?q=`: a page, or JSON for who accepts that first. nginx has looked after who may read."""
        repository = self._data.repository(request.headers.get(REPOSITORY, ""))
        asked = request.query.get("q", "")
        found = await self._ask(repository, lambda subjects: find(asked.split(), subjects))
        if request.headers.get("Accept", "").startswith("application/json"):
            return web.json_response({"query": asked, "projects": [_describe(project) for project in found]})
        return web.Response(text=_render_page(asked, found), content_type="text/html")

    async def _ask(self, repository: Repository, question: Callable[[Sequence[Subject]], _T]) -> _T:
        """One after another, and beside: nobody who uploads or reads has to wait for it."""
        async with self._turn:
            known, version = self._known.get(repository.name), searched_version(repository)
            if known is None or known.version != version:
                known = _Known(version, await asyncio.to_thread(_read_subjects, repository))
                self._known[repository.name] = known
                asyncio.get_running_loop().call_later(FORGOTTEN, self._forget, repository.name, known)
            return await asyncio.to_thread(question, known.subjects)

    def _forget(self, name: str, known: _Known) -> None:
        if self._known.get(name) is known:
            del self._known[name]


def _read_subjects(repository: Repository) -> tuple[Subject, ...]:
    return tuple(map(Subject, read_searched(repository)))


async def _read_call(request: web.Request) -> bytes:
    body = b""
    async for part in request.content.iter_chunked(CALL_LIMIT):
        body += part
        if len(body) > CALL_LIMIT:
            raise HttpRefusal(413, f"a call of more than {CALL_LIMIT} bytes; expected a few words to search for")
    return body


_FOUND = """<h1>Search</h1>
<form action="search" role="search">
<p><input name="q" type="search" value="{asked}" aria-label="Words in names and summaries" autocomplete="off"></p>
</form>
{found}
"""
_WAY = '<a href="./">All projects</a>'
_ITEM = '<li><a href="project/{name}/">{name}</a> <span>{version}</span>{status}{summary}</li>\n'


def _render_page(asked: str, found: list[Searched]) -> str:
    items = "".join(map(_render_item, found))
    nothing = "<p>Nothing was found.</p>" if asked.strip() else ""
    said = f'<ul class="projects">\n{items}</ul>' if items else nothing
    title = f"{asked} - search" if asked else "Search"
    content = _FOUND.format(asked=html.escape(asked), found=said)
    return render_page(title=html.escape(title), root="", way=_WAY, content=content)


def _describe(project: Searched) -> dict[str, str]:
    status = {"status": project.status} if project.status else {}
    return {"name": project.name, "version": project.version, "summary": project.summary, **status}


def _render_item(project: Searched) -> str:
    name, version, summary = map(html.escape, project[:3])
    status = f' <span class="status">{html.escape(project.status)}</span>' if project.status else ""
    return _ITEM.format(name=name, version=version, status=status, summary=f"<p>{summary}</p>" if summary else "")
