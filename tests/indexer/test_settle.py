"""Which hinted paths are ready: the clock is the test's."""

import pytest

from indexer.settle import QUIET, Hint, Settling


def test_what_is_closed_is_ready_at_once() -> None:
    assert Settling().settle([Hint("a"), Hint("b")], 0.0) == {"a", "b"}


def test_what_is_being_written_waits_until_it_is_quiet() -> None:
    settling = Settling()
    assert settling.settle([Hint("a", writing=True)], 0.0) == set()
    assert settling.settle([Hint("a", writing=True)], QUIET / 2) == set()
    assert settling.settle([], QUIET) == set()
    assert settling.settle([], 1.5 * QUIET) == {"a"}
    assert settling.settle([], 10.0) == set()


def test_a_close_ends_the_waiting() -> None:
    settling = Settling()
    settling.settle([Hint("a", writing=True), Hint("b", writing=True)], 0.0)
    assert settling.settle([Hint("a")], 0.01) == {"a"}
    assert settling.settle([], QUIET) == {"b"}


def test_of_two_hints_at_once_the_later_counts() -> None:
    assert Settling().settle([Hint("a"), Hint("a", writing=True)], 0.0) == set()
    assert Settling().settle([Hint("a", writing=True), Hint("a")], 0.0) == {"a"}


def test_its_patience_lasts_until_something_is_due() -> None:
    settling = Settling()
    assert settling.patience(0.0) == float("inf")
    settling.again("a", 1.0)
    settling.again("b", 1.0 + QUIET / 2)
    assert settling.patience(1.0) == pytest.approx(QUIET)
    assert settling.patience(9.0) == 0.0
