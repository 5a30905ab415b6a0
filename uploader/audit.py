"""Who asked for what, from where, and what came of it: the one place that says so, in the log and for the audit.

    accepted POST '/' from 192.0.2.7 user 'ann' file 'demo-1.0-py3-none-any.whl' sha256 9f86…: stored
    refused POST '/legacy/' from 192.0.2.7 user 'bob' file -: 401 wrong user name or password

A line begins with nothing that a client can choose but a method, and no path has a blank in it, so that
`^… refused POST \\S+ from <ADDR> user .*: 401 ` finds the address that nginx saw and no other. In a refusal the user
is the name that was tried. What a client sent is quoted and escaped; `-` without quotes means that there was none.
"""

import logging
import re
import traceback
from datetime import UTC, datetime
from urllib.parse import unquote

from aiohttp import web

from store.errors import clip, shown
from uploader.audit_file import AUDIT
from uploader.auth.basic import claimed_name

log = logging.getLogger(__name__)

CLIENT = "X-Larder-Client"  # the address as nginx saw it
PATH = "X-Larder-Path"  # what is to be read, where nginx asks whether it may be
MESSAGE_LIMIT = 1000  # characters
FIELD_LIMIT = 500  # characters of what a client sent

_FILE = web.RequestKey("file", str)
_READ = web.RequestKey("read", str)
_ADDRESS = re.compile(r"[0-9A-Fa-f.:]{2,45}")


def note_file(request: web.Request, filename: str) -> None:
    """Say once it is known which file the request is about."""
    request[_FILE] = filename


def client_of(request: web.Request) -> str:
    """The address that nginx saw; "-" where it said none."""
    found = request.headers.get(CLIENT, "")
    return found if _ADDRESS.fullmatch(found) else "-"


def log_accepted(request: web.Request, user: str | None, digest: str, outcome: str) -> None:
    """`digest` is empty where it is not known."""
    log.info("accepted %s sha256 %s: %s", _describe(request, user), digest or "-", outcome)
    _record(request, user, 200, outcome, digest or None)


def log_refused(request: web.Request, status: int, message: str) -> None:
    """A name that is not known is no news where it was only read."""
    _log_refused(request, status, message, is_news=request.method not in ("GET", "HEAD"))


def log_unread(request: web.Request, status: int, message: str) -> None:
    """Of reads only a wrong password, or a right one without the right, is news."""
    request[_READ] = request.headers.get(PATH, "")
    _log_refused(request, status, message, is_news=status in (401, 403))


def _log_refused(request: web.Request, status: int, message: str, *, is_news: bool) -> None:
    user, reason = claimed_name(request.headers.get("Authorization")), clip(message, MESSAGE_LIMIT)
    level = logging.WARNING if is_news else logging.DEBUG
    log.log(level, "refused %s: %d %s", _describe(request, user), status, reason)
    if is_news:
        _record(request, user, status, reason)


def log_unexpected(request: web.Request, identifier: str, error: Exception) -> None:
    """With the traceback, whose every line is indented: a message in it cannot pass for a line of the log."""
    user = claimed_name(request.headers.get("Authorization"))
    lines = "".join(traceback.format_exception(error)).split("\n")
    printable = ("".join(char if char.isprintable() else "?" for char in line[:MESSAGE_LIMIT]) for line in lines)
    log.error("refused %s: 500 %s%s", _describe(request, user), identifier, "\n    ".join(("", *printable)).rstrip())
    _record(request, user, 500, f"an unexpected error, which the log explains as {identifier}")


def _record(request: web.Request, user: str | None, status: int, outcome: str, digest: str | None = None) -> None:
    """For the audit: what the line in the log says. A path is as it was sent."""
    path = request.get(_READ, request.rel_url.raw_path)
    record = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "method": request.method,
        "path": clip(path, FIELD_LIMIT),
        "address": client_of(request),
        "user": None if user is None else clip(user, FIELD_LIMIT),
        "file": clip(request[_FILE], FIELD_LIMIT) if _FILE in request else None,
        "sha256": digest,
        "status": status,
        "outcome": outcome,
    }
    audit = request.app.get(AUDIT)
    if audit is not None:
        audit.write(unquote(path), record)


def _describe(request: web.Request, user: str | None) -> str:
    path = shown(request.get(_READ, request.rel_url.raw_path)).replace(" ", "")
    return f"{request.method} {path} from {client_of(request)} user {_quote(user)} file {_quote(request.get(_FILE))}"


def _quote(value: str | None) -> str:
    return "-" if value is None else shown(value)
