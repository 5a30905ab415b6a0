"""`.htpasswd`: which users there are, read as nginx reads it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from uploader.auth.basic import decode_name, fold
from uploader.auth.hashes import is_usable
from uploader.auth.lines_file import LinesFile

LOCKED = (b"!", b"*")  # what people put before a hash, or in its place, to lock somebody out: passwd(5)
UNUSABLE = "no user and hash as htpasswd writes them; who is meant there is disabled"


class Users(dict[str, bytes]):
    """User → hash; and whom the file names, also those that it disables."""

    def __init__(self, hashes: Mapping[str, bytes], named: Iterable[str]) -> None:
        super().__init__(hashes)
        self._named = frozenset(map(fold, named))

    def name_any(self, users: Iterable[str]) -> bool:
        """Whether the file has something to say of one of these, however spelt: then nobody else is asked."""
        return not self._named.isdisjoint(map(fold, users))


class Htpasswd(LinesFile[Users]):
    """Who is a user."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, parse_users, UNUSABLE)


def parse_users(content: bytes) -> tuple[Users, list[int]]:
    """The users, and the numbers of the lines that cannot be used: each disables that user only.

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
            if not hashed.startswith(LOCKED):
                unusable.append(number)
    return Users(users, [*users, *map(decode_name, disabled)]), unusable
