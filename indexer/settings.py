"""Where the indexer runs: environment variables, read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.watch import Mode
from store.errors import Refused
from store.layout import Layout


@dataclass(frozen=True)
class Settings:
    """All durations are in seconds."""

    layout: Layout
    watch: Mode
    poll_interval: float
    reconcile_interval: float
    log_level: str


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings, or Refused with everything that is wrong in one message."""
    wrong: list[str] = []

    def number(name: str, default: float) -> float:
        text = environment.get(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value < float("inf"):
            wrong.append(f"{name}={text!r}; expected seconds, more than 0")
        return value

    def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
        text = environment.get(name, default)
        if text not in allowed:
            wrong.append(f"{name}={text!r}; expected one of {', '.join(allowed)}")
        return text

    settings = Settings(
        layout=Layout(Path(environment.get("LARDER_DATA", "data")).absolute()),
        watch="poll" if choice("LARDER_WATCH", "auto", ("auto", "poll")) == "poll" else "auto",
        poll_interval=number("LARDER_POLL_INTERVAL", 0.5),
        reconcile_interval=number("LARDER_RECONCILE_INTERVAL", 600),
        log_level=choice("LARDER_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    )
    if wrong:
        raise Refused("; ".join(wrong))
    return settings
