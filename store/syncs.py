"""Making the names in a directory durable, once for all who want it at the same time."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass
class _Syncs:
    """Of one directory: how many were begun, the last that was done, and by how many threads they are awaited."""

    begun: int = 0
    done: int = 0
    awaited: int = 0
    is_running: bool = False


_syncs: dict[Path, _Syncs] = {}
_sync_ended = threading.Condition()


def sync_directory(directory: Path) -> None:
    """Make the names that are in `directory` durable. Threads that want it while it is being done share the next one.

    A sync makes durable what was there when it began: one that is running already may have begun too early.
    """
    with _sync_ended:
        syncs = _syncs.setdefault(directory, _Syncs())
        syncs.awaited += 1
        wanted = syncs.begun + 1
        _sync_ended.wait_for(lambda: syncs.done >= wanted or not syncs.is_running)
        is_mine = syncs.done < wanted
        if is_mine:
            syncs.is_running, syncs.begun = True, syncs.begun + 1
    try:
        if is_mine:
            _sync_now(directory, syncs)
    finally:
        with _sync_ended:
            syncs.awaited -= 1
            if not syncs.awaited:
                _syncs.pop(directory, None)


def _sync_now(directory: Path, syncs: _Syncs) -> None:
    """Do what others wait for; where it fails each of them tries for itself."""
    number, done = syncs.begun, syncs.done
    try:
        _sync(directory)
        done = number
    finally:
        with _sync_ended:
            syncs.is_running, syncs.done = False, done
            _sync_ended.notify_all()


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
