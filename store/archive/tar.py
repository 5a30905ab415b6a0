"""Tar files, plain and compressed: read forward once, to the end mark and the decompressor's last byte.

What `headers` knows is read here, in a tenth of the time; from the first member that it does not know on,
`tarfile` reads.
"""

from collections.abc import Iterator

from store.archive.headers import BLOCK, Header, parse_extension, parse_header
from store.archive.limits import check_count, check_link, check_path
from store.archive.member import Member
from store.archive.packed import Packed, Span
from store.archive.rest import HEADER_LIMIT, RECORDS_PACE, read_rest
from store.archive.streams import unpack
from store.archive.unpacked import Unpacked

RECORD = 20 * BLOCK
_END = bytes(BLOCK)


def read_tar(packed: Packed, suffix: str) -> Iterator[Member]:
    """The members in the order they lie in; see `read_members`."""
    if suffix == ".tar":
        _check_padded(packed)
    span = Span(packed, 0, packed.size)
    stream = Unpacked(unpack(span, suffix), span)
    for count, member in enumerate(_take_members(stream), start=1):
        check_count(count)
        yield member
    stream.skip_to_end()


def _check_padded(packed: Packed) -> None:
    """A tar that is not compressed says nothing of its length, but ends in zeros and in a whole record."""
    end = packed.peek(max(0, packed.size - 2 * BLOCK), 2 * BLOCK)
    if packed.size % RECORD or end.strip(b"\0"):
        raise EOFError("its end is missing")


def _take_members(stream: Unpacked) -> Iterator[Member]:
    while (block := stream.take(BLOCK)) != _END:
        header = _take_header(stream, block)
        if header is None:
            for member in read_rest(stream):
                stream.meter.check()  # each takes as long as a piece
                yield member
            return
        end = stream.tell() + (header.padded_size if header.kind == "0" else 0)
        yield _as_member(stream, header)
        stream.skip(end - stream.tell())


def _take_header(stream: Unpacked, block: bytes) -> Header | None:
    """The member that begins with this block; None, with all put back, where `tarfile` has to read it."""
    taken, said = block, dict[str, str]()
    while (header := parse_header(block)) and header.kind in "LKx":
        if len(taken) + header.padded_size > HEADER_LIMIT:
            break
        stream.meter.expect(header.padded_size * RECORDS_PACE)
        content = stream.take(header.padded_size)
        taken += content
        found = parse_extension(header, content)
        if found is None or found.keys() & said.keys():
            break
        said |= found
        block = stream.take(BLOCK)
        taken += block
    else:
        if header:
            return header.extended(said) if said else header
    stream.put_back(taken)
    return None


def _as_member(stream: Unpacked, header: Header) -> Member:
    parts = check_path(header.name)
    if header.kind == "0":
        return Member(parts, lambda limit: stream.take(min(limit, header.size)))
    if header.kind == "1":
        check_path(header.linkname)
    elif header.kind == "2":
        check_link(parts, header.linkname)
    return Member(parts, None)
