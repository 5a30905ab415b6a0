"""A file of lines about who may come in: read anew at each request, and what is wrong in it said once a change."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from store.errors import name_lines
from store.files import check_access

log = logging.getLogger(__name__)

T = TypeVar("T")


class LinesFile(Generic[T]):
    """`parse` answers with what the file says and which lines cannot be used; `why` these cannot."""

    def __init__(self, path: Path, parse: Callable[[bytes], tuple[T, list[int]]], why: str) -> None:
        self._path = path
        self._parse = parse
        self._why = why
        self._content = b""
        self._said, self._unusable = parse(b"")

    def read(self) -> T:
        """What it says; OSError where it is there and cannot be read."""
        if self._has_changed() and self._unusable:
            log.warning("%s", self._name(self._unusable))
        return self._said

    def name_unusable(self) -> str:
        """Which lines cannot be used, and why; empty where all can. OSError as in `read`."""
        self._has_changed()
        return self._name(self._unusable) if self._unusable else ""

    def _has_changed(self) -> bool:
        """Parsed once, however often it is asked for."""
        content = read_lines(self._path)
        if content == self._content:
            return False
        self._said, self._unusable = self._parse(content)
        self._content = content
        return True

    def _name(self, unusable: list[int]) -> str:
        return f"{self._path}, {name_lines(unusable)}: {self._why}"


def read_lines(path: Path) -> bytes:
    """What the file holds, nothing where there is none; OSError where it cannot be read. Never waits for a writer."""
    try:
        check_access(path.parent, path.name)  # what only a capability could read is not meant for us
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        return file.read() or b""
