"""How fast somebody may guess at passwords. Two limits for two reasons, and a third for nginx.

 - Of one address at one user's hash: so that no password is found.
 - Of one address alone, where checking is slow: so that nobody makes this machine do nothing else.
 - Of all addresses at one user: beyond it nginx, which remembers no guess, is no longer to check that user's password.

What is done from other addresses never counts against a right password.
"""

import ipaddress
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from uploader.auth.guesses import Guesses

IPV6_NETWORK = 64  # bits of an address that one household has


class TooManyGuesses(Exception):
    """Nothing was checked; the next one may come in `wait` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(wait)
        self.wait = wait


@dataclass
class Guess:
    """Somebody's try: from where, at what, and for which user, None where there is none of that name."""

    household: str
    target: bytes
    user: str | None
    is_slow: bool
    was_wrong: bool = False
    was_unanswered: bool = False


class Limits:
    """`doubt` is called at each wrong guess at a user, with the address: who was let in from there is asked again.

    `withhold` is called for a user whom nginx is not to check any more.
    """

    def __init__(
        self,
        doubt: Callable[[str, str], None],
        withhold: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._doubt = doubt
        self._withhold = withhold
        self._clock = clock
        self._at_target = Guesses(burst=5, pause=10.0)
        self._slow = Guesses(burst=30, pause=2.0)
        self._at_user = Guesses(burst=10, pause=6.0)
        self._withheld: set[str] = set()

    def check(self, guess: Guess) -> None:
        """Raise TooManyGuesses where nobody may look at this one yet, known or not."""
        wait = self._at_target.wait((guess.household, guess.target), self._clock())
        if wait:
            self._count_at_user(guess)  # nginx has checked it, perhaps
            raise TooManyGuesses(wait)

    @contextmanager
    def counted(self, guess: Guess) -> Iterator[None]:
        """Check and count it before it is looked at, as many may come at once; take it back unless it `was_wrong`.

        What `was_unanswered` still took its time, so of that much it counts.
        """
        self.check(guess)
        now, there = self._clock(), (guess.household, guess.target)
        if guess.is_slow and (wait := self._slow.wait(guess.household, now)):
            raise TooManyGuesses(wait)
        self._at_target.count(there, now)
        if guess.is_slow:
            self._slow.count(guess.household, now)
        try:
            yield
        finally:
            if guess.was_wrong:
                self._count_at_user(guess)
            else:
                self._at_target.take_back(there)
                self._slow.take_back(guess.household) if guess.is_slow and not guess.was_unanswered else None

    def is_among_guesses(self, guess: Guess) -> bool:
        """Whether there were wrong ones lately, from there and at the same: then a right one may be a lucky one."""
        return not self._at_target.is_quiet((guess.household, guess.target), self._clock())

    def withheld(self) -> frozenset[str]:
        """Whom nginx is not to check."""
        now = self._clock()
        self._withheld -= {user for user in self._withheld if self._at_user.is_quiet(user, now)}
        return frozenset(self._withheld)

    def _count_at_user(self, guess: Guess) -> None:
        if guess.user is None:
            return
        self._doubt(guess.household, guess.user)
        self._at_user.count(guess.user, self._clock())
        if self._at_user.wait(guess.user, self._clock()):
            self._withheld.add(guess.user)
            self._withhold(guess.user)


def household_of(address: str) -> str:
    """The address, or the network of it whose others can be had as easily."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, IPV6_NETWORK), strict=False))
    return str(found)
