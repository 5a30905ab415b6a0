"""A request → the user who makes it, or an HTTP refusal, before any of the body is read."""

import asyncio
from collections.abc import Mapping

from aiohttp import web

from store.access import may
from store.errors import shown
from store.policy import Policy
from uploader.answers import HttpRefusal
from uploader.auth.basic import Credentials, decode_name, parse_basic
from uploader.auth.hashes import matches
from uploader.auth.htpasswd import Htpasswd

CHALLENGE = {"WWW-Authenticate": 'Basic realm="pypi"'}  # distutils answers to no other realm


async def authorize(request: web.Request, policy: Policy, htpasswd: Htpasswd) -> str | None:
    """The user, None where anybody may upload; HttpRefusal for everyone who may not."""
    if may(None, "upload", policy):
        return None
    if not policy.upload:
        raise HttpRefusal(403, "uploads are closed: larder.toml lets nobody upload")
    users = _read_users(htpasswd)
    header = request.headers.get("Authorization")
    if header is None:
        raise HttpRefusal(401, "uploads need a user name and a password", CHALLENGE)
    user = await asyncio.to_thread(verify, users, parse_basic(header))
    if user is None:
        raise HttpRefusal(401, "wrong user name or password", CHALLENGE)
    if not may(user, "upload", policy):
        raise HttpRefusal(403, f"{shown(user)} may not upload here")
    return user


def _read_users(htpasswd: Htpasswd) -> Mapping[str, bytes]:
    try:
        users = htpasswd.read()
    except OSError as error:
        raise HttpRefusal(503, f".htpasswd cannot be read: {error.strerror}; /health says more") from error
    if not users:
        raise HttpRefusal(403, "there is no user yet who may upload; add one with: scripts/user add NAME")
    return users


def verify(users: Mapping[str, bytes], credentials: Credentials | None) -> str | None:
    """The user the credentials proves to be; None where it proves nothing. Slow for strong hashes.

    pip and twine send what is not ASCII in latin-1, uv in UTF-8: either will do.
    """
    for name, password in _spellings(credentials):
        hashed = users.get(decode_name(name))
        if hashed is not None and matches(password, hashed):
            return decode_name(name)
    return None


def _spellings(credentials: Credentials | None) -> list[Credentials]:
    if credentials is None:
        return []
    as_utf8 = Credentials(*(text.decode("latin-1").encode() for text in credentials))
    return [credentials] if as_utf8 == credentials else [credentials, as_utf8]
