"""Errors as HTTP: one line, in the reason phrase and in the body, where each client looks for it."""

import errno
import json
import secrets
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from store.errors import AlreadyExists, Refused, clip
from uploader.audit import log_refused, log_unexpected
from uploader.tally import count_refused

REASON_LIMIT = 300  # characters of a reason phrase
LINE_LIMIT = 4000  # characters of a body
FULL = (errno.ENOSPC, errno.EDQUOT)


class HttpRefusal(Exception):
    """A refusal with a status of its own."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


def answer(request: web.BaseRequest, status: int, message: str) -> web.Response:
    """One line as reason phrase and body; JSON for uv, which wants exactly `application/json`."""
    line = clip(message, LINE_LIMIT)
    if request.headers.get("Accept", "").startswith("application/json"):
        body, content_type = json.dumps({"code": line}), "application/json"
    else:
        body, content_type = line + "\n", "text/plain"
    said = "OK" if status == 200 else reason(message)
    return web.Response(status=status, reason=said, body=body.encode(), content_type=content_type)


def accelerate(path: str) -> web.Response:
    """Have nginx answer with what it finds there: for whoever follows no redirect."""
    return web.Response(headers={"X-Accel-Redirect": path})


def reason(message: str) -> str:
    """The message as a reason phrase or header can hold it."""
    return clip(message, REASON_LIMIT).encode("ascii", "replace").decode()


@web.middleware
async def errors_as_http(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error becomes one answer and one line in the log; an unexpected one its traceback as well."""
    try:
        return await handler(request)
    except Exception as error:
        refusal = _read_refusal(request, error)
        if refusal is None:
            identifier = secrets.token_hex(4)
            log_unexpected(request, identifier, error)
            count_refused(request, 500)
            return answer(request, 500, f"an unexpected error, which the uploader's log explains as {identifier}")
    log_refused(request, refusal.status, str(refusal))
    count_refused(request, refusal.status)
    response = answer(request, refusal.status, str(refusal))
    response.headers.update(refusal.headers)
    return response


def _read_refusal(request: web.Request, error: Exception) -> HttpRefusal | None:
    """The refusal that an error comes to; None where nobody expected it."""
    match error:
        case HttpRefusal():
            return error
        case Refused():
            return HttpRefusal(409 if isinstance(error, AlreadyExists) else 400, str(error))
        case ConnectionError():
            return HttpRefusal(400, "the connection was lost before all of it was here; nothing was stored")
        case OSError():
            return _read_disk_error(error)
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return HttpRefusal(405, f"{request.method} is not taken here; expected {allowed}", {"Allow": allowed})
        case _:
            return None


def _read_disk_error(error: OSError) -> HttpRefusal | None:
    """What the disk said; None for what no disk says."""
    if error.errno is None:
        return None
    if error.errno in FULL:
        return HttpRefusal(507, f"the disk is full ({error.strerror}); nothing was stored")
    return HttpRefusal(503, f"nothing can be stored here: {error.strerror}; /health says more")
