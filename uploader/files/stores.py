"""PUT and DELETE of raw files; nginx reads them from disk. Each verb is a list of steps."""

import asyncio
import time
from functools import partial

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, PayloadEncodingError

from store.access import Action
from store.data import Data
from store.errors import shown
from store.files import make_durable
from store.policy import Policy
from uploader.answers import HttpRefusal
from uploader.audit import log_accepted, note_file
from uploader.auth.authorize import Authorization
from uploader.files import disk, tree
from uploader.files.address import Address, parse_address
from uploader.files.conditions import read_conditions
from uploader.files.digests import check_digests, read_digests
from uploader.placing import Outcome
from uploader.rules import Rules
from uploader.tally import TALLY, note_upload
from uploader.upload.arriving import Arriving, arriving
from uploader.upload.calm import Calm


class Stores:
    """All file stores of one data directory."""

    def __init__(self, data: Data, authorization: Authorization, calm: Calm) -> None:
        self._data = data
        self._rules = Rules(data)
        self._authorization = authorization
        self._calm = calm
        self._locks: dict[str, asyncio.Lock] = {}  # by store
        self._removed: dict[Address, int] = {}  # the times of files that were removed a moment ago, in seconds

    async def put(self, request: web.Request) -> web.Response:
        """201 for a new file, 204 for one that was there, once it is durable; else all is as it was."""
        address, policy, user = await self._find(request, "upload")
        note_upload(request, address.store.name)
        said, conditions = read_digests(request), read_conditions(request)
        check_head(request, address, policy)
        with self._calm.disturbed(), disk.explained(address), tree.opened_nearest(address) as nearest:
            await asyncio.to_thread(disk.check_early, address, conditions, policy, request.content_length)
            async with arriving(nearest, self._calm.threads) as file:
                file.expect({each.name for each in said})
                await _receive(request, file, policy)
                received = time.monotonic()
                await file.aside(lambda: make_durable(file.stored().file))
                await file.aside(lambda: check_digests(said, file))
                async with self._lock(address):
                    store = partial(disk.store, address, file, conditions, policy, self._removed.get(address, 0))
                    outcome, tag = await file.aside(store)
                log_accepted(request, user, file.digest("sha256_digest"), outcome.value)
                spent = time.monotonic() - received
                request.app[TALLY].accept(address.store.name, outcome.name.lower(), file.size, spent)
        if outcome is Outcome.NEW:
            return web.Response(status=201, text=f"{address.path} {outcome.value}\n", headers={"ETag": tag})
        return web.Response(status=204, headers={"ETag": tag})

    async def delete(self, request: web.Request) -> web.Response:
        """204 once the file is gone, or the directory, which has to be empty."""
        address, _, user = await self._find(request, "delete")
        conditions = read_conditions(request)
        if not address.parts:
            raise HttpRefusal(405, f"{address.path} is a whole store; expected a file in it", {"Allow": "GET, HEAD"})
        with disk.explained(address):
            async with self._lock(address):
                self._remember(address, await asyncio.to_thread(disk.remove, address, conditions))
        log_accepted(request, user, "", "removed")
        return web.Response(status=204)

    async def _find(self, request: web.Request, action: Action) -> tuple[Address, Policy, str | None]:
        """What is meant, and who asks: nobody else is told what is here."""
        address = parse_address(self._data, request.rel_url.raw_path)
        note_file(request, address.path)
        policy = self._rules.of(address.store.name)
        return address, policy, await self._authorization.authorize(request, action, address.store.name, policy)

    def _remember(self, address: Address, changed: int) -> None:
        """What is put there next has to be newer: nginx makes the ETag of the time, in seconds, and of the size."""
        now = int(time.time())
        self._removed = {each: then for each, then in self._removed.items() if then >= now}
        self._removed[address] = changed

    def _lock(self, address: Address) -> asyncio.Lock:
        """One change at a time in each store."""
        return self._locks.setdefault(address.store.name, asyncio.Lock())


def check_head(request: web.Request, address: Address, policy: Policy) -> None:
    """Raise what can be known before the body is read."""
    if address.is_directory:
        raise HttpRefusal(400, f"{address.path} is a directory; expected the name of a file in it")
    if "Content-Range" in request.headers:
        raise HttpRefusal(400, "Content-Range: a part of a file; expected the whole (RFC 9110, 14.5)")
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise HttpRefusal(415, f"Content-Encoding: {shown(encoding)}; expected the file as it is, not compressed")
    if request.content_length is None and "Transfer-Encoding" not in request.headers:
        raise HttpRefusal(411, "neither Content-Length nor Transfer-Encoding; expected to be told how long the file is")
    if (request.content_length or 0) > policy.max_upload:
        raise _too_large(policy, f"{request.content_length} bytes")


def _too_large(policy: Policy, size: str) -> HttpRefusal:
    return HttpRefusal(413, f"File too large: {size}; expected at most max_upload = {policy.max_upload_text}")


async def _receive(request: web.Request, file: Arriving, policy: Policy) -> None:
    """The whole body; memory stays flat."""
    try:
        while data := await request.content.readany():
            file.add(data)
            if file.size > policy.max_upload:
                raise _too_large(policy, f"more than {policy.max_upload} bytes")
            await file.drain()
    except (HttpProcessingError, PayloadEncodingError) as error:
        raise HttpRefusal(400, "the body is cut off, or not framed as HTTP has it; nothing was stored") from error
