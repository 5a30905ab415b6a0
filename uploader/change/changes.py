"""DELETE and PUT below `/packages/`, and the form that removes a release. Answered when the pages show it."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath

from aiohttp import web
from packaging.utils import NormalizedName
from packaging.version import Version

from store.current import InForce
from store.data import Data
from store.errors import Refused, shown
from store.listing import Listed, find_listed, read_listing
from store.names import YANKED, parse_project, parse_version
from store.policy import Policy
from store.removal import remove, unyank, yank
from store.repository import Repository
from store.yank import BYTES, LIMIT, read_reason
from uploader.answers import HttpRefusal, answer
from uploader.audit import log_accepted, note_file
from uploader.auth.authorize import Authorization
from uploader.change.target import Target, find_target, nothing_at, parse_path
from uploader.upload.address import find_existing
from uploader.upload.form import Form
from uploader.upload.listed import Listings


class Changes:
    """By whoever has the right to delete. One is made at a time; an answer waits `listing_wait` seconds for pages."""

    def __init__(self, data: Data, listing_wait: float, authorization: Authorization, listings: Listings) -> None:
        self._data = data
        self._listing_wait = listing_wait
        self._policies = InForce(data)
        self._authorization = authorization
        self._listings = listings
        self._lock = asyncio.Lock()

    async def delete(self, request: web.Request) -> web.Response:
        """Remove the file with what lies beside it, or only its mark."""
        user, target = await self._find(request)
        follows = await (self._unyank(target) if target.is_mark else self._remove(target))
        outcome = "is not yanked" if target.is_mark else "removed"
        log_accepted(request, user, target.digest or "-", outcome)
        return answer(request, 200, f"{target.filename} {outcome}{follows}")

    async def put(self, request: web.Request) -> web.Response:
        """Yank the file; the body is the reason."""
        user, target = await self._find(request)
        if not target.is_mark:
            message = f"{shown(target.filename)} is not taken by PUT; expected an upload, or <file>{YANKED} to yank it"
            raise HttpRefusal(405, message, {"Allow": "GET, HEAD, DELETE"})
        reason = await _receive_reason(request)
        mark = partial(yank, target.repository, target.path, reason)
        follows = await self._do(target, mark, lambda listed: listed is None or listed.yanked == reason)
        log_accepted(request, user, target.digest or "-", "is yanked")
        return answer(request, 200, f"{target.filename} is yanked{follows}")

    async def remove_release(
        self, request: web.Request, repository: Repository, policy: Policy, form: Form
    ) -> web.Response:
        """Remove every file of the release that the form names, however name and version are written."""
        user = await self._authorization.authorize(request, "delete", policy)
        name, version = form.said("name"), form.said("version")
        if not name or not version:
            raise Refused("a removal without the fields 'name' and 'version'; expected both")
        project, release = parse_project(name), parse_version(version)
        removed: list[str] = []
        follows = ""
        while not follows and (paths := _list_paths(repository, project, release)):  # of one name there may be several
            for path in paths:
                follows = await self._remove(find_target(repository, path)) or follows
            removed += map(str, paths)
        if not removed:
            raise HttpRefusal(404, f"{project} {release} is not here")
        note_file(request, ", ".join(removed))
        log_accepted(request, user, "-", "removed")
        return answer(request, 200, f"{project} {release} removed: {', '.join(removed)}{follows}")

    async def _find(self, request: web.Request) -> tuple[str | None, Target]:
        """Who asks, and for what: nobody else is told what is here."""
        repository, rest = find_existing(self._data, request.path)
        path = parse_path(rest)
        if path is None:
            message = f"{shown(request.path)} takes no {request.method}; expected a file in /packages/"
            raise HttpRefusal(405, message, {"Allow": "GET, HEAD, POST"})
        note_file(request, str(path))
        policies = self._policies.read()
        if policies is None:
            raise HttpRefusal(503, "the indexer has not yet said which policy is in force; expected it at any moment")
        user = await self._authorization.authorize(request, "delete", policies.of(repository.name))
        return user, find_target(repository, path)

    async def _remove(self, target: Target) -> str:
        act = partial(remove, target.repository, target.path, target.digest)
        try:
            return await self._do(target, act, lambda listed: listed is None or listed.path != str(target.path))
        except FileNotFoundError as error:  # somebody else was quicker
            raise nothing_at(target.path) from error

    async def _unyank(self, target: Target) -> str:
        act = partial(unyank, target.repository, target.path)
        return await self._do(target, act, lambda listed: listed is None or listed.yanked is None)

    async def _do(self, target: Target, act: Callable[[], None], is_so: Callable[[Listed | None], bool]) -> str:
        """Do it, and wait until every page that lists the file shows it; what is to be said where one does not yet."""
        async with self._lock:
            await asyncio.to_thread(act)
        for project in target.listed:
            shows = lambda project=project: is_so(find_listed(target.repository, project, target.filename))  # noqa: E731
            if not await self._listings.wait(target.repository, project, shows, None, self._listing_wait):
                return "; its page will follow: the indexer has not made it yet"
        return ""


def _list_paths(repository: Repository, project: NormalizedName, release: Version) -> list[PurePosixPath]:
    listed = read_listing(repository, project).values()
    return [PurePosixPath(each.path) for each in listed if parse_version(each.release) == release]


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
