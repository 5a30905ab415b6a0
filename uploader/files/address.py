"""A path below `/files/` → the store and the names that lead to what is meant; none of them leads out of the store."""

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
    """HttpRefusal for a path that could be meant to lead elsewhere, and for a store that there is not."""
    _, *names = _split(raw_path)
    called, *parts = [_read_name(name, raw_path) for name in names] or [""]
    if not is_called(called) or not data.has((store := data.file_store(called)).name):
        raise HttpRefusal(404, f"there is no file store {shown(called)}")
    if len(b"/".join(names)) > PATH_LIMIT or len(parts) > DEPTH:
        expected = f"expected at most {PATH_LIMIT} bytes and {DEPTH} directories"
        raise HttpRefusal(400, f"{shown(raw_path)} is too long a way below {FILES}/; {expected}")
    return Address(store, tuple(parts), not parts or raw_path.endswith("/"))


def _split(raw_path: str) -> list[bytes]:
    """Its names; slashes that follow each other are one, as for nginx."""
    return [unquote_to_bytes(part) for part in raw_path.split("/") if part]


def _read_name(name: bytes, raw_path: str) -> str:
    """HttpRefusal for what is no name of a file that could be served."""
    try:
        text = name.decode()
    except UnicodeDecodeError as error:
        raise _refuse(name, raw_path, "names in UTF-8") from error
    if text in (".", "..") or not text.isprintable() or "/" in text:
        raise _refuse(name, raw_path, "names that are neither . nor .., without slashes and control characters")
    if is_ignored(text):
        raise _refuse(name, raw_path, "no dot file and no .part, .tmp, .filepart, .swp or ~: these are never served")
    if len(name) > NAME_LIMIT:
        raise _refuse(name, raw_path, f"names of at most {NAME_LIMIT} bytes")
    return text


def _refuse(name: bytes, raw_path: str, expected: str) -> HttpRefusal:
    text = name.decode("utf-8", "backslashreplace")
    return HttpRefusal(400, f"{shown(text)} in {shown(raw_path)}; expected {expected}")
