"""Reading an archive within bounds: every member of it once, to the last byte, and no bomb.

Memory stays flat: nothing is kept but what the caller keeps.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, BinaryIO

from store.archive.tar import read_tar
from store.archive.zip import read_zip

_ZIPS = (".whl", ".egg", ".zip")


def read_members(file: BinaryIO, suffix: str) -> Iterator[tuple[PurePosixPath, IO[bytes] | None]]:
    """Every member's path, and its content where it is a regular file: to be read before the next one is taken.

    The archive is whole only once the last member has been taken. Raises BadArchive for what is out of
    bounds, and for damage whatever the library below makes of it.
    """
    return read_zip(file) if suffix in _ZIPS else read_tar(file, suffix)
