"""What lies beside the page sets: a file that is written once, because it never changes while it is announced."""

from dataclasses import dataclass

from indexer.model import ListedFile


@dataclass(frozen=True)
class Companion:
    """`key` changes when the bytes would. `content` is None for the core metadata of `file`, which the caller reads."""

    key: str
    content: bytes | None
    file: ListedFile | None = None
