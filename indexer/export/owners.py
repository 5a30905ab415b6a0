"""Which path in a copy is of which page set, and which of them are of none any longer. No disk."""

from collections.abc import Iterable

GRACE = 30.0  # seconds that what is of nothing stays at most, where others may still lead to it


class Owners:
    """Of one copy. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._paths: dict[str, set[str]] = {}
        self._owners: dict[str, str] = {}
        self._gone: dict[str, float] = {}  # and since when

    def __contains__(self, path: object) -> bool:
        """Whether the path is of any set, or is yet to be removed."""
        return path in self._owners or path in self._gone

    def sets(self) -> set[str]:
        """Those that have paths, or had some."""
        return set(self._paths)

    def own(self, name: str, wanted: set[str], now: float) -> None:
        """Note what the page set has now; what it had before, and no other has, is gone."""
        before, self._paths[name] = self._paths.get(name, set()), wanted
        self._owners |= dict.fromkeys(wanted, name)
        for path in before - wanted:
            if self._owners.get(path) == name:
                del self._owners[path]
                self._gone[path] = now

    def drop(self, name: str, now: float) -> None:
        """The page set has nothing any longer, for there is none."""
        self.own(name, set(), now)
        del self._paths[name]

    def take_gone(self, now: float, *, is_calm: bool) -> list[str]:
        """What is to be removed, pages before what they lead to; while it is not calm only what has waited long."""
        gone = [path for path, since in self._gone.items() if is_calm or now - since >= GRACE]
        for path in gone:
            del self._gone[path]
        return sorted((path for path in gone if path not in self._owners), reverse=True)

    def give_back(self, paths: Iterable[str], now: float) -> None:
        """These could not be removed: they are to be tried again."""
        self._gone |= dict.fromkeys(paths, now)
