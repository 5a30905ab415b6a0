"""The bytes of one file as it lies on the disk: each read once, and hashed on the way."""

import hashlib
import io
from typing import BinaryIO

from store.archive.budget import Budget, Meter

WHOLE = 4 << 20  # bytes of a file that is read at once
STEP = 1 << 20  # bytes of a larger one
PIECE = 1 << 16  # bytes that a decompressor is given at once: what it leaves over is copied


class Packed:
    """One file of which any part can be read. Read forward, it is hashed without being read again."""

    def __init__(self, file: BinaryIO, digest: str, budget: Budget) -> None:
        self._file = file
        self.size = file.seek(0, io.SEEK_END)
        self.meter = Meter(self.size, budget)
        self._digest = digest
        self._hash = None if digest else hashlib.sha256()
        self._hashed = 0  # bytes, from the start
        self._held: bytes | None = None
        if self.size <= WHOLE:
            self._held = self.read(0, self.size)
            self.size = len(self._held)

    @property
    def is_held(self) -> bool:
        """Whether all of it is in memory."""
        return self._held is not None

    def peek(self, offset: int, size: int) -> bytes:
        """Up to so many bytes from there."""
        if self._held is not None:
            return self._held[offset : offset + size]
        self._file.seek(offset)
        data = self._file.read(size)
        self.meter.check()
        return data

    def read(self, offset: int, size: int) -> bytes:
        """The same; all before them that was not read yet is hashed first."""
        if self._held is not None:
            return self._held[offset : offset + size]
        self._hash_up_to(offset)
        data = self.peek(offset, size)
        self._note(data, offset)
        return data

    def finish(self) -> str:
        """The digest of the whole file: sha256 in hex."""
        self._hash_up_to(self.size)
        return self._hash.hexdigest() if self._hash else self._digest

    def _hash_up_to(self, offset: int) -> None:
        while self._hash and self._hashed < offset:
            data = self.peek(self._hashed, min(STEP, offset - self._hashed))
            if not data:
                raise EOFError("it became shorter while it was read")
            self._note(data, self._hashed)

    def _note(self, data: bytes, offset: int) -> None:
        if self._hash and offset + len(data) > self._hashed:
            self._hash.update(memoryview(data)[self._hashed - offset :])
            self._hashed = offset + len(data)


class Span:
    """A part of a file, taken forward."""

    def __init__(self, packed: Packed, start: int, end: int) -> None:
        self.meter = packed.meter
        self._packed = packed
        self._at = start
        self._end = end
        self._back = b""

    def tell(self) -> int:
        """Where in the file the next byte lies."""
        return self._at - len(self._back)

    def read(self, size: int = PIECE) -> bytes:
        """Up to so many bytes, and none at the end only."""
        if self._back:
            data, self._back = self._back[:size], self._back[size:]
            return data
        data = self._packed.read(self._at, min(size, self._end - self._at))
        self._at += len(data)
        return data

    def take(self, size: int) -> bytes:
        """So many bytes, or EOFError."""
        data = self.read(size)
        while len(data) < size:
            more = self.read(size - len(data))
            if not more:
                raise EOFError("it ends in the middle of what it holds")
            data += more
        return data

    def put_back(self, data: bytes) -> None:
        """Let this be read again."""
        self._back = data + self._back
