"""`.htpasswd` → one small file for each user whose password nginx can check: those of a cheap hash, and nobody else.

So that they read also while the uploader does not answer. A file for each: a check costs the same however many users
there are, and one can go without the others.
"""

import os
import re
from collections.abc import Mapping, Set
from pathlib import Path

from store import files
from uploader.auth.hashes import is_cheap

NAME = re.compile(rb"[^./\x00-\x1f\x7f][^/\x00-\x1f\x7f]{0,199}")  # nginx.conf has it, too


class Readers:
    """The files in `directory`, which nobody else may look into."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._users: Mapping[str, bytes] = {}
        self._cheap: dict[str, bytes] = {}
        self._written: dict[str, bytes] = {}
        self._mark = 0  # of the directory after it was written to

    def keep(self, users: Mapping[str, bytes], withheld: Set[str]) -> None:
        """See to it that there are files for these, user → hash, and for no others; OSError where that cannot be."""
        if users is not self._users:
            self._users, self._cheap = users, _pick_cheap(users)
        wanted = {user: hashed for user, hashed in self._cheap.items() if user not in withheld}
        if wanted != self._written or self._read_mark() != self._mark:
            self._write(wanted)

    def withdraw(self, user: str) -> None:
        """Remove this one's file at once, if there is one."""
        if user in self._written:
            (self._directory / user).unlink(missing_ok=True)

    def _write(self, wanted: dict[str, bytes]) -> None:
        if self._directory.is_symlink() or not self._directory.is_dir():
            files.remove(self._directory)
        self._directory.mkdir(mode=0o700, exist_ok=True)
        found = {path.name for path in self._directory.iterdir()}
        for name in found - wanted.keys():
            files.remove(self._directory / name)
        for user, hashed in wanted.items():
            if user not in found or self._written.get(user) != hashed:
                files.write(self._directory / user, b"%b:%b\n" % (os.fsencode(user), hashed))
        self._written, self._mark = wanted, self._read_mark()

    def _read_mark(self) -> int:
        try:
            return self._directory.stat().st_mtime_ns
        except OSError:
            return 0


def _pick_cheap(users: Mapping[str, bytes]) -> dict[str, bytes]:
    return {user: hashed for user, hashed in users.items() if is_cheap(hashed) and NAME.fullmatch(os.fsencode(user))}
