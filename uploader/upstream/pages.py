"""The page of a project that is unknown here, as it is kept, or as the upstream has it now."""

import asyncio
import logging
import re
import time
from functools import partial
from typing import NamedTuple

import aiohttp

from store.errors import Refused
from store.workers import WorkerDied, Workers
from uploader.answers import HttpRefusal
from uploader.upstream.aside import Aside
from uploader.upstream.budget import Budget
from uploader.upstream.client import Ask, Client, Unreachable, read_blocks
from uploader.upstream.detail import ACCEPT, Answer, Source, parse_detail
from uploader.upstream.kept import (
    LASTING,
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
LARGEST = 32 << 20  # bytes of a page,
LITTLE = 1 << 19  # and of one that takes no time worth speaking of
SECONDS = 20.0  # of CPU, for a large one
MEMORY = 512 << 20  # bytes
MOST = 16  # questions at once; others wait for one of these to end
GONE = (404, 410)
ROUND, LEADS_BACK = 508, "leads back here; expected another index as the upstream in larder.toml"
GENERAL = (401, 403, 407, 429)  # whichever page was asked for
_TAG = re.compile(r'(?:W/)?"[!#-~]*"')  # RFC 9110, 8.8.3, in ASCII
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})")
_NOT_AGAIN = re.compile(r"(?:^|[\s,])(?:no-cache|no-store)(?:$|[\s,=])")


class Page(NamedTuple):
    """What an upstream answered, under which tag, and for how many seconds that is enough."""

    answer: Answer
    tag: str
    lasting: float


class Pages:
    """Of all repositories: each project is asked about once at a time, however many ask here."""

    def __init__(self, client: Client, budget: Budget, aside: Aside) -> None:
        self._client = client
        self._budget = budget
        self._aside = aside
        self._room = asyncio.Semaphore(MOST)
        self._workers = Workers(1, memory=MEMORY)
        self._asking: dict[Sought, asyncio.Task[Known]] = {}
        self._down: dict[str, float] = {}  # upstream → until when
        self.problems: dict[str, str] = {}  # upstream → why it could not be asked last

    async def find(self, sought: Sought, via: str = "") -> Known:
        """The page, kept from then on, for who came here `via` others.

        HttpRefusal where the upstream knows no such project; Unreachable where it cannot be asked.
        """
        known = await self._aside(read_known, sought)
        await self._aside(use, sought.directory / SOURCES)  # so that it is not removed meanwhile
        if known is None or not known.is_fresh:
            known = await self._renew(sought, known, via)
            await self._aside(use, sought.directory / SOURCES)
        return known

    async def find_source(self, sought: Sought, mark: str, filename: str) -> Source | None:
        """Where a file comes from, as the page has it that is kept; asked for anew where that does not know it."""
        source = await self._aside(find_source, sought, filename)
        if source is None or source.mark != mark:
            await self.find(sought)
            source = await self._aside(find_source, sought, filename)
        return source if source and source.mark == mark else None

    async def _renew(self, sought: Sought, known: Known | None, via: str) -> Known:
        if self._client.is_round(via):
            raise HttpRefusal(ROUND, f"looking {sought.project} up elsewhere {LEADS_BACK}")
        task = self._asking.get(sought)
        if task is None:
            task = self._asking[sought] = asyncio.create_task(self._ask(sought, known, via))
            task.add_done_callback(partial(self._end, sought))
        try:
            if known is None:
                return await asyncio.shield(task)
            is_down = self._down.get(sought.policy.upstream, 0.0) > time.monotonic()
            await asyncio.wait({task}, timeout=0.0 if is_down else PATIENCE)
            return task.result() if task.done() else known
        except Unreachable:
            if known is None:
                raise
            return known

    def _end(self, sought: Sought, task: "asyncio.Task[Known]") -> None:
        """Remember how it went, whoever still waits for it."""
        self._asking.pop(sought, None)
        upstream = sought.policy.upstream
        before, error = self.problems.pop(upstream, ""), None if task.cancelled() else task.exception()
        self._down.pop(upstream, None)
        if isinstance(error, Unreachable) and error.is_general:
            self.problems[upstream] = str(error)
            if not error.was_answered:
                self._down[upstream] = time.monotonic() + DOWN
        is_news = not (before and upstream in self.problems)  # of an upstream that is not there once, not for each name
        if error is not None and not isinstance(error, HttpRefusal) and is_news:
            log.warning("could not find %s elsewhere: %s", sought.project, error)

    async def _ask(self, sought: Sought, known: Known | None, via: str) -> Known:
        condition = {"If-None-Match": known.etag} if known and known.etag else {}
        headers = {"Accept": ACCEPT, "Via": self._client.add_to(via), **condition}
        ask = Ask(sought.url, sought.origins, headers, decoded=True)
        try:
            async with self._room, asyncio.timeout(DEADLINE), self._client.get(ask) as response:
                return await self._take(response, sought, known)
        except TimeoutError as error:
            raise Unreachable(f"{sought.url}: it does not answer in time") from error

    async def _take(self, response: aiohttp.ClientResponse, sought: Sought, known: Known | None) -> Known:
        if response.status == 304 and known:
            try:
                await self._aside(note_checked, sought)
            except FileNotFoundError as error:
                raise Unreachable(f"what was kept of {sought.url} is gone meanwhile", was_answered=True) from error
            return known._replace(checked=time.time())
        if response.status in GONE:
            await self._aside(forget_page, sought)
            raise HttpRefusal(404, f"{sought.project} is neither here nor at {sought.policy.upstream}")
        if response.status != 200:
            raise _refuse(sought, response.status)
        page = Page(await _read_answer(response, sought), response.headers.get("ETag", ""), _read_lasting(response))
        async with self._budget.room(sought) as room:
            found = await self._keep(page, sought)
            room.kept = await self._aside(size_of_page, sought)
        await self._budget.reserve(sought, 0)  # has room made where there is too much now
        return found

    async def _keep(self, page: Page, sought: Sought) -> Known:
        """A large one by a process of its own, which may be ended at any moment."""
        try:
            if len(page.answer.body) < LITTLE:
                return await self._aside(keep, page, sought)
            return await asyncio.wrap_future(self._workers.submit(keep, page, sought, seconds=SECONDS))
        except Refused as error:
            raise Unreachable(str(error), was_answered=True) from error
        except (WorkerDied, MemoryError) as error:
            reason = f"{sought.url} is too much of a page: while it was read {error or 'there was no more memory'}"
            raise Unreachable(reason, was_answered=True) from error

    async def close(self) -> None:
        """Ask no more."""
        for task in (asking := list(self._asking.values())):
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await asyncio.to_thread(self._workers.stop)


def _refuse(sought: Sought, status: int) -> Unreachable:
    if status == ROUND:
        return Unreachable(f"{sought.policy.upstream} {LEADS_BACK}", was_answered=True, is_general=True)
    login = "; LARDER_UPSTREAM_LOGINS has users and passwords" if status in (401, 403) else ""
    reason = f"{sought.url} answered {status}; expected a page about {sought.project}{login}"
    return Unreachable(reason, was_answered=True, is_general=status in GENERAL or status >= 500)


async def _read_answer(response: aiohttp.ClientResponse, sought: Sought) -> Answer:
    body = bytearray()
    async for block in read_blocks(response):
        body += block
        if len(body) > LARGEST:
            raise Unreachable(f"{sought.url} has more than {LARGEST >> 20} MiB; expected less", was_answered=True)
    return Answer(str(response.url), response.content_type, response.charset, bytes(body))


def keep(page: Page, sought: Sought) -> Known:
    """Keep what it says; Refused where it is no page about the project, or none with files that may be fetched."""
    detail = parse_detail(page.answer, sought.project, sought.origins)
    if detail.elsewhere:
        where = ", ".join(sorted(detail.elsewhere)[:5])
        reason = f"files of {sought.project} lie at {where}, which upstream_hosts in larder.toml does not name"
        if not detail.shown.files:
            raise Refused(reason)
        log.warning("%s: they are left out", reason)
    return keep_page(sought, detail, page.tag if _TAG.fullmatch(page.tag) else "", page.lasting)


def _read_lasting(response: aiohttp.ClientResponse) -> float:
    """For how many seconds it is taken for what it is (RFC 9111, 5.2.2)."""
    said = ",".join(response.headers.getall("Cache-Control", ())).lower()
    if _NOT_AGAIN.search(said):
        return 0.0
    found = _MAX_AGE.search(said)
    return min(float(found[1]), LASTING) if found else LASTING
