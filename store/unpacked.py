"""The unpacked side of a compressed tar, read forward once and never further than is sane."""

import io
from typing import BinaryIO

from store.errors import BadArchive

ALLOWANCE = 64 << 20  # bytes any archive may unpack to
RATIO = 100  # and then this many for each byte of the file
LIMIT = 8 << 30  # bytes no archive may unpack to
READ_LIMIT = 16 << 20  # bytes at once: a tar header that claims more is no header
CHUNK = 1 << 20


class Unpacked(io.RawIOBase):
    """A forward-only file over a decompressor; raises BadArchive where it unpacks to too much.

    The bound follows what has been read of the packed file, so a bomb is found out early.
    """

    def __init__(self, source: BinaryIO, packed: BinaryIO) -> None:
        self._source = source
        self._packed = packed
        self._at = 0
        self.exhausted = False

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= READ_LIMIT:
            raise BadArchive(f"a header claims {size} bytes; expected at most {READ_LIMIT}")
        data = self._source.read(size)
        self._at += len(data)
        self.exhausted = size > 0 and not data
        self.check_declared(self._at, self._packed.tell())
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Skip forward by reading; only `tarfile` calls this, and it never goes back."""
        while whence == io.SEEK_SET and self._at < offset:
            if not self.read(min(CHUNK, offset - self._at)):
                raise EOFError("it ends in the middle of a member")
        return self._at

    def read_to_end(self) -> None:
        """Read the rest, so that the decompressor has checked its last byte."""
        while self.read(CHUNK):
            pass

    @staticmethod
    def check_declared(unpacked: int, packed: int) -> None:
        """Raise BadArchive where so many bytes from so few are more than a distribution has."""
        if unpacked > min(LIMIT, ALLOWANCE + RATIO * packed):
            raise BadArchive(
                f"it unpacks to {unpacked} bytes or more from {packed}; expected at most "
                f"{ALLOWANCE >> 20} MiB and {RATIO} times its size, and never over {LIMIT >> 30} GiB"
            )
