"""Where files are begun that are moved to their place as soon as they are whole."""

from pathlib import Path

from indexer.versions import make_versions
from store import files

NAME = ".new"
SOME = 200  # files begun in one directory


class Staging:
    """A directory beside the page sets, and after a while another in its place.

    ext4 puts a file beside the directory it is begun in, and passes over every inode there that was freed lately. Where
    thousands of pages came and went that takes ten times as long as to write one; another directory lies elsewhere.
    """

    def __init__(self, versions: Path) -> None:
        self._directory = versions / NAME
        self._begun = 0

    def begin(self, name: str) -> str:
        """A path for a new file of this name. OSError where the disk refuses."""
        if self._begun % SOME == 0:
            make_versions(self._directory.parent)
            files.remove(self._directory)
            self._directory.mkdir()
        self._begun += 1
        return f"{self._directory}/{name}"
