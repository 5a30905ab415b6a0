"""The form that copies a release from another repository: `:action=copy` with `name`, `version` and `from`."""

import asyncio
from functools import partial

from aiohttp import web

from store.data import Data
from store.errors import Refused, shown
from store.names import Release, parse_project, parse_version
from store.repository import Repository
from uploader.answers import HttpRefusal, answer
from uploader.audit import log_accepted, note_file
from uploader.auth.authorize import Authorization
from uploader.change.copying import Copied, copy_release
from uploader.rules import Rules
from uploader.upload.form import Form
from uploader.upload.listed import Listings, is_listed

FIELDS = ("name", "version", "from")


class Copies:
    """By whoever may upload here and read there. An answer waits `listing_wait` seconds for the page."""

    def __init__(self, data: Data, listing_wait: float, authorization: Authorization, listings: Listings) -> None:
        self._data = data
        self._listing_wait = listing_wait
        self._rules = Rules(data)
        self._authorization = authorization
        self._listings = listings

    async def copy(self, request: web.Request, repository: Repository, form: Form) -> web.Response:
        """Answered when the page here lists all files of the release."""
        policy = self._rules.of(repository.name)
        user = await self._authorization.authorize(request, "upload", repository.name, policy)
        form.check_fields(*FIELDS)
        name, version, origin = map(form.text, FIELDS)
        if missing := [field for field in FIELDS if not form.text(field)]:
            raise Refused(f"a copy without {' and '.join(map(repr, missing))}; expected {', '.join(FIELDS)}")
        source = await self._find_source(request, origin, repository)
        release = Release(parse_project(name), parse_version(version))
        note = partial(_log, request, user, source)
        copied = await asyncio.to_thread(copy_release, source, repository, release, policy, note)
        follows = await self._wait(repository, copied)
        said = ", ".join(f"{each.original.path.name} {each.outcome.value}" for each in copied)
        return answer(request, 200, f"{release} copied from {source.name}: {said}{follows}")

    async def _find_source(self, request: web.Request, name: str, target: Repository) -> Repository:
        """The repository that is meant, if who asks may read it."""
        source = self._data.repository(name)
        if not self._data.exists(source):
            raise HttpRefusal(404, f"there is no repository {shown(name)} to copy from")
        if source.name == target.name:
            raise Refused(f"from {shown(name)} to itself; expected another repository")
        try:
            await self._authorization.authorize(request, "download", source.name, self._rules.of(source.name))
        except HttpRefusal as refusal:
            raise HttpRefusal(refusal.status, f"from {shown(name)}: {refusal}", refusal.headers) from refusal
        return source

    async def _wait(self, repository: Repository, copied: list[Copied]) -> str:
        for each in copied:
            shows = partial(is_listed, repository, each.original)
            project = each.original.project
            if not await self._listings.wait(repository, project, shows, None, self._listing_wait):
                return "; its page will follow: the indexer has not listed it yet"
        return ""


def _log(request: web.Request, user: str | None, source: Repository, copied: Copied) -> None:
    """In whatever thread."""
    note_file(request, copied.original.path.name)
    log_accepted(request, user, copied.original.digest, f"{copied.outcome.value}, from {source.name}")
