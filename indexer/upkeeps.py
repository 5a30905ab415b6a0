"""Which repositories there are: each is kept up from when its directory is seen, and given up when it is gone."""

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from indexer.upkeep import Message, Upkeep
from store import files
from store.data import Data
from store.repository import Repository
from store.settings import Settings

log = logging.getLogger(__name__)

GIVEN_UP = ".given-up-"  # how the name begins of what is being removed


class Upkeeps:
    """`tell` takes what is heard of in a repository, with its name. Times are monotonic seconds."""

    def __init__(self, settings: Settings, tell: Callable[[str, Message], None]) -> None:
        self._settings = settings
        self._data = settings.data
        self._tell = tell
        self._upkeeps: dict[str, Upkeep] = {}
        self._fault = ""
        self.repositories: tuple[Repository, ...] = (settings.data.default,)

    def __iter__(self) -> Iterator[Upkeep]:
        return iter(self._upkeeps.values())

    def look(self) -> None:
        """See which there are; where that cannot be seen, all stay."""
        fault = ""
        try:
            self.repositories = self._data.repositories()
        except OSError as error:
            fault = f"{self._data.named}: {error.strerror}; the repositories that were there stay"
        if fault and fault != self._fault:
            log.error(fault)
        self._fault = fault

    def follow(self) -> None:
        """Begin with what is new, and give up what is gone, also where it went while no indexer ran."""
        there = {repository.name: repository for repository in self.repositories}
        if there.keys() == self._upkeeps.keys():
            return
        for name in self._upkeeps.keys() - there.keys():
            self._upkeeps.pop(name).stop()
        if not self._fault:
            _give_up(self._data, [each for each in self._data.remembered() if each.name not in there])
        for name in sorted(there.keys() - self._upkeeps.keys()):
            self._upkeeps[name] = Upkeep(there[name], self._settings, partial(self._tell, name))

    def faults(self, now: float) -> list[str]:
        """What keeps files from being listed, wherever that is."""
        of_each = [_at(each.repository, fault) for each in self for fault in each.faults(now)]
        return [self._fault, *of_each] if self._fault else of_each

    def patience(self, now: float) -> float:
        """Seconds until there is something to do unless something is heard; endless where there is nothing."""
        return min(each.patience(now) for each in self)

    def stop(self) -> None:
        for upkeep in self:
            upkeep.stop()


def _at(repository: Repository, fault: str) -> str:
    return f"{repository.address}: {fault}" if repository.address else fault


def _give_up(data: Data, gone: Iterable[Repository]) -> None:
    """Take away all that is derived for these, and what a killed indexer left of others. It is removed beside."""
    for repository in gone:
        log.info("repository %s is gone, and so are its pages", repository.name)
        for derived in (repository.site, repository.state):  # in this order, for by its state it is known
            with contextlib.suppress(OSError):
                derived.rename(derived.with_name(f"{GIVEN_UP}{secrets.token_hex(8)}"))
    given_up = [path for parent in (data.site, data.state) for path in parent.glob(f"{GIVEN_UP}*")]
    if given_up:
        threading.Thread(target=_remove, args=(given_up,), name="given up", daemon=True).start()


def _remove(directories: Iterable[Path]) -> None:
    for directory in directories:
        with contextlib.suppress(OSError):  # the next start tries again
            files.remove(directory)
