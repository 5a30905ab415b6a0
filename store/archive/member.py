"""A member of an archive."""

from collections.abc import Callable
from typing import NamedTuple


class Member(NamedTuple):
    """Where a member lies inside, and the start of its content, of so many bytes, where it is a regular file.

    To be asked for once at most, and before the next member is taken.
    """

    parts: tuple[str, ...]
    content: Callable[[int], bytes] | None
