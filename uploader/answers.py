"""Refusals as HTTP: the reason in the reason phrase and in the body, where each client looks for it."""

import errno
import json
import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from store.errors import AlreadyExists, Refused

log = logging.getLogger(__name__)

REASON_LIMIT = 300  # characters of a reason phrase


class Denied(Exception):
    """A refusal with a status of its own."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


def answer(request: web.BaseRequest, status: int, message: str) -> web.Response:
    """One line as reason phrase and body; JSON for uv, which wants exactly `application/json`."""
    line = " ".join(message.split())
    reason = line.encode("ascii", "replace").decode()[:REASON_LIMIT] if status != 200 else "OK"
    if request.headers.get("Accept", "").startswith("application/json"):
        body, content_type = json.dumps({"code": line}), "application/json"
    else:
        body, content_type = line + "\n", "text/plain"
    return web.Response(status=status, reason=reason, body=body.encode(), content_type=content_type)


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal becomes one answer and one line in the log."""
    try:
        return await handler(request)
    except Denied as error:
        response = _refuse(request, error.status, str(error))
        response.headers.update(error.headers)
        return response
    except AlreadyExists as error:
        return _refuse(request, 409, str(error))
    except Refused as error:
        return _refuse(request, 400, str(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return _refuse(request, 507, f"the disk is full ({error.strerror}); nothing was stored")


def _refuse(request: web.Request, status: int, message: str) -> web.Response:
    log.warning("refused %s %s: %d %s", request.method, request.path, status, message)
    return answer(request, status, message)
