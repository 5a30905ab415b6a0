"""The page of a project that is unknown here, as it is kept, or as the upstream has it now."""

import asyncio
import logging
import re
import time
from functools import partial

import aiohttp

from store.errors import Refused
from uploader.answers import HttpRefusal
from uploader.upstream.budget import Budget
from uploader.upstream.client import Ask, Client, Unreachable, read_blocks
from uploader.upstream.detail import ACCEPT, Source, parse_detail
from uploader.upstream.kept import (
    SOURCES,
    Known,
    find_source,
    forget_page,
    keep_page,
    note_checked,
    read_known,
    size_of_page,
    use,
)
from uploader.upstream.sought import Sought

log = logging.getLogger(__name__)

PATIENCE = 3.0  # seconds that whoever could have what is kept waits for what is newer
DOWN = 10.0  # seconds for which an upstream that did not answer is not waited for again
DEADLINE = 60.0  # seconds of one question
LASTING = 600.0  # seconds that a page is taken for what it is, at most, and where the upstream says nothing
LARGEST = 64 << 20  # bytes of a page
MOST = 16  # questions at once; others wait for one of these to end
GONE = (404, 410)
_TAG = re.compile(r'(?:W/)?"[!#-~]*"')  # RFC 9110, 8.8.3, in ASCII
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})")
_NOT_AGAIN = re.compile(r"(?:^|[\s,])(?:no-cache|no-store)(?:$|[\s,=])")


class Pages:
    """Of all repositories: each project is asked about once at a time, however many ask here."""

    def __init__(self, client: Client, budget: Budget) -> None:
        self._client = client
        self._budget = budget
        self._room = asyncio.Semaphore(MOST)
        self._asking: dict[Sought, asyncio.Task[Known]] = {}
        self._down: dict[str, float] = {}  # upstream → until when
        self.problems: dict[str, str] = {}  # upstream → why it could not be asked last

    async def find(self, sought: Sought) -> Known:
        """The page, kept from then on. 404 where the upstream knows no such project, 502 where it cannot be asked."""
        known = await asyncio.to_thread(read_known, sought)
        if known is None or not known.is_fresh:
            known = await self._renew(sought, known)
        await asyncio.to_thread(use, sought.directory / SOURCES)
        return known

    async def find_source(self, sought: Sought, filename: str) -> Source | None:
        """Where a file comes from, as the page has it that is kept; asked for anew where that does not know it."""
        source = await asyncio.to_thread(find_source, sought, filename)
        if source is None:
            await self.find(sought)
            source = await asyncio.to_thread(find_source, sought, filename)
        return source

    async def _renew(self, sought: Sought, known: Known | None) -> Known:
        task = self._asking.get(sought)
        if task is None:
            task = self._asking[sought] = asyncio.create_task(self._ask(sought, known))
            task.add_done_callback(partial(self._end, sought))
        try:
            if known is None:
                return await asyncio.shield(task)
            is_down = self._down.get(sought.policy.upstream, 0.0) > time.monotonic()
            await asyncio.wait({task}, timeout=0.0 if is_down else PATIENCE)
            return task.result() if task.done() else known
        except Unreachable as error:
            if known is None:
                raise HttpRefusal(502, str(error)) from error
            return known

    def _end(self, sought: Sought, task: "asyncio.Task[Known]") -> None:
        """Remember how it went, whoever still waits for it."""
        self._asking.pop(sought, None)
        upstream = sought.policy.upstream
        before, error = self.problems.pop(upstream, ""), None if task.cancelled() else task.exception()
        if isinstance(error, Unreachable) and not error.was_answered:
            self._down[upstream] = time.monotonic() + DOWN
            self.problems[upstream] = str(error)
        else:
            self._down.pop(upstream, None)
        if error is not None and not isinstance(error, HttpRefusal) and str(error) != before:
            log.warning("could not find %s elsewhere: %s", sought.project, error)

    async def _ask(self, sought: Sought, known: Known | None) -> Known:
        condition = {"If-None-Match": known.etag} if known and known.etag else {}
        ask = Ask(sought.url, sought.origins, {"Accept": ACCEPT, **condition}, decoded=True)
        try:
            async with self._room, asyncio.timeout(DEADLINE), self._client.get(ask) as response:
                return await self._take(response, sought, known)
        except TimeoutError as error:
            raise Unreachable(f"{sought.url}: it does not answer in time") from error

    async def _take(self, response: aiohttp.ClientResponse, sought: Sought, known: Known | None) -> Known:
        if response.status == 304 and known:
            await asyncio.to_thread(note_checked, sought)
            return known._replace(checked=time.time())
        if response.status in GONE:
            await asyncio.to_thread(forget_page, sought)
            raise HttpRefusal(404, f"{sought.project} is neither here nor at {sought.policy.upstream}")
        if response.status != 200:
            expected = f"expected a page about {sought.project}"
            raise Unreachable(f"{sought.url} answered {response.status}; {expected}", was_answered=True)
        body = await _read_page(response, sought)
        found = await asyncio.to_thread(_keep, response, body, sought)
        await self._budget.add(sought, await asyncio.to_thread(size_of_page, sought))
        return found

    async def close(self) -> None:
        """Ask no more."""
        for task in (asking := list(self._asking.values())):
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def _read_page(response: aiohttp.ClientResponse, sought: Sought) -> bytes:
    body = bytearray()
    async for block in read_blocks(response):
        body += block
        if len(body) > LARGEST:
            raise Unreachable(f"{sought.url} has more than {LARGEST >> 20} MiB; expected less", was_answered=True)
    return bytes(body)


def _keep(response: aiohttp.ClientResponse, body: bytes, sought: Sought) -> Known:
    try:
        detail = parse_detail(body, response.content_type, str(response.url), sought.project, sought.origins)
    except Refused as error:
        raise Unreachable(str(error), was_answered=True) from error
    if detail.elsewhere:
        where = ", ".join(sorted(detail.elsewhere)[:5])
        reason = f"files of {sought.project} lie at {where}, which upstream_hosts in larder.toml does not name"
        if not detail.shown.files:
            raise Unreachable(reason, was_answered=True)
        log.warning("%s: they are left out", reason)
    tag = response.headers.get("ETag", "")
    return keep_page(sought, detail, tag if _TAG.fullmatch(tag) else "", _read_lasting(response))


def _read_lasting(response: aiohttp.ClientResponse) -> float:
    """For how many seconds it is taken for what it is (RFC 9111, 5.2.2)."""
    said = ",".join(response.headers.getall("Cache-Control", ())).lower()
    if _NOT_AGAIN.search(said):
        return 0.0
    found = _MAX_AGE.search(said)
    return min(float(found[1]), LASTING) if found else LASTING
