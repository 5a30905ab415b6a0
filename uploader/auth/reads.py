"""What nginx asks of reads it cannot decide by itself: may this be read by whoever asks. Nobody else can ask it."""

import time

from aiohttp import web

from store.current import InForce
from store.data import Data
from store.errors import shown
from store.policy import Policy
from uploader.answers import HttpRefusal, reason
from uploader.audit import log_unread
from uploader.auth.authorize import Authorization

ADDRESS = "/.may-read"
REPOSITORY = "X-Larder-Repository"


class Reads:
    """Answers in the words that nginx understands: 204, or 403 with the true status and the reason in headers."""

    def __init__(self, data: Data, authorization: Authorization) -> None:
        self._data = data
        self._policies = InForce(data)
        self._authorization = authorization

    async def answer(self, request: web.Request) -> web.Response:
        """What was said is good until the end of the second that it was said in: nginx keeps it so long."""
        said_in = int(time.time())
        try:
            await self._authorization.authorize(request, "download", self._read_policy(request))
        except HttpRefusal as refusal:
            log_unread(request, refusal.status, str(refusal))
            headers = {"X-Larder-Denial": str(refusal.status), "X-Larder-Reason": reason(str(refusal))}
            return web.Response(status=403, headers={**refusal.headers, **headers})
        return web.Response(status=204, headers={"X-Accel-Expires": f"@{said_in}"})

    def _read_policy(self, request: web.Request) -> Policy:
        name = request.headers.get(REPOSITORY, "")
        if name not in {repository.name for repository in self._data.repositories()}:
            raise HttpRefusal(403, f"{shown(name)} is no repository")
        policies = self._policies.read()
        if policies is None:
            raise HttpRefusal(503, "the indexer has not yet said which policy is in force; expected it at any moment")
        return policies.of(name)
