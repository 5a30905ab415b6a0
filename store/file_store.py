"""One store of raw files: a directory of any files beside the repositories, served as they lie there."""

from dataclasses import dataclass
from pathlib import Path

from store.repository import DEFAULT, is_repository_name

FILES = "files"  # below it, in URLs and in the data directory alike, are all of them
_PREFIX = f"{FILES}+"  # no repository's name has a plus


@dataclass(frozen=True)
class FileStore:
    """`name` is unlike any repository's: so it stands where theirs do, in policies, tokens, ways and logs."""

    name: str
    directory: Path

    @property
    def called(self) -> str:
        """As people call it: in its URLs, in the data directory, and in `larder.toml`."""
        return called_by(self.name)


def name_of_store(called: str) -> str:
    """What stands for it among the names of repositories; nginx.conf has it, too."""
    return _PREFIX + called


def called_by(name: str) -> str:
    """As people call what the name stands for."""
    return name.removeprefix(_PREFIX)


def is_store_name(name: str) -> bool:
    """Whether it stands for a store; these can be called what repositories can be."""
    return name.startswith(_PREFIX) and is_called(called_by(name))


def is_called(called: str) -> bool:
    """Whether a store can be called so."""
    return called == DEFAULT or is_repository_name(called)
