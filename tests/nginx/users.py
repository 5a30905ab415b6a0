"""Users of every kind of hash, as people make them."""

import subprocess
from pathlib import Path

from store.data import Data
from tests.running import PASSWORD, Larder

OPTIONS = {"SHA": "-s", "PLAIN": "-p", "apr1": "-m", "bcrypt": "-B", "SHA-256": "-2", "SHA-512": "-5", "DES": "-d"}
CHEAP = ("SHA", "PLAIN", "SSHA")
KINDS = ("SSHA", *OPTIONS)


def add_user(larder: Larder, kind: str, user: str) -> None:
    """With a hash of that kind, and PASSWORD."""
    if kind == "SSHA":
        larder.add_user(user, PASSWORD)
        return
    with (larder.data / "auth/.htpasswd").open("a") as file:
        if kind == "PLAIN":  # htpasswd -p writes no scheme, and nobody here takes that
            file.write(f"{user}:{{PLAIN}}{PASSWORD}\n")
        else:
            command = ["htpasswd", "-nb", OPTIONS[kind], user, PASSWORD]
            file.write(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() + "\n")


def readers_in(data: Data) -> Path:
    """Where the files lie of those who may read and whose password nginx can check; a path to nothing without any."""
    base = data.readers_of("default")
    return next(iter(base.glob("*")), base / "none")
