"""The directories that page sets are switched between: their names say of which set they are, and of which slot."""

import contextlib
from pathlib import Path

from store import files


def name_version(name: str, slot: int) -> str:
    return f"{name.replace('/', '@')}@{slot}"


def find_slots(versions: Path) -> dict[str, int]:
    """By page set, the last slot that a directory bears: no validator may be used twice, whatever was forgotten."""
    slots: dict[str, int] = {}
    with contextlib.suppress(OSError):
        for path in versions.iterdir():
            name, _, slot = path.name.replace("@", "/", path.name.count("@") - 1).rpartition("@")
            if slot.isdecimal() and len(slot) < 16:
                slots[name] = max(int(slot), slots.get(name, 0))
    return slots


def make_versions(versions: Path) -> None:
    """Have a directory for them, and the site around it: what is made in these has nothing to do with each other."""
    versions.parent.mkdir(parents=True, exist_ok=True)
    for directory in (versions.parent, versions):
        directory.mkdir(exist_ok=True)
        files.spread(directory)
