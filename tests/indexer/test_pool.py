"""Many files at once: in processes, and one that ends its process spoils nothing for the others."""

import os
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.inspect import Inspection
from indexer.model import Rejected, Yank
from indexer.pool import Broken, Inspected, InspectionPool
from store.archive.budget import Budget
from store.identity import Identity


def read(_: Path, paths: tuple[str, ...], __: Budget) -> tuple[Inspection, ...]:
    """Stands for the inspection of files, some of which end the process that reads them."""
    if any(path.startswith("killer") for path in paths):
        os._exit(1)
    return tuple(Inspection(path, Identity(1, 1, 1), Yank(str(os.getpid()))) for path in paths)


class Pool:
    """A pool whose reports are taken in here, in the order they come."""

    def __init__(self, packages: Path) -> None:
        self.inbox: queue.SimpleQueue[Inspected | Broken] = queue.SimpleQueue()
        self.pool = InspectionPool(packages, self.inbox.put, read)

    def collect(self, count: int) -> list[Inspection]:
        """What the next reports hold, up to so many files."""
        found: list[Inspection] = []
        while len(found) < count:
            inspected = self.pool.received(self.inbox.get(timeout=20))
            found += inspected.inspections if inspected else ()
        return found


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    found = Pool(tmp_path)
    yield found
    found.pool.stop()


def test_every_batch_is_reported_once(pool: Pool) -> None:
    batches = [tuple(f"p{number}-{each}" for each in range(20)) for number in range(10)]
    for batch in batches:
        pool.pool.run(batch)
    assert not pool.pool.has_room
    assert sorted(each.path for each in pool.collect(200)) == sorted(path for batch in batches for path in batch)
    assert pool.inbox.empty()
    assert not pool.pool.is_busy


def test_files_are_read_in_other_processes(pool: Pool) -> None:
    pool.pool.run(("a",))
    [inspection] = pool.collect(1)
    assert inspection.facts != Yank(str(os.getpid()))


def test_small_batches_are_read_by_one_process(pool: Pool) -> None:
    for number in range(6):
        pool.pool.run_small((f"p{number}",))
    assert pool.pool.is_quick
    assert len({each.facts for each in pool.collect(6)}) == 1
    pool.pool.run(("large",))
    assert not pool.pool.is_quick
    pool.collect(1)
    assert pool.pool.is_quick


def test_a_file_that_ends_its_process_is_rejected_and_all_others_are_read(pool: Pool, tmp_path: Path) -> None:
    others = [f"p{number}" for number in range(100)]
    for name in ("killer-1", "killer-2"):
        (tmp_path / name).touch()
    for batch in ([*others[:20], "killer-1", *others[20:40]], others[40:70], ["killer-2", *others[70:]]):
        pool.pool.run(tuple(batch))
    found = {each.path: each.facts for each in pool.collect(102)}
    assert {path for path, facts in found.items() if isinstance(facts, Rejected)} == {"killer-1", "killer-2"}
    assert found.keys() == {*others, "killer-1", "killer-2"}
    reason = found["killer-1"]
    assert isinstance(reason, Rejected)
    assert (reason.passing, "ended the process" in reason.reason) == (True, True)
