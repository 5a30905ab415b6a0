"""PUT, DELETE and listings of raw files; nginx reads the files themselves from disk. Each verb is a list of steps."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, PayloadEncodingError

from store.access import Action
from store.data import Data
from store.errors import shown
from store.files import make_durable
from store.policy import Policy
from uploader.answers import HttpRefusal
from uploader.audit import PATH, log_accepted, note_file
from uploader.auth.authorize import CHALLENGE, NEEDED, Authorization
from uploader.files import disk, tree
from uploader.files.accept import choose
from uploader.files.address import Address, parse_address
from uploader.files.conditions import entity_tag, read_conditions
from uploader.files.digests import check_digests, read_digests
from uploader.files.listing import FORMS, JSON, Entry, Listing, render
from uploader.placing import Outcome
from uploader.readable import Readable
from uploader.rules import Rules
from uploader.tally import TALLY, note_upload
from uploader.upload.arriving import Arriving, arriving
from uploader.upload.calm import Calm

ADDRESS = "/.files"  # where nginx asks for what is no file,
ALL = "/.file-stores"  # and for which stores there are

T = TypeVar("T")


class Stores:
    """All file stores of one data directory."""

    def __init__(self, data: Data, authorization: Authorization, readable: Readable, calm: Calm) -> None:
        self._data = data
        self._readable = readable
        self._rules = Rules(data)
        self._authorization = authorization
        self._calm = calm
        self._locks: dict[str, asyncio.Lock] = {}  # by store

    async def put(self, request: web.Request) -> web.Response:
        """201 for a new file, 204 for one that was there, once it is durable; else all is as it was."""
        address, policy, user = await self._find(request, "upload")
        note_upload(request, address.store.name)
        said, conditions = read_digests(request), read_conditions(request)
        check_head(request, address, policy)
        with self._calm.disturbed(), tree.opened_nearest(address.store, address.parts[:-1]) as nearest:
            await asyncio.to_thread(disk.check_early, address, conditions, policy, request.content_length)
            async with arriving(nearest, self._calm.threads) as file:
                file.expect({each.name for each in said})
                await _receive(request, file, policy)
                received, size = time.monotonic(), file.size
                await file.aside(lambda: make_durable(file.stored().file))
                await file.aside(lambda: check_digests(said, file))
                async with self._lock(address):
                    outcome = await file.aside(partial(disk.store, address, file, conditions, policy))
                digest = file.digest("sha256_digest")
        log_accepted(request, user, digest, outcome.value)
        request.app[TALLY].accept(address.store.name, outcome.name.lower(), size, time.monotonic() - received)
        return await self._answer_put(address, outcome)

    async def _answer_put(self, address: Address, outcome: Outcome) -> web.Response:
        if outcome is Outcome.NEW:
            response = web.Response(status=HTTPStatus.CREATED, text=f"{address.path} {outcome.value}\n")
        else:
            response = web.Response(status=HTTPStatus.NO_CONTENT)
        facts = await asyncio.to_thread(disk.look, address)
        if tree.is_file(facts) and facts:
            response.headers["ETag"] = entity_tag(facts)
        return response

    async def delete(self, request: web.Request) -> web.Response:
        """204 once the file is gone, or the directory, which has to be empty."""
        address, _, user = await self._find(request, "delete")
        conditions = read_conditions(request)
        if not address.parts:
            raise HttpRefusal(405, f"{address.path} is a whole store; expected a file in it", {"Allow": "GET, HEAD"})
        async with self._lock(address):
            await self._aside(address, partial(disk.remove, address, conditions))
        log_accepted(request, user, "", "removed")
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def list(self, request: web.Request) -> web.Response:
        """What is in the directory that nginx was asked for: it has looked after who may read."""
        raw_path, _, _ = request.headers.get(PATH, "").partition("?")
        try:
            address = parse_address(self._data, raw_path)
        except HttpRefusal as error:
            raise HttpRefusal(404, str(error)) from error
        facts = await self._aside(address, partial(disk.look, address))
        if facts is None or not tree.is_directory(facts):
            if address.is_directory or not tree.is_file(facts):
                raise disk.nothing_at(address)
            raise HttpRefusal(403, f"{address.path} cannot be read by nginx")
        if not address.is_directory:
            return web.Response(status=302, headers={"Location": f"./{raw_path.rpartition('/')[2]}/"})
        after = request.query.get("after", "")
        return _answer_listing(request, await self._aside(address, partial(disk.list_directory, address, after)))

    async def list_all(self, request: web.Request) -> web.Response:
        """The stores that whoever asks may read; 401 where there may be some for whom it is."""
        stores = await asyncio.to_thread(self._data.file_stores)
        readable = await self._readable.pick(request, [each.name for each in stores])
        if stores and not readable and "Authorization" not in request.headers:
            raise HttpRefusal(401, NEEDED["download"], CHALLENGE)
        found = [each for each in stores if each.name in readable]
        entries = [Entry(each.called, None, int(each.directory.stat().st_mtime)) for each in found]
        return _answer_listing(request, Listing("", entries))

    async def _find(self, request: web.Request, action: Action) -> tuple[Address, Policy, str | None]:
        """What is meant, and who asks: nobody else is told what is here."""
        address = parse_address(self._data, request.rel_url.raw_path)
        note_file(request, address.path)
        policy = self._rules.of(address.store.name)
        return address, policy, await self._authorization.authorize(request, action, address.store.name, policy)

    def _lock(self, address: Address) -> asyncio.Lock:
        """One change at a time in each store."""
        return self._locks.setdefault(address.store.name, asyncio.Lock())

    async def _aside(self, address: Address, act: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(act)
        except FileNotFoundError as error:
            raise disk.nothing_at(address) from error
        except OSError as error:
            if error.errno in disk.NO_DIRECTORY:
                raise disk.nothing_at(address) from error
            raise


def _answer_listing(request: web.Request, listing: Listing) -> web.Response:
    form = choose(",".join(request.headers.getall("Accept", ())), FORMS)
    charset = None if form == JSON else "utf-8"
    return web.Response(body=render(listing, form), content_type=form, charset=charset)


def check_head(request: web.Request, address: Address, policy: Policy) -> None:
    """Raise what can be known before the body is read."""
    if address.is_directory:
        raise HttpRefusal(400, f"{address.path} is a directory; expected the name of a file in it")
    if "Content-Range" in request.headers:
        raise HttpRefusal(400, "Content-Range: a part of a file; expected the whole (RFC 9110, 14.5)")
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise HttpRefusal(415, f"Content-Encoding: {shown(encoding)}; expected the file as it is, not compressed")
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
