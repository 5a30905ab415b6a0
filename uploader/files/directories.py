"""Which stores there are and what is in them, for whoever may read: nginx asks for what is no file."""

import asyncio
import errno
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qs

from aiohttp import web

from store.data import Data
from store.errors import shown
from store.repository import DEFAULT
from uploader.answers import HttpRefusal
from uploader.audit import PATH
from uploader.auth.authorize import Authorization
from uploader.auth.reads import REPOSITORY
from uploader.files import disk, tree
from uploader.files.accept import choose
from uploader.files.address import Address, find_address
from uploader.files.listing import FORMS, JSON, Entry, Listing, render
from uploader.readable import Readable
from uploader.rules import Rules

ADDRESS = "/.files"  # where nginx asks for what is no file,
ALL = "/.file-stores"  # and for which stores there are
ORIGIN = "X-Larder-Origin"  # scheme, host and port that somebody came by, as nginx saw them
AT_ONCE = 2  # directories that are read, however many are asked for: nobody who uploads or reads waits for them

T = TypeVar("T")


class Directories:
    """Of all stores of one data directory."""

    def __init__(self, data: Data, authorization: Authorization, readable: Readable) -> None:
        self._data = data
        self._rules = Rules(data)
        self._authorization = authorization
        self._readable = readable
        self._threads = ThreadPoolExecutor(AT_ONCE, "listing")

    async def list(self, request: web.Request) -> web.Response:
        """What is in the directory that nginx was asked for: it has looked after who may read."""
        address = find_address(self._data, request.headers.get(PATH, ""))
        if address.store.name != request.headers.get(REPOSITORY):  # of another one it has not
            raise disk.nothing_at(address)
        facts = await self._aside(address, partial(disk.look, address))
        if not tree.is_directory(facts):
            if address.is_directory or not tree.is_file(facts):
                raise disk.nothing_at(address)
            raise _unreadable(address)
        if not address.is_directory:
            return web.Response(status=302, headers={"Location": f"{Entry(address.parts[-1], None, 0).url}"})
        after = parse_qs(request.rel_url.raw_query_string, errors="surrogateescape").get("after", [""])[0]
        return _answer(request, await self._aside(address, partial(disk.list_directory, address, after)))

    async def list_all(self, request: web.Request) -> web.Response:
        """The stores that whoever asks may read; where there is none, as of the default repository."""
        stores = await asyncio.to_thread(self._data.file_stores)
        readable = await self._readable.pick(request, [each.name for each in stores])
        if not readable:
            await self._authorization.authorize(request, "download", DEFAULT, self._rules.of(DEFAULT))
        found = [each for each in stores if each.name in readable]
        return _answer(request, Listing("", [Entry(each.called, None, disk.time_of(each.directory)) for each in found]))

    async def _aside(self, address: Address, act: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, act)
        except PermissionError as error:
            raise _unreadable(address) from error
        except OSError as error:
            if error.errno in (errno.ENOENT, *disk.NO_DIRECTORY):
                raise disk.nothing_at(address) from error
            raise

    async def close(self, _: web.Application) -> None:
        """At the end of the application."""
        self._threads.shutdown(wait=False)


def _unreadable(address: Address) -> HttpRefusal:
    return HttpRefusal(403, f"{shown(address.path)} cannot be read by nginx")


def _answer(request: web.Request, listing: Listing) -> web.Response:
    form = choose(",".join(request.headers.getall("Accept", ())), FORMS)
    charset = None if form == JSON else "utf-8"
    body = render(listing, form, request.headers.get(ORIGIN, ""))
    return web.Response(body=body, content_type=form, charset=charset)
