"""Directories that were switched away from: gone when nobody can need them, and when there is time for it."""

from pathlib import Path

import pytest

from indexer import graves
from indexer.graves import CALM, GRACE, Graves

NOW = 1_000_000.0


@pytest.fixture
def dead(tmp_path: Path) -> list[Path]:
    """Ten directories, which lie in one."""
    made = [tmp_path / "batch" / f"projects@p{number}@1" for number in range(10)]
    for directory in made:
        directory.mkdir(parents=True)
        (directory / "simple.html").touch()
    return made


@pytest.fixture
def full(dead: list[Path]) -> Graves:
    found = Graves()
    for directory in dead:
        found.bury(str(directory), NOW)
    return found


def test_they_stay_for_those_who_may_be_on_the_way_through_them(full: Graves, dead: list[Path]) -> None:
    full.clear(NOW + GRACE - 1, 1.0, is_calm=True)
    assert all(map(Path.is_dir, dead))
    assert full.names() == {path.name for path in dead}
    full.clear(NOW + GRACE + 1, 1.0, is_calm=True)
    assert not dead[0].parent.exists()
    assert full.names() == set()


def test_while_much_goes_on_only_those_that_are_too_many_go(
    full: Graves, dead: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    full.clear(NOW + 2 * GRACE, 1.0, is_calm=False)
    assert all(map(Path.is_dir, dead))
    monkeypatch.setattr(graves, "MANY", 5)
    full.clear(NOW + 2 * GRACE, 1.0, is_calm=False)
    assert not all(map(Path.is_dir, dead))


def test_it_is_not_calm_right_after_a_switch(full: Graves, dead: list[Path]) -> None:
    full.bury(str(dead[0]), NOW + GRACE)
    full.clear(NOW + GRACE + CALM - 1, 1.0, is_calm=True)
    assert all(map(Path.is_dir, dead))


def test_one_that_is_gone_keeps_none_from_going(full: Graves, dead: list[Path]) -> None:
    for path in (dead[0] / "simple.html", dead[0]):
        path.unlink() if path.is_file() else path.rmdir()
    full.clear(NOW + 2 * GRACE, 1.0, is_calm=True)
    assert not dead[0].parent.exists()
