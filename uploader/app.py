"""The routes, and the upload from its first byte to its answer."""

import asyncio
import logging
from pathlib import Path

from aiohttp import web

from store.errors import BadPolicy
from store.layout import Layout
from store.place import make_durable, open_incoming
from store.policy import ANONYMOUS, AUTHENTICATED, Policy, read_accepted, read_policy
from uploader.answers import Denied, answer, refusals
from uploader.check import check
from uploader.credentials import read_users, verify
from uploader.health import answer_health
from uploader.keep import Outcome, keep
from uploader.listing import wait_listed
from uploader.names import redirect_name
from uploader.receive import Form, check_length, receive
from uploader.settings import Settings

log = logging.getLogger(__name__)

BODY_LIMIT = 1 << 62  # aiohttp's own, which must never be the one that is met: max_upload is

CHALLENGE = {"WWW-Authenticate": 'Basic realm="pypi"'}  # distutils answers to no other realm


def create_app(settings: Settings) -> web.Application:
    app = web.Application(middlewares=[refusals], client_max_size=BODY_LIMIT)
    uploads = Uploads(settings.layout, settings.listing_wait)
    app.router.add_post("/upload", uploads.upload)
    app.router.add_get("/health", lambda request: _health(request, settings.layout))
    app.router.add_get("/{name:.*}", redirect_name)
    return app


async def _health(request: web.Request, layout: Layout) -> web.Response:
    return answer_health(request, layout)


class Uploads:
    """Takes uploads into one data directory, under the policy that is in force at each."""

    def __init__(self, layout: Layout, listing_wait: float) -> None:
        self._layout = layout
        self._listing_wait = listing_wait
        self._policy = PolicyInForce(layout)

    async def upload(self, request: web.Request) -> web.Response:
        policy = self._policy.read()
        user = await self._authorize(request, policy)
        check_length(request, policy.max_upload, policy.max_upload_text)
        with open_incoming(self._layout.incoming) as file:
            form = await receive(request, file, policy.max_upload, policy.max_upload_text)
            _check_action(form)
            candidate = await asyncio.to_thread(check, form, file)
            await asyncio.to_thread(make_durable, file)
            outcome = await asyncio.to_thread(
                keep, self._layout, candidate, Path(file.name), overwrite=policy.overwrite
            )
        log.info("accepted %s from %s: %s", candidate.filename, user, outcome.value)
        entry = (candidate.filename, candidate.digest)
        listed = await wait_listed(self._layout, candidate.project, entry, self._listing_wait)
        return answer(request, 200, _praise(candidate.filename, outcome, listed=listed))

    async def _authorize(self, request: web.Request, policy: Policy) -> str:
        """The user, or "anonymous"; 401 or 403 before any of the body is read."""
        if ANONYMOUS in policy.upload:
            return ANONYMOUS
        if AUTHENTICATED not in policy.upload:
            raise Denied(403, "uploads are closed: larder.toml lets nobody upload")
        users = read_users(self._layout.htpasswd)
        if not users:
            raise Denied(403, "there is no user yet who may upload; add one with: scripts/user add NAME")
        header = request.headers.get("Authorization")
        if header is None:
            raise Denied(401, "uploads need a user name and a password", CHALLENGE)
        user = await asyncio.to_thread(verify, users, header)
        if user is None:
            raise Denied(401, "wrong user name or password", CHALLENGE)
        return user


def _check_action(form: Form) -> None:
    action = form.texts.get(":action", "file_upload")
    if action in ("submit", "submit_pkg_info", "verify"):
        raise Denied(410, f"{action!r} is not needed here: a project begins with its first upload")
    if action != "file_upload":
        raise Denied(410, f"{action!r} is not offered here; expected 'file_upload'")


def _praise(filename: str, outcome: Outcome, *, listed: bool) -> str:
    follows = "" if listed else "; its page will follow: the indexer has not listed it yet"
    return f"{filename} {outcome.value}{follows}"


class PolicyInForce:
    """`larder.toml` as of now; the last one that could be used where it cannot be."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._last: Policy | None = None
        self._said = ""

    def read(self) -> Policy:
        try:
            self._last = read_policy(self._layout.policy)
            self._said = ""
        except BadPolicy as error:
            if str(error) != self._said:
                self._said = str(error)
                log.error("refused the policy, what was in force stays: %s", error)
            self._last = self._last or read_accepted(self._layout.accepted_policy)
        return self._last
