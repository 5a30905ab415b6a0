"""What lies beside the page sets: a file that is written once, because it never changes while it is announced."""

from dataclasses import dataclass

from indexer.model import ListedFile


@dataclass(frozen=True)
class Companion:
    """The core metadata of `file`, which the caller reads; `key` is its digest, and changes when the bytes would."""

    key: str
    file: ListedFile
