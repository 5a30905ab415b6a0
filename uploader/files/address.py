"""A path below `/files/` → the store and the names that lead to what is meant; none of them leads out of the store."""

import os
import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from store.data import Data
from store.errors import shown
from store.file_store import FILES, FileStore, is_called
from store.names import is_ignored
from uploader.answers import HttpRefusal

NAME_LIMIT = 255  # bytes, as file systems have it
PATH_LIMIT = 2000  # bytes, of what is below the store
DEPTH = 100  # directories in each other
CONTROLS = ("Cc", "Cs", "Zl", "Zp")  # categories of Unicode: control characters, bytes that are none, line ends


class Address(NamedTuple):
    """`parts` are the names below the store's directory, none for that itself."""

    store: FileStore
    parts: tuple[str, ...]
    is_directory: bool  # as its last slash says

    @property
    def path(self) -> str:
        """Below the directory of all stores, as people read it."""
        return "/".join((self.store.called, *self.parts)) + ("/" if self.is_directory else "")


def is_below_files(raw_path: str) -> bool:
    """Whether a request's path, as it was sent, is about raw files."""
    return _split(raw_path)[:1] == [FILES.encode()]


def parse_address(data: Data, raw_path: str) -> Address:
    """Where something is to be put or removed; HttpRefusal for a path that could be meant to lead elsewhere."""
    address = _parse(data, raw_path, _check_name)
    if len(os.fsencode("/".join(address.parts))) > PATH_LIMIT or len(address.parts) > DEPTH:
        expected = f"expected at most {PATH_LIMIT} bytes and {DEPTH} directories"
        raise HttpRefusal(400, f"{shown(raw_path)} is too long a way below {FILES}/; {expected}")
    return address


def find_address(data: Data, raw_url: str) -> Address:
    """Where people may have put something; 404 for what is never served."""
    try:
        return _parse(data, re.split("[?#]", raw_url, maxsplit=1)[0], _check_served)
    except HttpRefusal as error:
        raise HttpRefusal(404, str(error)) from error


def _parse(data: Data, raw_path: str, check: Callable[[str], str]) -> Address:
    """`check` says what is expected of a name that is refused, or nothing."""
    names = [os.fsdecode(name) for name in _split(raw_path)]
    for name in names[1:]:
        if expected := check(name):
            raise HttpRefusal(400, f"{shown(name)} in {shown(raw_path)}; expected {expected}")
    _, called, *parts = names if len(names) > 1 else ("", "")
    if not is_called(called) or not data.has((store := data.file_store(called)).name):
        raise HttpRefusal(404, f"there is no file store {shown(called)}")
    return Address(store, tuple(parts), not parts or raw_path.endswith("/"))


def _split(raw_path: str) -> list[bytes]:
    """Its names; slashes that follow each other are one, as for nginx."""
    return [unquote_to_bytes(os.fsencode(part)) for part in raw_path.split("/") if part]


def _check_name(name: str) -> str:
    if any(unicodedata.category(char) in CONTROLS for char in name):
        return "names in UTF-8, without control characters"
    if len(os.fsencode(name)) > NAME_LIMIT:
        return f"names of at most {NAME_LIMIT} bytes"
    return _check_served(name)


def _check_served(name: str) -> str:
    if name in (".", "..") or "/" in name or "\0" in name:
        return "names that are neither . nor .., and have no slash in them"
    if is_ignored(name):
        return "no dot file and no .part, .tmp, .filepart, .swp or ~: these are never served"
    return ""
