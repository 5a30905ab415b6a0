"""DELETE and PUT below `/packages/`, and the form that removes a release. Answered when the pages show it."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from aiohttp import web
from packaging.utils import NormalizedName

from store.below import is_file
from store.data import Data
from store.errors import Refused, shown
from store.listing import Listed, find_listed
from store.names import YANKED, Release, parse_project, parse_version
from store.removal import read_yank, remove, unyank, yank
from store.repository import Repository
from store.yank import BYTES, LIMIT, read_reason
from uploader.answers import HttpRefusal, answer
from uploader.audit import log_accepted, note_file
from uploader.auth.authorize import Authorization
from uploader.change.target import Target, find_release, find_target, nothing_at, parse_path
from uploader.rules import Rules
from uploader.upload.address import find_existing
from uploader.upload.form import Form
from uploader.upload.listed import Listings

T = TypeVar("T")


class Changes:
    """By whoever has the right to delete. An answer waits `listing_wait` seconds for the pages."""

    def __init__(self, data: Data, listing_wait: float, authorization: Authorization, listings: Listings) -> None:
        self._data = data
        self._listing_wait = listing_wait
        self._rules = Rules(data)
        self._authorization = authorization
        self._listings = listings
        self._locks: dict[str, asyncio.Lock] = {}  # by repository

    async def delete(self, request: web.Request) -> web.Response:
        """Remove the file with what lies beside it, or only its mark."""
        user, target = await self._find(request)
        outcome = "is not yanked" if target.is_mark else "removed"
        digest = await (self._unyank(target) if target.is_mark else self.remove(target))
        log_accepted(request, user, digest, outcome)
        shows = _is_unyanked if target.is_mark else _is_gone
        return answer(request, 200, f"{target.filename} {outcome}{await self._wait([target], shows)}")

    async def put(self, request: web.Request) -> web.Response:
        """Yank the file; the body is the reason."""
        user, target = await self._find(request)
        if not target.is_mark:
            message = f"{shown(target.filename)} is not taken by PUT; expected an upload, or <file>{YANKED} to yank it"
            raise HttpRefusal(405, message, {"Allow": "GET, HEAD, DELETE"})
        reason = await _receive_reason(request)
        await self._do(target, partial(yank, target.repository, target.path, reason))
        log_accepted(request, user, target.digest, "is yanked")
        return answer(request, 200, f"{target.filename} is yanked{await self._wait([target], _is_as_marked)}")

    async def remove_release(self, request: web.Request, repository: Repository, form: Form) -> web.Response:
        """Remove every file of the release that the form names, however name and version are written."""
        policy = self._rules.of(repository.name)
        user = await self._authorization.authorize(request, "delete", repository.name, policy)
        name, version = form.said("name"), form.said("version")
        if not name or not version:
            raise Refused("a removal without the fields 'name' and 'version'; expected both")
        release = Release(parse_project(name), parse_version(version))
        removed: list[Target] = []
        follows = ""
        while not follows and (found := find_release(repository, release)):  # of one name there may be several
            for target in found:
                note_file(request, str(target.path))
                with contextlib.suppress(HttpRefusal):  # somebody else was quicker
                    log_accepted(request, user, await self.remove(target), "removed")
            removed += found
            follows = await self.wait_gone(found)
        if not removed:
            raise HttpRefusal(404, f"{release} is not here")
        paths = ", ".join(str(target.path) for target in removed)
        return answer(request, 200, f"{release} removed: {paths}{follows}")

    async def _find(self, request: web.Request) -> tuple[str | None, Target]:
        """Who asks, and for what: nobody else is told what is here."""
        repository, rest = find_existing(self._data, request.path)
        path = parse_path(rest)
        if path is None:
            message = f"{shown(request.path)} takes no {request.method}; expected a file in /packages/"
            raise HttpRefusal(405, message, {"Allow": "GET, HEAD, POST"})
        note_file(request, str(path))
        policy = self._rules.of(repository.name)
        user = await self._authorization.authorize(request, "delete", repository.name, policy)
        return user, find_target(repository, path)

    async def remove(self, target: Target) -> str:
        """Remove it for good, for whoever may; the digest of what is removed."""
        return await self._do(target, partial(remove, target.repository, target.path, was_listed=bool(target.listed)))

    async def _unyank(self, target: Target) -> str:
        await self._do(target, partial(unyank, target.repository, target.path))
        return target.digest

    async def _do(self, target: Target, act: Callable[[], T]) -> T:
        """One change at a time in each repository."""
        async with self._locks.setdefault(target.repository.name, asyncio.Lock()):
            try:
                return await asyncio.to_thread(act)
            except FileNotFoundError as error:  # somebody else was quicker
                raise nothing_at(target.path) from error
            except PermissionError as error:
                where = shown(str(target.path.parent))
                expected = f"expected a directory that uid {os.geteuid()} may write in"
                raise HttpRefusal(503, f"{where} below packages/: {error.strerror}; {expected}") from error

    async def wait_gone(self, targets: Iterable[Target]) -> str:
        """Until no page lists them; what is to be said where one does still."""
        return await self._wait(targets, _is_gone)

    async def _wait(self, targets: Iterable[Target], is_so: Callable[[Target, Listed | None], bool]) -> str:
        """Until every page that lists them shows it; what is to be said where one does not yet."""
        for target in targets:
            for project in target.listed:
                shows = partial(_shows, target, project, is_so)
                if not await self._listings.wait(target.repository, project, shows, None, self._listing_wait):
                    return "; its page will follow: the indexer has not made it yet"
        return ""


def _shows(target: Target, project: NormalizedName, is_so: Callable[[Target, Listed | None], bool]) -> bool:
    return is_so(target, find_listed(target.repository, project, target.filename))


def _is_gone(target: Target, listed: Listed | None) -> bool:
    """Or is there again."""
    return listed is None or listed.path != str(target.path) or is_file(target.repository, target.path)


def _is_unyanked(target: Target, listed: Listed | None) -> bool:
    return _is_as_marked(target, listed) or read_yank(target.repository, target.path) is not None


def _is_as_marked(target: Target, listed: Listed | None) -> bool:
    """As the last of those has it who changed it."""
    return listed is None or listed.yanked == read_yank(target.repository, target.path)


async def _receive_reason(request: web.Request) -> str:
    """The body, within bounds, as pages will show it."""
    content = bytearray()
    async for data in request.content.iter_any():
        content += data
        if len(content) > BYTES:
            raise HttpRefusal(413, f"a reason of more than {BYTES} bytes; expected at most {LIMIT} characters")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise Refused(f"byte 0x{content[error.start]:02x} of the reason is not UTF-8; expected UTF-8") from error
    return read_reason(bytes(content))
