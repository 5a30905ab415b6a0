"""Inflating, and the checksum of what comes out: by isal, which takes a third of the time that zlib does.

Where isal is not installed, for there is none for the machine, zlib does the same.
"""

from collections.abc import Iterator

from store.archive.packed import PIECE, Packed, Span

try:
    from isal import isal_zlib as _library
except ImportError:
    import zlib as _library  # type: ignore[no-redef]

UNPACKED_PIECE = 1 << 18  # bytes at most that come out at once
_RAW = -15  # a deflate stream without a header of its own
_SMALL = 16 + 12  # gzip (RFC 1952), and the bits of the window that a board with little memory has

crc32 = _library.crc32
_Error: type[Exception] = _library.error  # type: ignore[assignment]  # isal's stubs call it a value


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


def is_wide(packed: Packed) -> bool:
    """Whether a gzip looks back further than 4 KiB. One that is not held in memory is said to, without a look.

    So is every one where there is no isal: zlib does not look closely.
    """
    if not packed.is_held or not hasattr(_library, "IsalError"):
        return True
    inflater = _library.decompressobj(_SMALL)
    rest = packed.peek(0, packed.size)
    try:
        while rest and not inflater.eof:
            packed.meter.check()
            inflater.decompress(rest, PIECE)
            rest = inflater.unconsumed_tail
    except _Error:
        return True
    return not inflater.eof or bool(inflater.unused_data.strip(b"\0"))
