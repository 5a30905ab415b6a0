"""What was uploaded since the start, counted for `uploader.metrics`."""

from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


@dataclass
class Tally:
    """What was uploaded since the start, by repository."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)  # and what came of it: a word, or a status
    sizes: Counter[str] = field(default_factory=Counter)  # bytes
    seconds: dict[str, list[float]] = field(default_factory=dict)  # until it was listed: a sum, and a count by bucket

    def accept(self, repository: str, outcome: str, size: int, seconds: float) -> None:
        """`seconds` are from its last byte until it was listed, or not waited for any longer."""
        self.outcomes[repository, outcome] += 1
        self.sizes[repository] += size
        kept = self.seconds.setdefault(repository, [0.0] * (len(BUCKETS) + 2))
        kept[0] += seconds
        kept[1 + next((at for at, limit in enumerate(BUCKETS) if seconds <= limit), len(BUCKETS))] += 1

    def refuse(self, repository: str, status: int) -> None:
        self.outcomes[repository, str(status)] += 1


TALLY = web.AppKey("tally", Tally)
_REPOSITORY = web.RequestKey("repository", str)


def note_upload(request: web.Request, repository: str) -> None:
    """Say that the request is an upload, and where to."""
    request[_REPOSITORY] = repository


def count_refused(request: web.Request, status: int) -> None:
    """Count it, if it is an upload."""
    if _REPOSITORY in request:
        request.app[TALLY].refuse(request[_REPOSITORY], status)
