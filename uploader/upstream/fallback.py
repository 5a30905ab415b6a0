"""What nginx asks where it has no page of a project: the way to another index, or what that has of it.

A name that is here, or that the policy keeps private, is never asked about anywhere else.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from aiohttp import web

from store.data import Data
from store.errors import shown
from store.names import LENGTH_LIMIT
from store.policy import Policies
from store.settings import Login
from store.upstream import PROXY, REDIRECT, is_private
from uploader.answers import HttpRefusal, accelerate
from uploader.auth.reads import REPOSITORY
from uploader.rules import Rules
from uploader.upload.calm import Calm
from uploader.upstream.aside import Aside
from uploader.upstream.budget import Budget
from uploader.upstream.client import Client, Unreachable
from uploader.upstream.detail import is_volatile
from uploader.upstream.fetch import Fetch
from uploader.upstream.fetches import Fetches
from uploader.upstream.here import Here
from uploader.upstream.kept import is_old, path_of, use
from uploader.upstream.pages import Pages
from uploader.upstream.sought import Sought

CHANGED = "other rules came into force while the project was looked up elsewhere; try again"
PROJECT = "{project:[a-z0-9]+(?:-[a-z0-9]+)*}"
PAGES = f"/.upstream/{PROJECT}/{{page:simple\\.(?:html|v1html|json)}}"  # where nginx asks
FILES = f"/.upstream-file/{PROJECT}/{{mark:[0-9a-z]+}}/{{file:[^/]+}}"


class Fallback:
    """Of one data directory. nginx has looked after who may read."""

    def __init__(self, data: Data, logins: Mapping[str, Login], calm: Calm) -> None:
        self._data = data
        self._calm = calm
        self._rules = Rules(data)
        self._aside = Aside()
        self._here = Here(self._aside)
        self._client = Client(logins)
        self._budget = Budget(self._aside)
        self._pages = Pages(self._client, self._budget, self._aside)
        self._fetches = Fetches(self._client, self._budget, self._aside)

    def problems(self, policies: Policies) -> list[str]:
        """Why upstreams that are asked could not be, the last time."""
        asked = {each.upstream for each in policies.by_name.values() if each.fallback == PROXY}
        return sorted(reason for upstream, reason in self._pages.problems.items() if upstream in asked)

    async def page(self, request: web.Request) -> web.Response:
        """A redirect to the upstream's page, or ours of what it says."""
        sought = await self._seek(request)
        if sought.policy.fallback == REDIRECT:
            return web.Response(status=302, headers={"Location": sought.url})
        with self._calm.disturbed(), explained():  # a page may take a hundred times its size while it is read
            await self._pages.find(sought, ", ".join(request.headers.getall("Via", ())))
        if await self._seek(request) != sought:  # again: it may have been brought here, or made private, meanwhile
            raise HttpRefusal(503, CHANGED, {"Retry-After": "1"})
        return accelerate(f"/.found/{sought.way}/{request.match_info['page']}")

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file that such a page names: from disk, also where the name is here by now, or as it comes."""
        sought = self._read(request)
        mark, filename = request.match_info["mark"], request.match_info["file"]
        target = path_of(sought, mark, filename)
        is_kept = await self._aside(use, target)
        if not is_kept or (is_volatile(mark, filename) and is_old(target)):
            try:
                response = await self._fetch(request, sought, target)
            except HttpRefusal:
                if not is_kept:
                    raise
                response = None
            if response is not None:
                return response
        kind = "found-volatile" if is_volatile(mark, filename) else "found-file"
        return accelerate(f"/.{kind}/{sought.way}/{target.name}")

    async def _fetch(self, request: web.Request, sought: Sought, target: Path) -> web.StreamResponse | None:
        """What comes, or nothing where it is here already; HttpRefusal where it cannot be had."""
        await self._check_unknown(sought)
        mark, filename = request.match_info["mark"], request.match_info["file"]
        source = None
        if sought.policy.fallback == PROXY:
            with explained():
                source = await self._pages.find_source(sought, mark, filename)
        if source is None:
            raise HttpRefusal(404, f"{shown(filename)} of {sought.project} is neither here nor elsewhere")
        fetch = self._fetches.begin(sought, source, target)
        with explained():
            await fetch.wait()
        await self._check_unknown(sought)  # again, for somebody may have brought it here meanwhile
        return None if fetch.is_whole else await _stream(request, fetch)

    async def _seek(self, request: web.Request) -> Sought:
        """HttpRefusal for a name that is not to be looked for, or where that cannot be told."""
        sought = self._read(request)
        await self._check_unknown(sought)
        return sought

    def _read(self, request: web.Request) -> Sought:
        """HttpRefusal for a name that is not to be found elsewhere, whether it is here or not."""
        repository = self._data.repository(request.headers.get(REPOSITORY, ""))
        policy, project = self._rules.of(repository.name), request.match_info["project"]
        if len(project) > LENGTH_LIMIT:
            raise HttpRefusal(404, f"{shown(project)} is no project")
        if not policy.upstream or not policy.fallback:
            raise HttpRefusal(404, f"{project} is not here")
        if is_private(project, policy.private):
            raise HttpRefusal(404, f"{project} is not here, and private: it is looked up nowhere else")
        return Sought(repository, policy, project)

    async def _check_unknown(self, sought: Sought) -> None:
        """HttpRefusal where it is here, or where that cannot be told."""
        try:
            is_here = await self._here.has(sought.repository, sought.project)
        except OSError as error:
            reason = f"whether {sought.project} is here cannot be told: {error.strerror}"
            raise HttpRefusal(503, reason, {"Retry-After": "1"}) from error
        if is_here:
            raise HttpRefusal(404, f"{sought.project} is here, so that nothing of it is looked up elsewhere")

    async def closing(self, _: web.Application) -> AsyncIterator[None]:
        """At the end of the application."""
        yield
        await self._pages.close()
        await self._fetches.close()
        await self._budget.close()
        await self._client.close()
        self._aside.close()


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn what an upstream does not answer into 502."""
    try:
        yield
    except Unreachable as error:
        raise HttpRefusal(502, str(error)) from error


async def _stream(request: web.Request, fetch: Fetch) -> web.StreamResponse:
    """Send what comes; cut off, so that nobody takes it for whole, where no more does."""
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    response.content_length = fetch.size
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
