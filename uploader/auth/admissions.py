"""The ways of those who were found to be who they say they are: a link for each, by which nginx lets them read.

Its name stands for one password sent from one address, to one repository: nginx alone can make it, and nobody can tell
password or address from it. It is made once the password was checked, and gone as soon as the user is, has another
one, may no longer read, or is guessed at from there. So a check costs nothing but the first time, whatever the kind of
hash.
"""

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from store import files
from store.data import Data
from store.policy import Policy
from store.ways import way_of
from uploader.auth.passwords import Proof

CREDENTIALS = re.compile(r"[0-9a-f]{32}")
LASTING = 300.0  # seconds; then it is asked again, whoever may have changed address meanwhile
MOST = 10_000  # at once; whoever is beyond them is asked about each time


@dataclass(frozen=True)
class Admission:
    """Until when, which way, and for whose proof: None where anybody may read."""

    until: float
    way: Path
    proof: Proof | None


class Admissions:
    """The links, beside what else the uploader has there. OSError where they cannot be made."""

    def __init__(self, data: Data, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = data.admitted
        self._policy = data.policy_in_force
        self._clock = clock
        self._admitted: dict[str, Admission] = {}  # the oldest first

    def clear(self) -> None:
        """As after a start: whom another process let in is asked again."""
        self._admitted.clear()
        for link in list_admitted(self._directory):
            files.remove(link)

    def admit(self, credentials: str, repository: str, policy: Policy, proof: Proof | None) -> None:
        """Make the way for what stands for them; not where nothing does, nor where the proof is one of many tries."""
        if not CREDENTIALS.fullmatch(credentials) or (proof and proof.is_among_guesses):
            return
        name = f"{repository}@{credentials}"
        way, link = self._policy / repository / way_of(proof.user if proof else None, policy), self._directory / name
        before = self._admitted.get(name)
        if before and (before.way, before.proof) == (way, proof) and os.path.lexists(link):
            return
        self._remove(name)
        if len(self._admitted) >= MOST:
            self._remove(next(iter(self._admitted)))
        link.symlink_to(os.path.relpath(way, self._directory))
        self._admitted[name] = Admission(self._clock() + LASTING, way, proof)

    def keep(self, users: Mapping[str, bytes]) -> None:
        """Remove what is out of date, whom the users, user → hash, no longer have, and what leads nowhere any more."""
        now = self._clock()
        there = {way for way in {admission.way for admission in self._admitted.values()} if way.exists()}
        for name, admission in list(self._admitted.items()):
            if admission.until <= now or admission.way not in there or not _is_still(admission.proof, users):
                self._remove(name)

    def withdraw(self, household: str, user: str) -> None:
        """Whoever is this user there is asked again."""
        for name, admission in list(self._admitted.items()):
            if admission.proof and (admission.proof.household, admission.proof.user) == (household, user):
                self._remove(name)

    def _remove(self, name: str) -> None:
        (self._directory / name).unlink(missing_ok=True)
        self._admitted.pop(name, None)


def list_admitted(directory: Path) -> list[Path]:
    """The links that are there."""
    return sorted(directory.glob("*@*"))


def _is_still(proof: Proof | None, users: Mapping[str, bytes]) -> bool:
    return proof is None or users.get(proof.user) == proof.hashed
