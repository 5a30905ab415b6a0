"""What Larder refuses. Every message is one line: the offending value, then what was expected."""

from collections.abc import Iterable

NAMED = 10  # of many, that one message names


def clip(text: str, limit: int = 120) -> str:
    """The text as one printable line of at most `limit` characters; the middle of a longer one is left out."""
    half = (limit - 5) // 2
    short = text if len(text) <= limit else f"{text[:half]} ... {text[-half:]}"
    return " ".join("".join(char if char.isprintable() else " " for char in short).split())


def shown(value: str) -> str:
    """How a message names a value of someone else's: quoted, escaped and clipped."""
    return clip(repr(value))


class Refused(ValueError):
    """Input that Larder does not take; the data directory is as it was."""


class BadName(Refused):
    """A file name that no distribution can have."""


class BadArchive(Refused):
    """A file that is no whole, bounded archive with core metadata of its own."""


class AlreadyExists(Refused):
    """Other bytes already carry this file name."""


class AnotherFile(Refused):
    """A file has other bytes than it is known by."""


class BadPolicy(Refused):
    """`larder.toml` cannot be used."""


class BadDirectory(Refused):
    """The data directory cannot be used by this process."""


def name_lines(numbers: Iterable[int]) -> str:
    """Which lines of a file are meant, and no word of what they say."""
    found = sorted(set(numbers))
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"line{'s' if len(found) > 1 else ''} {', '.join(map(str, found[:NAMED]))}{more}"
