"""Asking an upstream: only hosts that the policy names, whatever these answer; bounded in time."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urljoin

import aiohttp

from store.settings import Login
from store.upstream import origin_of, without_query
from uploader import certificates
from uploader.resolver import Resolver

CONNECT, SILENCE = 10.0, 30.0  # seconds until there is a connection, and between two pieces of an answer
REDIRECTS = 5
MOVED = (301, 302, 303, 307, 308)


class Unreachable(Exception):
    """There is no answer to be had, or it `was_answered` what is of no use; why, in one line without a secret.

    It `is_general` where whatever else is asked would not be answered either.
    """

    def __init__(self, message: str, *, was_answered: bool = False, is_general: bool | None = None) -> None:
        super().__init__(message)
        self.was_answered = was_answered
        self.is_general = not was_answered if is_general is None else is_general


class Ask(NamedTuple):
    """What is asked, and of whom alone: `decoded` as pages are, and not as files, whose bytes count."""

    url: str
    origins: Collection[str]
    headers: Mapping[str, str]
    decoded: bool

    @property
    def shown(self) -> str:
        """Without its query, which may be a secret."""
        return without_query(self.url)


class Client:
    """Made when it is needed first, in the event loop. Proxies, and logins in netrc, are those of the environment."""

    def __init__(self, logins: Mapping[str, Login]) -> None:
        self._logins = logins
        self._name = f"1.1 larder-{secrets.token_hex(8)}"
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def is_round(self, via: str) -> bool:
        """Whether who asks is asked by this one: an upstream that leads back here (RFC 9110, 7.6.3)."""
        return self._name in via

    def add_to(self, via: str) -> str:
        """What is to be sent to whom it is asked next."""
        return f"{via}, {self._name}" if via else self._name

    @contextlib.asynccontextmanager
    async def get(self, ask: Ask) -> AsyncIterator[aiohttp.ClientResponse]:
        """The last answer, where redirects stay with hosts that may be asked; Unreachable where there is none."""
        url = ask.url
        for _ in range(REDIRECTS + 1):
            async with contextlib.AsyncExitStack() as stack:
                with _explained(ask.shown):
                    response = await stack.enter_async_context(self._get(ask, url))
                    target = response.headers.get("Location") if response.status in MOVED else None
                    url = urljoin(url, target or "")
                if target is None:
                    yield response
                    return
        raise Unreachable(f"{ask.shown}: it was redirected more than {REDIRECTS} times", was_answered=True)

    def _get(self, ask: Ask, url: str) -> "contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]":
        origin = origin_of(url)
        if origin not in ask.origins:
            expected = "expected the upstream's, or one of upstream_hosts in larder.toml"
            where = origin or "another kind of address"
            raise Unreachable(f"{ask.shown} leads to {where}; {expected}", was_answered=True)
        login = self._logins.get(origin)
        auth = aiohttp.BasicAuth(*login, encoding="utf-8") if login else None
        return self._session(decoded=ask.decoded).get(url, headers=ask.headers, auth=auth, allow_redirects=False)

    def _session(self, *, decoded: bool) -> aiohttp.ClientSession:
        if decoded not in self._sessions:
            self._sessions[decoded] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=Resolver(), ssl=certificates.read(), limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_connect=CONNECT, sock_read=SILENCE),
                trust_env=True,
                auto_decompress=decoded,
                headers={"User-Agent": "larder"},
            )
        return self._sessions[decoded]

    async def close(self) -> None:
        await asyncio.gather(*(session.close() for session in self._sessions.values()))


async def read_blocks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The body as it comes; Unreachable where it breaks off."""
    with _explained(without_query(str(response.url))):
        async for block in response.content.iter_any():
            yield block


@contextlib.contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn whatever comes of the network into Unreachable."""
    try:
        yield
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise Unreachable(f"{url}: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    """What went wrong, without addresses, which may have a proxy's password in them."""
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"it cannot be connected to: {error.os_error.strerror or type(error).__name__}"
    return str(error) if isinstance(error, OSError) and error.strerror else type(error).__name__
