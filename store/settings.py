"""Every `LARDER_…` variable: read once, checked all at once, whichever program needs it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast
from urllib.parse import unquote

from store.data import Data
from store.errors import Refused, shown
from store.upstream import origin_of

Watch = Literal["auto", "poll"]
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
Login = tuple[str, str]  # user and password
_LOGIN = re.compile(r"(?P<scheme>https?)://(?P<user>[^:@/\s]+):(?P<password>[^@/\s]+)@(?P<rest>[^@\s]+)")


@dataclass(frozen=True)
class Settings:
    """All durations are in seconds. `run_as` is (uid, gid) for the programs of a root's `scripts/serve`."""

    data: Data
    host: str
    port: int
    run_as: tuple[int, int] | None
    watch: Watch
    poll_interval: float
    reconcile_interval: float
    listing_wait: float
    log_level: str
    upstream_logins: Mapping[str, Login] = field(default_factory=dict, repr=False)  # by origin, see `store.upstream`


def read_settings(
    environment: Mapping[str, str] = os.environ, options: Mapping[str, tuple[str, str | None]] | None = None
) -> Settings:
    """The settings, or Refused with everything that is wrong in one line.

    `options` are of the command line, and win: variable → (the option's name, its value or None).
    """
    reader = _Reader(environment, options or {})
    usual = Data.at(reader.path("LARDER_DATA", "data"), reader.path("LARDER_RUN", "run"))
    settings = Settings(
        data=Data(
            root=usual.root,
            site=reader.path("LARDER_SITE", str(usual.site)),
            state=reader.path("LARDER_STATE", str(usual.state)),
            run=usual.run,
        ),
        host=reader.host("LARDER_HOST", "0.0.0.0"),  # noqa: S104 - the point of a server
        port=reader.whole("LARDER_PORT", 8089, 65535),
        run_as=reader.run_as(),
        watch=cast("Watch", reader.choice("LARDER_WATCH", "auto", ("auto", "poll"))),
        poll_interval=reader.seconds("LARDER_POLL_INTERVAL", 0.5),
        reconcile_interval=reader.seconds("LARDER_RECONCILE_INTERVAL", 600),
        listing_wait=reader.seconds("LARDER_LISTING_WAIT", 10),
        log_level=reader.choice("LARDER_LOG_LEVEL", "INFO", LEVELS),
        upstream_logins=reader.logins("LARDER_UPSTREAM_LOGINS"),
    )
    if reader.wrong:
        raise Refused("; ".join(reader.wrong))
    return settings


def read_outside(environment: Mapping[str, str] = os.environ) -> str | None:
    """In a container: how its host calls the data directory, for people to read; None elsewhere."""
    return environment.get("LARDER_DATA_OUTSIDE")


class _Reader:
    """Reads one value after another and gathers what is wrong with them."""

    def __init__(self, environment: Mapping[str, str], options: Mapping[str, tuple[str, str | None]]) -> None:
        given = {name: value for name, (_, value) in options.items() if value is not None}
        self._values = {**environment, **given}
        self._shown = {name: option for name, (option, value) in options.items() if value is not None}
        self.wrong: list[str] = []

    def _text(self, name: str, default: str) -> str:
        return self._values.get(name, default)

    def _refuse(self, name: str, expected: str) -> None:
        self.wrong.append(f"{self._shown.get(name, name)}={shown(self._values[name])}; expected {expected}")

    def path(self, name: str, default: str) -> Path:
        text = self._text(name, default)
        if not text or "\0" in text:
            self._refuse(name, "the path of a directory")
            return Path(default)
        return Path(text).absolute()

    def logins(self, name: str) -> dict[str, Login]:
        """Origin → the login there. What is wrong is not shown: it may be a password."""
        found = {}
        for number, text in enumerate(self._text(name, "").split(), 1):
            login = _LOGIN.fullmatch(text)
            origin = origin_of(f"{login['scheme']}://{login['rest']}") if login else ""
            if login is None or not origin:
                expected = "addresses such as https://USER:PASSWORD@index.example/"
                self.wrong.append(f"{name}, number {number}; expected {expected}")
                break
            found[origin] = unquote(login["user"]), unquote(login["password"])
        return found

    def host(self, name: str, default: str) -> str:
        text = self._text(name, default)
        if not re.fullmatch(r"[A-Za-z0-9._:-]+", text):
            self._refuse(name, "a name or an address of this machine")
            return default
        return text

    def whole(self, name: str, default: int, most: int) -> int:
        text = self._text(name, str(default))
        if not (text.isascii() and text.isdecimal() and len(text) < 12 and 0 < int(text) <= most):
            self._refuse(name, f"a whole number from 1 to {most}")
            return default
        return int(text)

    def seconds(self, name: str, default: float) -> float:
        try:
            value = float(self._text(name, str(default)))
        except ValueError:
            value = 0.0
        if not 0 < value < 1e9:
            self._refuse(name, "seconds, more than 0")
            return default
        return value

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        text = self._text(name, default)
        if text not in allowed:
            self._refuse(name, f"one of {', '.join(allowed)}")
            return default
        return text

    def run_as(self) -> tuple[int, int] | None:
        if "LARDER_UID" not in self._values and "LARDER_GID" not in self._values:
            return None
        uid = self.whole("LARDER_UID", 1000, (1 << 32) - 2)
        return uid, self.whole("LARDER_GID", uid, (1 << 32) - 2)
