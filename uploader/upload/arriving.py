"""The file of a form on its way: in memory while it is small; of a large one, what came is stored beside the rest."""

import asyncio
import contextlib
import hashlib
import io
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from store.files import Incoming, open_incoming

BLOCK = 1 << 18  # bytes that are hashed and written at once; a smaller file is in memory until it is found good

HASHES: dict[str, Callable[[], "hashlib._Hash | hashlib.blake2b"]] = {
    "md5_digest": lambda: hashlib.md5(usedforsecurity=False),
    "sha256_digest": hashlib.sha256,
    "sha512_digest": hashlib.sha512,
    "blake2_256_digest": lambda: hashlib.blake2b(digest_size=32),
}
"""By the field of the form that says what it has to come to."""

T = TypeVar("T")


class Arriving:
    """One file. It is received in the event loop; what is done with it `aside` is for one thread at a time."""

    def __init__(self, directory: Path, threads: Executor) -> None:
        self.size = 0
        self._directory = directory
        self._threads = threads
        self._held: list[bytes] = []
        self._held_size = 0
        self._hashes = {"sha256_digest": HASHES["sha256_digest"]()}
        self._aside: asyncio.Future[Any] | None = None
        self._stack = contextlib.ExitStack()
        self._incoming: Incoming | None = None
        self._memory: io.BytesIO | None = None

    def expect(self, names: Iterable[str]) -> None:
        """Compute these digests as well, before anything comes: another that is asked for costs a second reading."""
        self._hashes |= {name: HASHES[name]() for name in names}

    def add(self, data: bytes) -> None:
        """Take what came; `drain` is to follow."""
        self._held.append(data)
        self._held_size += len(data)
        self.size += len(data)

    async def drain(self) -> None:
        """Have a full block stored while more comes, once the one before it is: so memory stays flat."""
        if self._held_size >= BLOCK:
            await self._wait_aside()
            self._put_aside(partial(self._store, self._take_held()))

    async def aside(self, act: Callable[[], T]) -> T:
        """What `act` returns, called in a thread. Nothing is closed before it has ended, whoever is cancelled."""
        await self._wait_aside()
        self._put_aside(act)
        return cast("T", await self._wait_aside())

    def _put_aside(self, act: Callable[[], object]) -> None:
        self._aside = asyncio.get_running_loop().run_in_executor(self._threads, act)

    async def _wait_aside(self) -> object:
        """What came of the last that was put aside, once."""
        if self._aside is None:
            return None
        try:
            return await asyncio.shield(self._aside)
        finally:
            if self._aside.done():
                self._aside = None

    async def close(self) -> None:
        """Leave nothing of a file that was not placed."""
        if self._aside is not None:
            await asyncio.wait([self._aside])
            if not self._aside.cancelled():
                self._aside.exception()  # whoever was to hear of it has gone
        self._stack.close()

    def read(self) -> BinaryIO:
        """All that came, from its start; to be called aside, as what follows."""
        self._end()
        file: BinaryIO = self._memory or self._open().file
        file.seek(0)
        return file

    def digest(self, name: str) -> str:
        """In hex, of all that came."""
        self._end()
        if name in self._hashes:
            return self._hashes[name].hexdigest()
        return hashlib.file_digest(self.read(), HASHES[name]).hexdigest()  # type: ignore[arg-type]  # wants readinto

    def stored(self) -> Incoming:
        """The file on the disk with all that came, ready to be made durable."""
        self._end()
        incoming = self._open()
        if self._memory is not None:
            incoming.file.write(self._memory.getbuffer())
            self._memory = None
        incoming.file.flush()
        return incoming

    def _end(self) -> None:
        """Put what is still held with the rest, or in one piece."""
        held = self._take_held()
        if self._incoming is not None:
            self._store(held)
        elif self._memory is None:
            self._hash(held)
            self._memory = io.BytesIO(b"".join(held))

    def _take_held(self) -> list[bytes]:
        held, self._held, self._held_size = self._held, [], 0
        return held

    def _store(self, blocks: list[bytes]) -> None:
        self._hash(blocks)
        file = self._open().file
        for block in blocks:
            file.write(block)

    def _hash(self, blocks: list[bytes]) -> None:
        for block in blocks:
            for each in self._hashes.values():
                each.update(block)

    def _open(self) -> Incoming:
        if self._incoming is None:
            self._incoming = self._stack.enter_context(open_incoming(self._directory))
        return self._incoming


@contextlib.asynccontextmanager
async def arriving(directory: Path, threads: Executor) -> AsyncIterator[Arriving]:
    """A file on its way into `directory`, gone at the end unless it was placed."""
    file = Arriving(directory, threads)
    try:
        yield file
    finally:
        await file.close()
