"""Whether everything there is was listed since the start, and how long pages have been due. Times are in seconds."""

import logging

log = logging.getLogger(__name__)

PROGRESS = 2.0  # seconds between two lines about a long reading
BEHIND = 15.0  # seconds that pages may be due before that is a fault


class Lateness:
    """Of one repository."""

    def __init__(self) -> None:
        self.was_listed = False
        self._since: float | None = None
        self._say_due = 0.0

    def note(self, now: float, *, is_late: bool) -> None:
        """Take in whether pages are due at this moment."""
        self._since = (self._since or now) if is_late else None

    def say(self, progress: str, now: float) -> None:
        """Have it in the log now and then how far it is."""
        if now >= self._say_due:
            self._say_due = now + PROGRESS
            log.info(progress)

    def explain(self, progress: str, now: float) -> list[str]:
        """What is wrong, if anything is; `progress` says how far it is."""
        if not self.was_listed:
            return [f"looking at what there is: {progress}"]
        if self._since is not None and now - self._since > BEHIND:
            return [f"behind for {now - self._since:.0f} s: {progress}"]
        return []
