"""Ask a command or a URL whose a name and a password are, as `[authentication]` in `larder.toml` has it.

A command reads both from its standard input, a line each, and exits with 0 where they belong together and with 1 where
they do not: as with Apache's mod_authnz_external, which takes any other code for a no, too. What it prints then are the
user's groups, a line each. A URL is asked with both as HTTP Basic (RFC 7617) and answers 200, with groups between
commas in `Remote-Groups`, or 401 or 403.
Everything else is no answer.
"""

import asyncio
import contextlib
import os
import signal
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from typing import BinaryIO, cast

import aiohttp

from store.policy import Authority
from uploader import certificates
from uploader.auth.basic import Credentials, render_basic
from uploader.resolver import Resolver

MOST = 1 << 16  # bytes that a command may say
RIGHT, WRONG = 0, 1  # exit codes of a command
REFUSALS = (401, 403)


class Unanswered(Exception):
    """It did not say yes or no: why, in words that have neither name nor password."""


async def ask(authority: Authority, credentials: Credentials) -> frozenset[str] | None:
    """The groups of the user whose they are, None where they are nobody's; or Unanswered. They have to be in UTF-8."""
    try:
        if authority.url:
            return await _ask_url(authority.url, credentials)
        return await _ask_command(authority.command, credentials)
    except (OSError, aiohttp.ClientError, ValueError) as error:
        what = authority.url or authority.command[0]
        why = str(error)[:200] if isinstance(error, OSError) else ""  # others quote what was sent back
        raise Unanswered(f"{what}: {why or type(error).__name__}") from error


async def _ask_command(command: tuple[str, ...], credentials: Credentials) -> frozenset[str] | None:
    if b"\n" in credentials.password:
        return None
    async with _pipe() as (said, output):
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=output, stderr=DEVNULL, start_new_session=True
        )
        output.close()
        try:
            await _tell(process, b"%b\n%b\n" % credentials)
            groups = await _read(said)
            code = await process.wait()
        finally:
            await _end(process)
    if code not in (RIGHT, WRONG):
        raise Unanswered(f"{command[0]} exited with {code}; expected {RIGHT} or {WRONG}")
    return _list_groups(groups, "\n") if code == RIGHT else None


def _list_groups(said: str, separator: str) -> frozenset[str]:
    return frozenset(filter(None, (group.strip(" \t\r") for group in said.split(separator))))


@contextlib.asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[StreamReader, BinaryIO]]:
    """Where to read what is written to the file. Nothing of it is left open, whoever still has the other end."""
    reader, (ours, theirs) = StreamReader(), os.pipe()
    with os.fdopen(ours, "rb") as entry, os.fdopen(theirs, "wb") as output:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: StreamReaderProtocol(reader), entry)
        try:
            yield reader, output
        finally:
            transport.close()


async def _tell(process: Process, text: bytes) -> None:
    """It need not read that."""
    stdin = cast(StreamWriter, process.stdin)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(text)
        await stdin.drain()
    stdin.close()


async def _read(reader: StreamReader) -> str:
    """All that is said."""
    said = b""
    while more := await reader.read(MOST):
        said += more
        if len(said) > MOST:
            raise Unanswered(f"a command said more than {MOST} bytes; expected groups")
    return said.decode("utf-8", "replace")


async def _end(process: Process) -> None:
    """With all that it started and that is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _ask_url(url: str, credentials: Credentials) -> frozenset[str] | None:
    headers = {"Authorization": render_basic(credentials)}
    connector = aiohttp.TCPConnector(resolver=Resolver(), ssl=certificates.read())
    async with (
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(url, headers=headers, allow_redirects=False) as response,
    ):
        if response.status in REFUSALS:
            return None
        if response.status != 200:
            raise Unanswered(f"{url} answered {response.status}; expected 200 or 401")
        groups = ",".join(response.headers.getall("Remote-Groups", ()))
        return _list_groups(groups, ",")
