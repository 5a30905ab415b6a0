"""Inflating, and the checksum of what comes out: by isal, which takes a third of the time that zlib does.

Where isal is not installed, for there is none for the machine, zlib does the same.
"""

from collections.abc import Iterator

from store.archive.packed import Span

try:
    from isal import isal_zlib as _library
except ImportError:
    import zlib as _library  # type: ignore[no-redef]

UNPACKED_PIECE = 1 << 18  # bytes at most that come out at once
_RAW = -15  # a deflate stream without a header of its own

crc32 = _library.crc32


def inflate(span: Span) -> Iterator[bytes]:
    """One deflate stream in pieces; what follows it stays in the span. EOFError where the span ends before it does."""
    inflater = _library.decompressobj(_RAW)
    while not inflater.eof:
        data = inflater.unconsumed_tail or span.read()
        unpacked = inflater.decompress(data, UNPACKED_PIECE)
        if unpacked:
            yield unpacked
        elif not data and not inflater.eof:
            raise EOFError("it ends in the middle of packed data")
    span.put_back(inflater.unused_data)


def inflate_at_once(data: bytes, most: int) -> tuple[bytes, bytes]:
    """One deflate stream, as far as that many bytes come out, and what follows it; EOFError as `inflate`."""
    inflater = _library.decompressobj(_RAW)
    unpacked = inflater.decompress(data, most)
    if not inflater.eof and len(unpacked) < most:
        raise EOFError("it ends in the middle of packed data")
    return unpacked, inflater.unused_data
