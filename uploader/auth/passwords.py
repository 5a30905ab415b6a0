"""Credentials → the user they prove to be. Each password is checked once, and others never wait behind guesses.

An unknown user's password is checked against somebody else's hash: it takes as long, and is slowed down as soon.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from uploader.auth.basic import Credentials, decode_name, list_spellings
from uploader.auth.hashes import is_cheap, matches
from uploader.auth.known import Known
from uploader.auth.limits import Guess, Limits, household_of
from uploader.auth.once import Once
from uploader.auth.pool import Pool


@dataclass(frozen=True)
class Proof:
    """That somebody is this user, who has this hash; among wrong ones from there it may be a lucky guess.

    `groups` are those that the policy does not know.
    """

    user: str
    hashed: bytes
    household: str
    is_among_guesses: bool = False
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Attempt:
    """One spelling of the credentials and the hash it is checked against; `user` is None where that is nobody's."""

    user: str | None
    password: bytes
    hashed: bytes
    digest: bytes


class Passwords:
    """The users come with each question: a change of them is in force at once."""

    def __init__(self, limits: Limits) -> None:
        self._known = Known()
        self._pool = Pool()
        self._limits = limits
        self._once: Once[Attempt | None] = Once()

    async def prove(self, users: Mapping[str, bytes], credentials: Credentials, address: str) -> Proof | None:
        """Whose they are; None where nothing is proved. TooManyGuesses or Busy where nothing was looked at."""
        attempts = self._list_attempts(users, credentials)
        if not attempts:
            return None
        is_slow = not all(is_cheap(attempt.hashed) for attempt in attempts)
        target = b"%b:%b" % (credentials.name, attempts[0].hashed)
        known = next((attempt.user for attempt in attempts if attempt.user is not None), None)
        guess = Guess(household_of(address), target, known, is_slow)
        self._limits.check(guess)
        right = await self._find_right(attempts, guess)
        if right is None or right.user is None:
            return None
        return Proof(right.user, right.hashed, guess.household, self._limits.is_among_guesses(guess))

    def close(self) -> None:
        self._pool.close()

    def _list_attempts(self, users: Mapping[str, bytes], credentials: Credentials) -> list[Attempt]:
        hashes = tuple(users.values())
        attempts = []
        for spelt in list_spellings(credentials) if hashes else ():
            user = decode_name(spelt.name)
            hashed = users.get(user) or hashes[self._known.pick(spelt.name, len(hashes))]
            digest = self._known.digest(spelt, hashed)
            attempts.append(Attempt(user if user in users else None, spelt.password, hashed, digest))
        return attempts

    async def _find_right(self, attempts: list[Attempt], guess: Guess) -> Attempt | None:
        found = [self._known.recall(attempt.digest) for attempt in attempts]
        if True in found:
            return attempts[found.index(True)]
        if None not in found:
            return None
        return await self._once.find((guess.household, attempts[0].digest), partial(self._look, attempts, guess))

    async def _look(self, attempts: list[Attempt], guess: Guess) -> Attempt | None:
        with self._limits.counted(guess):
            for attempt in attempts:
                if await self._verify(attempt, guess.household):
                    return attempt
            guess.was_wrong = True
        return None

    async def _verify(self, attempt: Attempt, household: str) -> bool:
        check = partial(matches, attempt.password, attempt.hashed)
        matched = check() if is_cheap(attempt.hashed) else await self._pool.run(household, check)
        is_right = matched and attempt.user is not None
        self._known.remember(attempt.digest, was_right=is_right)
        return is_right
