"""`.htpasswd`: which users there are, read as nginx reads it."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from store.errors import name_lines
from store.files import check_access
from uploader.auth.basic import decode_name
from uploader.auth.hashes import is_usable

log = logging.getLogger(__name__)

UNUSABLE = "no user and hash as htpasswd writes them; who is meant there is disabled"


class Htpasswd:
    """The file at `path`, read anew at each request; what is wrong in it is said once for each change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content = b""
        self._users: Mapping[str, bytes] = {}

    def read(self) -> Mapping[str, bytes]:
        """User → hash; OSError where the file is there and cannot be read."""
        content = read_htpasswd(self._path)
        if content != self._content:
            self._users, unusable = parse_users(content)
            self._content = content
            if unusable:
                log.warning("%s, %s: %s", self._path, name_lines(unusable), UNUSABLE)
        return self._users


def read_htpasswd(path: Path) -> bytes:
    """What the file holds, nothing where there is none; OSError where it cannot be read. Never waits for a writer."""
    try:
        check_access(path.parent, path.name)  # what only a capability could read is not meant for us
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        return file.read() or b""


def parse_users(content: bytes) -> tuple[dict[str, bytes], list[int]]:
    """User → hash, and the numbers of the lines that cannot be used: each disables that user only.

    Of several lines with one name the first counts, whatever it holds.
    """
    users: dict[str, bytes] = {}
    disabled: set[bytes] = set()
    unusable = []
    for number, line in enumerate(content.split(b"\n"), 1):
        name, _, rest = line.partition(b":")
        hashed = rest.partition(b":")[0].removesuffix(b"\r")
        if not line.strip() or line.startswith(b"#") or name in disabled:
            continue
        if name and is_usable(hashed):
            users.setdefault(decode_name(name), hashed)
        elif decode_name(name) not in users:
            disabled.add(name)
            unusable.append(number)
    return users, unusable
