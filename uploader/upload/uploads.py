"""One upload, from its first byte to its answer, as a list of verbs; each is a module of its own."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import NamedTuple

from aiohttp import web

from store.archive.budget import TooMuch
from store.errors import BadArchive
from store.files import make_durable
from store.identity import Identity
from store.listing import listing_version
from store.messages import Checked
from store.policy import Policy
from store.repository import Repository
from store.settings import Settings
from store.workers import WorkerDied, WorkerKilled, Workers
from uploader.answers import HttpRefusal, answer
from uploader.audit import log_accepted
from uploader.auth.authorize import Authorization
from uploader.placing import Outcome
from uploader.rules import Rules
from uploader.tally import TALLY, note_upload
from uploader.upload.address import check_head, find_repository
from uploader.upload.arriving import Arriving, arriving
from uploader.upload.calm import Calm
from uploader.upload.check import Candidate, check, choose
from uploader.upload.form import UPLOAD, Form, check_length, receive
from uploader.upload.listed import Listings, is_listed
from uploader.upload.reading import due, read_there
from uploader.upload.store import store_distribution

FormHandler = Callable[[web.Request, Repository, Form], Awaitable[web.Response]]

READERS = 4  # large archives that are read at once, so that a slow one has others pass it


class Stored(NamedTuple):
    """What came of an upload; `seen` is the version of the project's page before it."""

    candidate: Candidate
    outcome: Outcome
    seen: str


class Uploads:
    """Takes uploads into one data directory; an answer waits for the page to list the file, for a while."""

    def __init__(
        self,
        settings: Settings,
        authorization: Authorization,
        listings: Listings,
        others: Mapping[str, FormHandler],
        calm: Calm,
    ) -> None:
        """`others` answer forms that are no upload, by their action."""
        self._data = data = settings.data
        self._listing_wait = settings.listing_wait
        self._rules = Rules(data)
        self._authorization = authorization
        self._listings = listings
        self._others = others
        self._workers = Workers(READERS)
        self._calm = calm

    async def take(self, request: web.Request) -> web.Response:
        """200 once the file is durable, and listed unless the indexer takes too long; else nothing was stored."""
        repository = find_repository(self._data, request.path)
        note_upload(request, repository.name)
        check_head(request)
        policy = self._rules.of(repository.name)
        user, refusal = await self._authorize(request, repository, policy)
        check_length(request, policy)
        with self._calm.disturbed():
            async with arriving(repository.packages, self._calm.threads) as file:
                form = await receive(request, file, policy, refusal)
                received, size = time.monotonic(), file.size
                is_upload = form.action == UPLOAD
                if is_upload and refusal:
                    raise refusal
                stored = await self._take_file(form, file, repository, policy) if is_upload else None
        if stored is None:
            return await self._others[form.action](request, repository, form)
        candidate, outcome, seen = stored
        log_accepted(request, user, candidate.digest, outcome.value)
        shows = partial(is_listed, repository, candidate)
        is_shown = await self._listings.wait(repository, candidate.project, shows, seen, self._listing_wait)
        request.app[TALLY].accept(repository.name, outcome.name.lower(), size, time.monotonic() - received)
        follows = "" if is_shown else "; its page will follow: the indexer has not listed it yet"
        return answer(request, 200, f"{candidate.filename} {outcome.value}{follows}")

    async def _authorize(
        self, request: web.Request, repository: Repository, policy: Policy
    ) -> tuple[str | None, HttpRefusal | None]:
        """Who may upload; or else who may remove, with what is to be said should it be an upload."""
        try:
            return await self._authorization.authorize(request, "upload", repository.name, policy), None
        except HttpRefusal as refusal:
            if refusal.status != 403 or "Authorization" not in request.headers:
                raise
            try:
                return await self._authorization.authorize(request, "delete", repository.name, policy), refusal
            except HttpRefusal as other:
                raise refusal if other.status == 403 else other from other

    async def _take_file(self, form: Form, file: Arriving, repository: Repository, policy: Policy) -> Stored:
        self._listings.reach()
        try:
            return await file.aside(partial(self._check_and_store, form, file, repository, policy))
        except TooMuch:
            candidate = await self._check_elsewhere(form, file, repository)
            return await file.aside(partial(self._store, candidate, file, repository, policy))

    def _check_and_store(self, form: Form, file: Arriving, repository: Repository, policy: Policy) -> Stored:
        return self._store(check(form, file, repository), file, repository, policy)

    async def _check_elsewhere(self, form: Form, file: Arriving, repository: Repository) -> Candidate:
        """The candidate, read by a process of its own while the file is made durable."""
        path, digest = await file.aside(partial(_share, file))
        reading = self._workers.submit(read_there, path, str(form.filename), digest, seconds=due(file.size))
        try:
            await file.aside(lambda: make_durable(file.stored().file))
            contents = await asyncio.wrap_future(reading)
        except WorkerKilled as error:
            raise HttpRefusal(503, f"{form.filename!r} could not be read: {error}", {"Retry-After": "5"}) from error
        except WorkerDied as error:
            raise BadArchive(f"Invalid distribution file {form.filename!r}: while it was read {error}") from error
        finally:
            reading.cancel()
        return choose(form, contents, repository)

    def _store(self, candidate: Candidate, file: Arriving, repository: Repository, policy: Policy) -> Stored:
        incoming = file.stored()
        identity = Identity.of(os.fstat(incoming.file.fileno()))
        self._listings.tell(
            Checked(repository.name, candidate.filename, identity, candidate.distribution, candidate.core_metadata)
        )
        make_durable(incoming.file)
        seen = listing_version(repository, candidate.project)
        outcome = store_distribution(repository, candidate, incoming, overwrite=policy.overwrite)
        return Stored(candidate, outcome, "" if outcome is Outcome.SAME else seen)

    async def close(self) -> None:
        """End what outlives an upload."""
        self._listings.close()
        self._calm.close()
        await asyncio.to_thread(self._workers.stop)


def _share(file: Arriving) -> tuple[str, str]:
    """Where another process finds the file, which has no name yet, and its digest."""
    return f"/proc/{os.getpid()}/fd/{file.stored().file.fileno()}", file.digest("sha256_digest")
