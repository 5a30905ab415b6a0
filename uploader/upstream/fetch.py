"""One file on its way from an upstream to the disk: fetched once, and read by all who want it while it comes.

The last bytes are held back until all are here and come to what was said of them: so whoever was sent the rest of a
file that is another has no whole one, and nothing of it is kept.
"""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from store.errors import AlreadyExists
from store.files import Incoming, open_incoming, place, place_over
from uploader.upstream.aside import Aside
from uploader.upstream.budget import Room
from uploader.upstream.client import Ask, Client, Unreachable, read_blocks
from uploader.upstream.detail import Source
from uploader.upstream.kept import size_on_disk

BLOCK = 1 << 18  # bytes that are read at once
STEP = 4 << 20  # bytes that room is made for at once, where nobody says how many there are
HELD_BACK = 1 << 16  # bytes of the end
DEADLINE = 3600.0  # seconds
AS_IT_IS = {"Accept-Encoding": "identity"}  # what is compressed on the way has another digest


class Fetch:
    """Of the source's bytes to the target. `run` goes on, whoever does not wait any longer."""

    def __init__(self, source: Source, target: Path, limit: int, aside: Aside) -> None:
        self.source = source
        self.target = target
        self.size: int | None = None  # as the upstream says; None where it does not
        self.written = 0  # bytes, so far
        self.is_whole = False
        self._limit = limit
        self._aside = aside
        self._hash = hashlib.new(source.digest.algorithm, usedforsecurity=False) if source.digest else None
        self._incoming: Incoming | None = None
        self._error: Exception | None = None
        self._changed = asyncio.Condition()

    async def run(self, client: Client, origins: frozenset[str], room: Room) -> None:
        """Fetch and keep it. Whatever goes wrong is for all who read, too."""
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            with open_incoming(self.target.parent) as self._incoming:
                async with asyncio.timeout(DEADLINE):
                    ask = Ask(self.source.url, origins, AS_IT_IS, decoded=False)
                    await self._receive(client, ask, self._incoming, room)
                await self._aside(self._keep, self._incoming)
                room.kept = size_on_disk(os.fstat(self._incoming.file.fileno()))
                await self._tell(is_whole=True)
        except Exception as error:
            late = Unreachable(f"{self.source.shown}: it does not come in time")
            await self._tell(error=late if isinstance(error, TimeoutError) else error)
            raise

    async def _receive(self, client: Client, ask: Ask, incoming: Incoming, room: Room) -> None:
        async with client.get(ask) as response:
            if response.status != 200:
                raise self._refuse(f"answered {response.status}; expected a file")
            self.size = response.content_length
            if self.size is None and self.source.digest is None:
                raise self._refuse("has neither a digest nor a length; expected one, to tell whether it is whole")
            self._check_limit(self.size or 0)
            await room.take(self.size or STEP)
            async for block in read_blocks(response):
                self._check_limit(self.written + len(block))
                if self.written + len(block) > room.reserved:
                    await room.grow(STEP)
                await self._aside(self._write, incoming, block)
                await self._tell()

    def _check_limit(self, size: int) -> None:
        if size > self._limit:
            raise self._refuse(
                f"has more than {self._limit} bytes; expected no more than upstream_cache in larder.toml"
            )

    def _write(self, incoming: Incoming, block: bytes) -> None:
        if self._hash:
            self._hash.update(block)
        incoming.file.write(block)
        incoming.file.flush()
        self.written += len(block)

    def _keep(self, incoming: Incoming) -> None:
        """Unreachable where it is not what it has to be."""
        said = self.source.digest
        if said and self._hash and self._hash.hexdigest() != said.value:
            raise self._refuse(f"has {said.algorithm} {self._hash.hexdigest()}; expected {said.value}")
        if said is None:
            place_over(incoming, self.target)
            return
        with contextlib.suppress(AlreadyExists):  # it comes to the same, or would not be called so
            place(incoming, self.target)

    def _refuse(self, reason: str) -> Unreachable:
        return Unreachable(f"{self.source.shown} {reason}", was_answered=True)

    async def _tell(self, *, is_whole: bool = False, error: Exception | None = None) -> None:
        async with self._changed:
            self.is_whole, self._error = is_whole, error
            self._changed.notify_all()

    async def wait(self, position: int = 0) -> int:
        """How many bytes may be read, once there are some after the position, or all; raises what went wrong.

        Where the upstream says no length there are all or none: nobody could tell a part of it from the whole.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._error or self.is_whole or self._readable > position)
        if self._error:
            raise self._error
        return self._readable

    @property
    def _readable(self) -> int:
        if self.is_whole:
            return self.written
        return 0 if self.size is None else max(0, self.written - HELD_BACK)

    async def read(self) -> AsyncIterator[bytes]:
        """All of it, as it comes."""
        position, descriptor = 0, self._open()
        try:
            while not self.is_whole or position < self.written:
                end = await self.wait(position)
                while position < end:
                    block = await self._aside(os.pread, descriptor, min(BLOCK, end - position), position)
                    position += len(block)
                    yield block
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        """A descriptor of one's own."""
        if self._incoming is None or self._incoming.file.closed:
            return os.open(self.target, os.O_RDONLY | os.O_CLOEXEC)
        return os.dup(self._incoming.file.fileno())
