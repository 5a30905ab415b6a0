"""Credentials → the user they prove to be. Each password is checked once, and others never wait behind guesses.

An unknown user's password is checked against somebody else's hash: it takes as long, and is slowed down as soon.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from uploader.auth.basic import Credentials, decode_name
from uploader.auth.hashes import is_cheap, matches
from uploader.auth.known import Known
from uploader.auth.limits import Guess, Limits, household_of
from uploader.auth.pool import Pool


@dataclass(frozen=True)
class Proof:
    """That somebody is this user, who has this hash; among wrong ones from there it may be a lucky guess."""

    user: str
    hashed: bytes
    household: str
    is_among_guesses: bool = False


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
        self._looking: dict[tuple[str, bytes], asyncio.Task[Attempt | None]] = {}

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
        for spelt in _spellings(credentials) if hashes else ():
            user = decode_name(spelt.name)
            hashed = users.get(user) or hashes[self._known.pick(spelt.name, len(hashes))]
            digest = self._known.digest(spelt, hashed)
            attempts.append(Attempt(user if user in users else None, spelt.password, hashed, digest))
        return attempts

    async def _find_right(self, attempts: list[Attempt], guess: Guess) -> Attempt | None:
        found = [self._known.recall(attempt.digest) for attempt in attempts]
        if True in found:
            return attempts[found.index(True)]
        return await self._look_once(attempts, guess) if None in found else None

    async def _look_once(self, attempts: list[Attempt], guess: Guess) -> Attempt | None:
        """Many at once are one. What was begun goes on, also when nobody waits for it any more."""
        key = guess.household, attempts[0].digest
        task = self._looking.get(key)
        if task is None:
            task = self._looking[key] = asyncio.create_task(self._look(attempts, guess))
            task.add_done_callback(lambda done: (self._looking.pop(key), done.cancelled() or done.exception()))
        return await asyncio.shield(task)

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


def _spellings(credentials: Credentials) -> list[Credentials]:
    """pip and twine send what is not ASCII in latin-1, uv in UTF-8: either will do."""
    as_utf8 = Credentials(*(text.decode("latin-1").encode() for text in credentials))
    return [credentials] if as_utf8 == credentials else [credentials, as_utf8]
