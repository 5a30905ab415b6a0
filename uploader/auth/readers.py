"""`.htpasswd` and the policy → one small file for each who may read and whose password nginx can check.

Those of a cheap hash, and nobody else: so that they read also while the uploader does not answer, until the policy has
another list of readers. A file for each: a check costs the same however many users there are, and one can go without
the others.
"""

import os
import re
from collections.abc import Mapping, Set
from pathlib import Path

from store import files
from store.access import may
from store.policy import Policy
from store.ways import mark_of
from uploader.auth.hashes import is_cheap

UNKNOWN = -1  # no mark of any directory
NAME = re.compile(rb"[^./\x00-\x1f\x7f][^/\x00-\x1f\x7f]{0,199}")  # nginx.conf has it, too


class Readers:
    """Those of one repository: below `base`, which nobody else may look into, a directory for the policy in force."""

    def __init__(self, base: Path) -> None:
        self._base = self._directory = base
        self._users: Mapping[str, bytes] = {}
        self._policy: Policy | None = None
        self._cheap: dict[str, bytes] = {}
        self._written: dict[str, bytes] = {}
        self._mark = UNKNOWN  # of the directory after it was written to

    def keep(self, users: Mapping[str, bytes], policy: Policy | None, withheld: Set[str]) -> None:
        """See to it that there are files for those of the users, user → hash, who may read, and for no others.

        Nobody may where there is no policy. OSError where it cannot be seen to.
        """
        if policy is not self._policy:
            self._directory, self._mark = self._base / (mark_of(policy) if policy else "nobody"), UNKNOWN
        if users is not self._users or policy is not self._policy:
            self._users, self._policy, self._cheap = users, policy, _pick(users, policy)
        wanted = {user: hashed for user, hashed in self._cheap.items() if user not in withheld}
        if wanted != self._written or self._read_mark() != self._mark:
            self._write(wanted)

    def withdraw(self, user: str) -> None:
        """Remove this one's file at once, if there is one."""
        if user in self._written:
            (self._directory / user).unlink(missing_ok=True)

    def _write(self, wanted: dict[str, bytes]) -> None:
        for directory in (self._base.parent, self._base, self._directory):
            if directory.is_symlink() or not directory.is_dir():
                files.remove(directory)
            directory.mkdir(mode=0o700, exist_ok=True)
        for other in set(self._base.iterdir()) - {self._directory}:
            files.remove(other)
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


def _pick(users: Mapping[str, bytes], policy: Policy | None) -> dict[str, bytes]:
    readers = {user: hashed for user, hashed in users.items() if policy and may(user, "download", policy)}
    return {user: hashed for user, hashed in readers.items() if is_cheap(hashed) and NAME.fullmatch(os.fsencode(user))}
