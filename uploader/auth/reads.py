"""What nginx asks of reads it cannot decide by itself: may this be read by whoever asks. Nobody else can ask it."""

import contextlib

from aiohttp import web

from store.data import Data
from store.errors import shown
from store.policy import Policy
from uploader.answers import HttpRefusal, reason
from uploader.audit import log_unread
from uploader.auth.admissions import Admissions
from uploader.auth.authorize import Authorization
from uploader.rules import Rules

ADDRESS = "/.may-read"
REPOSITORY = "X-Larder-Repository"
CREDENTIALS = "X-Larder-Credentials"  # what stands for them, as nginx can tell


class Reads:
    """Answers in the words that nginx understands: 204, or 403 with the true status and the reason in headers."""

    def __init__(self, data: Data, authorization: Authorization, admissions: Admissions) -> None:
        self._data = data
        self._rules = Rules(data)
        self._authorization = authorization
        self._admissions = admissions

    async def answer(self, request: web.Request) -> web.Response:
        """Who may read is let in by nginx from then on, without asking again."""
        name = request.headers.get(REPOSITORY, "")
        try:
            policy = self._read_policy(name)
            proof = await self._authorization.prove(request, "download", name, policy)
        except HttpRefusal as refusal:
            log_unread(request, refusal.status, str(refusal))
            headers = {"X-Larder-Denial": str(refusal.status), "X-Larder-Reason": reason(str(refusal))}
            return web.Response(status=403, headers={**refusal.headers, **headers})
        with contextlib.suppress(OSError):  # then it is asked each time
            self._admissions.admit(request.headers.get(CREDENTIALS, ""), name, policy, proof)
        return web.Response(status=204)

    def _read_policy(self, name: str) -> Policy:
        if not self._data.has(name):
            raise HttpRefusal(404, f"there is no repository or file store {shown(name)}")
        return self._rules.of(name)
