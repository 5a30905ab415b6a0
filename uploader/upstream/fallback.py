"""What nginx asks where it has no page of a project: the way to another index, or what that has of it.

A name that is here, or that the policy keeps private, is never asked about anywhere else.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from store.data import Data
from store.errors import shown
from store.names import LENGTH_LIMIT
from store.settings import Login
from store.upstream import PROXY, REDIRECT, is_private
from uploader.answers import HttpRefusal, accelerate
from uploader.auth.reads import REPOSITORY
from uploader.rules import Rules
from uploader.upload.calm import Calm
from uploader.upstream.budget import Budget
from uploader.upstream.client import Client, Unreachable
from uploader.upstream.fetch import Fetch
from uploader.upstream.fetches import Fetches
from uploader.upstream.here import Here
from uploader.upstream.kept import name_of, use
from uploader.upstream.pages import Pages
from uploader.upstream.sought import Sought

PROJECT = "{project:[a-z0-9]+(?:-[a-z0-9]+)*}"
PAGES = f"/.upstream/{PROJECT}/{{page:simple\\.(?:html|v1html|json)}}"  # where nginx asks
FILES = f"/.upstream-file/{PROJECT}/{{file:[^/]+}}"


class Fallback:
    """Of one data directory. nginx has looked after who may read."""

    def __init__(self, data: Data, logins: Mapping[str, Login], calm: Calm) -> None:
        self._data = data
        self._calm = calm
        self._rules = Rules(data)
        self._here = Here()
        self._client = Client(logins)
        budget = Budget()
        self._pages = Pages(self._client, budget)
        self._fetches = Fetches(self._client, budget)

    @property
    def problems(self) -> list[str]:
        """Why upstreams could not be asked last."""
        return sorted(self._pages.problems.values())

    async def page(self, request: web.Request) -> web.Response:
        """A redirect to the upstream's page, or ours of what it says."""
        sought = await self._seek(request)
        if sought.policy.fallback == REDIRECT:
            return web.Response(status=302, headers={"Location": sought.url})
        with self._calm.disturbed():  # a page may take a hundred times its size while it is read
            await self._pages.find(sought)
        return accelerate(f"/.found/{sought.project}/{request.match_info['page']}")

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file that such a page names: from disk, or as it comes."""
        sought = await self._seek(request)
        filename = request.match_info["file"]
        source = await self._pages.find_source(sought, filename) if sought.policy.fallback == PROXY else None
        if source is None:
            raise HttpRefusal(404, f"{shown(filename)} of {sought.project} is neither here nor elsewhere")
        target = sought.directory / name_of(filename, source)
        if not await asyncio.to_thread(use, target):
            fetch = self._fetches.begin(sought, source, target)
            await _wait(fetch)
            if not fetch.is_whole:
                return await _stream(request, fetch)
        return accelerate(f"/.found-file/{sought.project}/{target.name}")

    async def _seek(self, request: web.Request) -> Sought:
        """HttpRefusal for a name that is not to be looked for, or where that cannot be told."""
        repository = self._data.repository(request.headers.get(REPOSITORY, ""))
        policy, project = self._rules.of(repository.name), request.match_info["project"]
        if len(project) > LENGTH_LIMIT:
            raise HttpRefusal(404, f"{shown(project)} is no project")
        if not policy.upstream or not policy.fallback:
            raise HttpRefusal(404, f"{project} is not here")
        if is_private(project, policy.private):
            raise HttpRefusal(404, f"{project} is not here, and private: it is looked up nowhere else")
        try:
            if await self._here.has(repository, project):
                raise HttpRefusal(404, f"{project} is here, and its page is not yet; it is looked up nowhere else")
        except OSError as error:
            raise HttpRefusal(503, f"whether {project} is here cannot be told: {error.strerror}") from error
        return Sought(repository, policy, project)

    async def closing(self, _: web.Application) -> AsyncIterator[None]:
        """At the end of the application."""
        yield
        await self._pages.close()
        await self._fetches.close()
        await self._client.close()


async def _wait(fetch: Fetch) -> None:
    """Until there is something to be sent."""
    try:
        await fetch.wait()
    except Unreachable as error:
        raise HttpRefusal(502, str(error)) from error


async def _stream(request: web.Request, fetch: Fetch) -> web.StreamResponse:
    """Send what comes; cut off, so that nobody takes it for whole, where no more does."""
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    response.content_length = fetch.size
    if fetch.size is None:
        response.enable_chunked_encoding()
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    try:
        async for block in fetch.read():
            await response.write(block)
        await response.write_eof()
    except (Unreachable, OSError):  # it, or whoever reads, has gone
        if request.transport:
            request.transport.abort()
    return response
