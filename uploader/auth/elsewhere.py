"""Users from elsewhere: whom an authority knows and `.htpasswd` does not.

What it said is remembered for a while: a user who is gone there, or has another password, may go on for as long. It is
asked about a few at a time, each address in its turn, and nobody waits for it longer than `PATIENCE`. How long an
answer takes tells whom `.htpasswd` names and whom it does not.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from store.policy import Authority, is_user_name
from uploader.auth.authority import Unanswered, ask
from uploader.auth.basic import Credentials, decode_name, fold, list_spellings
from uploader.auth.known import Seal
from uploader.auth.limits import Guess, Limits, household_of
from uploader.auth.once import Once
from uploader.auth.passwords import Proof
from uploader.auth.turns import Turns

K = TypeVar("K")
V = TypeVar("V")

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds for an answer, with all waiting for one's turn
AT_ONCE = 4  # that are asked about
RIGHT, WRONG = 300.0, 60.0  # seconds for which an answer is remembered
MOST = 10_000  # right ones and wrong ones that are remembered; then the oldest goes


@dataclass(frozen=True)
class Found:
    """Who was found to be a user, by whom, and until when that counts; the stamp stands for that and the password."""

    authority: Authority
    stamp: bytes
    groups: frozenset[str]
    until: float

    @property
    def proved(self) -> bytes:
        """What a proof by it has for a hash: another one with other groups."""
        return self.stamp + repr(sorted(self.groups)).encode()


class Elsewhere:
    """`problem` is why it did not answer last, in one line; empty where it did."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.problem = ""
        self._problem_of: Authority | None = None
        self._limits = limits
        self._clock = clock
        self._seal = Seal()
        self._right: OrderedDict[str, Found] = OrderedDict()  # user → the last password that was right
        self._wrong: OrderedDict[bytes, float] = OrderedDict()  # stamp → until when it counts
        self._once: Once[Found | None] = Once()
        self._turns = Turns()
        self._asking = asyncio.Semaphore(AT_ONCE)

    async def prove(self, authority: Authority, credentials: Credentials, address: str) -> Proof | None:
        """Whose they are, None where they are nobody's. TooManyGuesses, Busy, Unanswered where nobody can tell."""
        credentials = _in_utf8(credentials)
        user = decode_name(credentials.name)
        if not is_user_name(user) or not _is_password(credentials.password):
            return None
        guess = Guess(household_of(address), f"{fold(user)}:elsewhere".encode(), user, is_slow=True)
        self._limits.check(guess)
        stamp = self._seal.digest(credentials, repr(authority).encode())
        if self._wrong.get(stamp, 0.0) > self._clock():
            return None
        found = self._right.get(user)
        if found is None or found.stamp != stamp or found.until <= self._clock():
            look = partial(self._look, authority, credentials, stamp, guess)
            found = await self._once.find((guess.household, stamp), look)
        if found is None:
            return None
        return Proof(user, found.proved, guess.household, self._limits.is_among_guesses(guess), found.groups)

    def users(self, authority: Authority | None) -> Mapping[str, bytes]:
        """Those whom it was found to have, user → stamp, for as long as that counts."""
        if authority != self._problem_of:
            self.problem = ""
        now = self._clock()
        return {
            user: found.proved
            for user, found in self._right.items()
            if found.authority == authority and found.until > now
        }

    async def _look(self, authority: Authority, credentials: Credentials, stamp: bytes, guess: Guess) -> Found | None:
        with self._limits.counted(guess):
            try:
                groups = await self._ask(authority, credentials, guess.household)
            except Unanswered:
                guess.was_unanswered = True
                raise
            guess.was_wrong = groups is None
        if groups is None:
            _remember(self._wrong, stamp, self._clock() + WRONG)
            return None
        found = Found(authority, stamp, groups, self._clock() + RIGHT)
        _remember(self._right, decode_name(credentials.name), found)
        return found

    async def _ask(self, authority: Authority, credentials: Credentials, household: str) -> frozenset[str] | None:
        problem = f"{authority.url or authority.command[0]}: no answer within {PATIENCE:.0f} s"
        try:
            async with asyncio.timeout(PATIENCE), self._turns.turn(household), self._asking:
                groups = await ask(authority, credentials)
        except TimeoutError as error:
            self._say(authority, problem)
            raise Unanswered(problem) from error
        except Unanswered as error:
            self._say(authority, str(error))
            raise
        self.problem = ""
        return groups

    def _say(self, authority: Authority, problem: str) -> None:
        """Once, until something else is wrong or nothing."""
        self._problem_of = authority
        if problem != self.problem:
            log.error("users from elsewhere: %s", problem)
        self.problem = problem


def _in_utf8(credentials: Credentials) -> Credentials:
    """As an authority is to have them, however they came."""
    spellings = list_spellings(credentials)
    return next((each for each in spellings if all(map(_is_utf8, each))), spellings[-1])


def _is_password(password: bytes) -> bool:
    """LDAP takes none for a wish to be nobody, and a shell takes no NUL from what it reads."""
    return password != b"" and b"\0" not in password


def _is_utf8(text: bytes) -> bool:
    return text.decode("utf-8", "replace").encode() == text


def _remember(known: OrderedDict[K, V], key: K, value: V) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > MOST:
        known.popitem(last=False)
