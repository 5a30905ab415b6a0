"""One upload, from its first byte to its answer, as a list of verbs; each is a module of its own."""

import asyncio

from aiohttp import web

from store.current import read_in_force
from store.data import Data
from store.files import make_durable, open_incoming
from store.policy import Policy
from store.repository import Repository
from uploader.answers import HttpRefusal, answer
from uploader.audit import log_accepted
from uploader.auth.authorize import authorize
from uploader.auth.htpasswd import Htpasswd
from uploader.upload.address import check_head, find_repository
from uploader.upload.check import Candidate, check
from uploader.upload.form import check_length, receive
from uploader.upload.listed import wait_listed
from uploader.upload.store import Outcome, store_upload


class Uploads:
    """Takes uploads into one data directory; an answer waits `listing_wait` seconds for the page to list the file."""

    def __init__(self, data: Data, listing_wait: float) -> None:
        self._data = data
        self._listing_wait = listing_wait
        self._htpasswd = Htpasswd(data.htpasswd)

    async def take(self, request: web.Request) -> web.Response:
        """200 once the file is durable, and listed unless the indexer takes too long; else nothing was stored."""
        repository = find_repository(self._data, request.path)
        check_head(request)
        policy = self._read_policy(repository)
        user = await authorize(request, policy, self._htpasswd)
        check_length(request, policy)
        candidate, outcome = await _take_file(request, repository, policy)
        log_accepted(request, user, candidate.digest, outcome.value)
        is_listed = await wait_listed(self._data, repository, candidate, self._listing_wait)
        follows = "" if is_listed else "; its page will follow: the indexer has not listed it yet"
        return answer(request, 200, f"{candidate.filename} {outcome.value}{follows}")

    def _read_policy(self, repository: Repository) -> Policy:
        """The policy in force at this moment."""
        policies = read_in_force(self._data)
        if policies is None:
            raise HttpRefusal(503, "the indexer has not yet said which policy is in force; expected it at any moment")
        return policies.of(repository.name)


async def _take_file(request: web.Request, repository: Repository, policy: Policy) -> tuple[Candidate, Outcome]:
    with open_incoming(repository.packages) as incoming:
        form = await receive(request, incoming.file, policy)
        candidate = await asyncio.to_thread(check, form, incoming.file, repository)
        await asyncio.to_thread(make_durable, incoming.file)
        outcome = await asyncio.to_thread(store_upload, repository, candidate, incoming, overwrite=policy.overwrite)
    return candidate, outcome
