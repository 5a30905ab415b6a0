"""What a decompressor gives, as one stream that is read forward."""

from collections.abc import Iterator

from store.archive.packed import Span


class Unpacked:
    """A stream over the pieces unpacked from a span; raises where they come to more than the file may hold.

    The bound follows what has been read of the packed file, so a bomb is found out early.
    """

    def __init__(self, pieces: Iterator[bytes], span: Span) -> None:
        self.meter = span.meter
        self._pieces = pieces
        self._span = span
        self._piece = b""
        self._at = 0  # within the piece
        self._before = 0  # bytes of the stream that came before the piece

    def tell(self) -> int:
        """How many bytes have been taken."""
        return self._before + self._at

    def take(self, size: int) -> bytes:
        """So many bytes; fewer at the end of the stream only."""
        end = self._at + size
        if end > len(self._piece):
            return self._gather(size)
        data = self._piece[self._at : end]
        self._at = end
        return data

    def _gather(self, size: int) -> bytes:
        parts = []
        while size > 0 and (self._at < len(self._piece) or self._advance()):
            part = self._piece[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _advance(self) -> bool:
        """Take the next piece; False where there is none."""
        piece = next(self._pieces, b"")
        self.meter.unpack(len(piece), self._span.tell())
        if piece:
            self._before += len(self._piece)
            self._piece, self._at = piece, 0
        return bool(piece)

    def skip(self, size: int) -> None:
        """Pass over so many bytes, or EOFError."""
        self._at += size
        while (beyond := self._at - len(self._piece)) > 0:
            if not self._advance():
                raise EOFError("it ends in the middle of a member")
            self._at = beyond

    def skip_to_end(self) -> None:
        """Unpack the rest, so that all checksums have been compared."""
        while self._advance():
            pass

    def put_back(self, data: bytes) -> None:
        """Let what was just taken be taken again."""
        rest = self._piece[self._at :]
        self._before += self._at - len(data)
        self._piece, self._at = data + rest, 0
