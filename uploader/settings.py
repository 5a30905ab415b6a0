"""Where the uploader runs: environment variables, read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from store.errors import Refused
from store.layout import Layout

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True)
class Settings:
    """`listing_wait` is in seconds: how long an answer waits for the page to list the file."""

    layout: Layout
    socket: Path
    listing_wait: float
    log_level: str


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings, or Refused with everything that is wrong in one message."""
    wait, level = environment.get("LARDER_LISTING_WAIT", "10"), environment.get("LARDER_LOG_LEVEL", "INFO")
    wrong = []
    if not wait.replace(".", "", 1).isdecimal():
        wrong.append(f"LARDER_LISTING_WAIT={wait!r}; expected seconds")
    if level not in LEVELS:
        wrong.append(f"LARDER_LOG_LEVEL={level!r}; expected one of {', '.join(LEVELS)}")
    if wrong:
        raise Refused("; ".join(wrong))
    return Settings(
        layout=Layout(Path(environment.get("LARDER_DATA", "data")).absolute()),
        socket=Path(environment.get("LARDER_SOCKET", "run/uploader.sock")),
        listing_wait=float(wait),
        log_level=level,
    )
