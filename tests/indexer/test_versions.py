"""Where page sets are made: many beside each other, and whatever becomes of that place is no matter."""

from pathlib import Path

import pytest

from indexer.versions import SOME, Batches, find_slots, list_versions, name_version
from store import files


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    return tmp_path / "site" / ".versions"


def make(batches: Batches, name: str) -> Path:
    path = Path(batches.begin(name))
    path.mkdir()
    return path


def test_many_are_made_beside_each_other_and_then_elsewhere(versions: Path) -> None:
    batches = Batches(versions)
    made = [make(batches, name_version(f"projects/p{number}", 7)) for number in range(SOME + 1)]
    assert len({path.parent for path in made[:SOME]}) == 1
    assert made[SOME].parent != made[0].parent
    assert [batches.is_open(path.parent) for path in (made[0], made[SOME])] == [False, True]
    assert set(list_versions(versions)) == set(made)
    assert find_slots(versions) == {f"projects/p{number}": 7 for number in range(SOME + 1)}


def test_another_start_begins_another_batch(versions: Path) -> None:
    before, after = make(Batches(versions), "a@1"), make(Batches(versions), "a@2")
    assert before.parent != after.parent
    assert find_slots(versions) == {"a": 2}


def test_what_lies_there_from_before_there_were_batches_is_found(versions: Path) -> None:
    (versions / "projects@old@3").mkdir(parents=True)
    new = make(Batches(versions), "projects@new@4")
    assert find_slots(versions) == {"projects/old": 3, "projects/new": 4}
    assert set(list_versions(versions)) == {versions / "projects@old@3", new}


def test_a_place_that_is_gone_or_taken_is_not_used(versions: Path) -> None:
    batches = Batches(versions)
    make(batches, "a@1")
    files.remove(versions)
    batch = make(batches, "b@1").parent
    files.remove(batch)
    batch.symlink_to(versions.parent)
    other = make(batches, "c@1").parent
    assert other != batch
    files.remove(other)
    other.touch()
    assert make(batches, "d@1").parent not in (batch, other)


def test_an_empty_batch_is_nothing_to_be_kept(versions: Path) -> None:
    batches = Batches(versions)
    make(batches, "a@1").rmdir()
    [batch] = list_versions(versions)
    assert batches.is_open(batch)
    assert not Batches(versions).is_open(batch)
