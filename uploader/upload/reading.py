"""What an uploaded archive holds: read here where that is soon done, and else by a process of its own."""

from pathlib import Path
from typing import BinaryIO

from store.archive.budget import HERE_AND_NOW, PACE, SECONDS, WHATEVER_IT_TAKES, Budget
from store.distribution import Contents, read_contents
from store.errors import BadArchive
from store.names import ParsedFilename, parse_filename


def read_here(file: BinaryIO, parsed: ParsedFilename, digest: str) -> Contents:
    """BadArchive with what is wrong; TooMuch where others would wait for it."""
    return _read(file, parsed, digest, HERE_AND_NOW)


def read_there(path: str, filename: str, digest: str) -> Contents:
    """The same of a large one, for a process to call that nobody waits for but who sent it."""
    with Path(path).open("rb") as file:
        return _read(file, parse_filename(filename), digest, WHATEVER_IT_TAKES)


def due(size: int) -> float:
    """Seconds of CPU for that process: more than reading so many bytes may take, so that the reason is said there."""
    return max(SECONDS, size / PACE) + 1


def _read(file: BinaryIO, parsed: ParsedFilename, digest: str, budget: Budget) -> Contents:
    try:
        return read_contents(file, parsed, digest=digest, budget=budget)
    except BadArchive as error:
        named = "" if repr(parsed.filename) in str(error) else f" {parsed.filename!r}"
        raise BadArchive(f"Invalid distribution file{named}: {error}") from error
