"""What readers of a copy can come upon while it becomes another: every page and package, at every moment."""

import html
import re
from collections.abc import Container, Mapping
from pathlib import Path
from urllib.parse import unquote

from tests.exported import list_files

_NAMED = re.compile(r'"(?:(?:\.\./)+|https?://[^"]+?/)(packages/[^"#]+)')
_PAGE = re.compile(r"(?:simple|project|pypi)/[^.].*")


def read_copy(directory: Path) -> dict[str, bytes]:
    """Path → content."""
    return {path: (directory / path).read_bytes() for path in list_files(directory)}


def named_by(page: bytes) -> set[str]:
    """The packages that a page leads to, by their path in the copy."""
    return {unquote(html.unescape(path)) for path in _NAMED.findall(page.decode())}


def missing(pages: Mapping[str, bytes], there: Container[str]) -> list[str]:
    """Packages that a page names and nobody could have."""
    return [
        name for path, page in pages.items() if _PAGE.fullmatch(path) for name in named_by(page) if name not in there
    ]


class Watch:
    """Of a directory, again and again: pages that name a package that is not there, while they do."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.looked, self.found = directory, 0, set[str]()

    def look(self) -> None:
        for page in self.directory.glob("simple/[!.]*/index.html"):
            gone = [name for name in self._named(page) if not (self.directory / name).exists()]
            self.found |= set(gone) & self._named(page) if gone else set()
        self.looked += 1

    def _named(self, page: Path) -> set[str]:
        try:
            return named_by(page.read_bytes())
        except FileNotFoundError:
            return set()
