"""How many wrong passwords there were lately: so many at once, then one in a while. Pure; `now` is in seconds."""

from collections.abc import Hashable
from dataclasses import dataclass, field

MOST = 10_000  # who is remembered; of more those are forgotten who guessed least


@dataclass
class Guesses:
    """After `burst` guesses one more is allowed each `pause` seconds. Who stops is forgiven in as many pauses."""

    burst: int
    pause: float
    _forgiven: dict[Hashable, float] = field(default_factory=dict)  # when all that somebody guessed will be

    def wait(self, who: Hashable, now: float) -> float:
        """Seconds until the next guess is allowed; 0 where it is."""
        return max(0.0, self._forgiven.get(who, now) - now - (self.burst - 1) * self.pause)

    def is_quiet(self, who: Hashable, now: float) -> bool:
        """Whether all is forgiven."""
        return self._forgiven.get(who, now) <= now

    def count(self, who: Hashable, now: float) -> None:
        """One more, allowed or not."""
        if who not in self._forgiven and len(self._forgiven) >= MOST:
            self._forget(now)
        debt = max(0.0, self._forgiven.get(who, now) - now)
        self._forgiven[who] = now + min(debt, (self.burst - 1) * self.pause) + self.pause

    def take_back(self, who: Hashable) -> None:
        """The last one was none."""
        if who in self._forgiven:
            self._forgiven[who] -= self.pause

    def _forget(self, now: float) -> None:
        self._forgiven = {who: until for who, until in self._forgiven.items() if until > now}
        if len(self._forgiven) >= MOST:
            worst = sorted(self._forgiven, key=lambda who: self._forgiven[who], reverse=True)
            self._forgiven = {who: self._forgiven[who] for who in worst[: MOST // 2]}
