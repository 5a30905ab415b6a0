"""What the indexer says of itself, for `/health`: written again and again, so that its age tells too."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from store import files
from store.data import Data

INTERVAL = 2.0  # seconds between two
ALIVE = 15.0  # seconds after which an indexer that said nothing is taken for dead
UNSTEADY = 600.0  # seconds in which so many deaths are too many:
DEATHS = 3


@dataclass(frozen=True)
class Heartbeat:
    """`faults` keep what lies on the disk from being listed; `notes` a person should know of.

    `starts` are when the indexer was started lately (seconds since 1970) without having been stopped before.
    """

    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    starts: tuple[float, ...] = ()
    stopped: bool = False
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # of each repository

    @property
    def is_unsteady(self) -> bool:
        return len(self.starts) > DEATHS


def write_heartbeat(data: Data, heartbeat: Heartbeat) -> None:
    """OSError where it cannot be written."""
    data.heartbeat.parent.mkdir(parents=True, exist_ok=True)
    files.write(data.heartbeat, json.dumps(vars(heartbeat)).encode())


def read_heartbeat(data: Data) -> tuple[Heartbeat, float]:
    """The last heartbeat, and its age in seconds; endless where there is none that can be read."""
    try:
        age = time.time() - data.heartbeat.stat().st_mtime
        fields = json.loads(data.heartbeat.read_bytes())
        lists = {name: tuple(fields[name]) for name in ("faults", "notes", "starts")}
        figures = {str(name): dict(each) for name, each in fields["figures"].items()}
        return Heartbeat(**lists, stopped=bool(fields["stopped"]), figures=figures), max(age, 0.0)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return Heartbeat(), float("inf")


def starts_after(last: Heartbeat, now: float) -> tuple[float, ...]:
    """What `starts` is after one more at `now`: a stop that was meant wipes the slate."""
    earlier = () if last.stopped else tuple(at for at in last.starts if now - UNSTEADY < at <= now)
    return (*earlier, now)[-2 * DEATHS :]
