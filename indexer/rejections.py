"""What is said of files that cannot be listed: once, and not while they may only be half written. Pure."""

from collections.abc import Mapping

Rejection = tuple[str, object]
"""A reason, and the identity of the content that it is said of."""

PATIENCE = 1.0  # seconds a file has to be as it is before anything is said against it


class Rejections:
    """Reasons by path, as they are reported. Times are in seconds."""

    def __init__(self) -> None:
        self._deferred: dict[str, tuple[Rejection, float]] = {}
        self._reported: dict[str, str] = {}

    @property
    def reported(self) -> dict[str, str]:
        """What has been said and still holds, sorted by path."""
        return dict(sorted(self._reported.items()))

    def update(self, rejected: Mapping[str, Rejection], now: float) -> dict[str, str]:
        """Take in everything that is rejected at this moment; what is to be said now, for the first time."""
        self._reported = {path: reason for path, reason in self._reported.items() if path in rejected}
        self._deferred = {
            path: self._deferral(path, rejection, now)
            for path, rejection in rejected.items()
            if self._reported.get(path) != rejection[0]
        }
        return self.due(now)

    def _deferral(self, path: str, rejection: Rejection, now: float) -> tuple[Rejection, float]:
        known = self._deferred.get(path)
        return known if known and known[0] == rejection else (rejection, now + PATIENCE)

    def due(self, now: float) -> dict[str, str]:
        """What has waited long enough to be said; from now on it is reported."""
        ripe = {path: reason for path, ((reason, _), due) in self._deferred.items() if due <= now}
        for path in ripe:
            del self._deferred[path]
        self._reported |= ripe
        return ripe

    def patience(self, now: float) -> float:
        """Seconds until something has to be said; endless where nothing has."""
        return max(0.0, min((due for _, due in self._deferred.values()), default=float("inf")) - now)
