"""A file as the disk knows it: what tells whether it is still the one that was read."""

import os
from typing import NamedTuple


class Identity(NamedTuple):
    """A file as stat(2) knows it; while it is the same the content is, and a moved file keeps it.

    `mtime_ns` is in nanoseconds, `size` in bytes.
    """

    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, facts: os.stat_result) -> "Identity":
        return cls(facts.st_ino, facts.st_size, facts.st_mtime_ns)


NO_IDENTITY = Identity(0, 0, 0)
"""Of what there is no telling."""
