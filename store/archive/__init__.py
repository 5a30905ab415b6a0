"""Reading an archive within bounds: every member of it once, to the last byte, and no bomb.

Memory stays flat: nothing is kept but what the caller keeps.
"""

from collections.abc import Iterator

from store.archive.member import Member
from store.archive.packed import Packed
from store.archive.tar import read_tar
from store.archive.zip import read_zip

_ZIPS = (".whl", ".egg", ".zip")


def read_members(packed: Packed, suffix: str) -> Iterator[Member]:
    """Every member, in order.

    The archive is whole only once the last member has been taken. Raises BadArchive for what is out of
    bounds, TooMuch for what its reader cannot spare, and for damage whatever the library below makes of it.
    """
    return read_zip(packed) if suffix in _ZIPS else read_tar(packed, suffix)
