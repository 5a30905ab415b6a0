"""What failed is tried again, less and less often."""

from indexer.backoff import FIRST, LONGEST, Backoff


def test_the_pauses_grow_up_to_the_longest() -> None:
    backoff, now, pauses = Backoff(), 0.0, []
    for _ in range(10):
        backoff.fail("a", now)
        pause = next(step for step in range(1, 200) if backoff.due(now + step))
        pauses.append(pause)
        now += pause
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == LONGEST


def test_what_is_due_is_due_once_in_each_pause() -> None:
    backoff = Backoff()
    backoff.fail("a", 0.0)
    assert backoff.due(FIRST) == ["a"]
    assert backoff.due(FIRST) == []
    assert backoff.due(2 * FIRST) == ["a"]


def test_success_forgets() -> None:
    backoff = Backoff()
    backoff.fail("a", 0.0)
    backoff.succeed("a")
    assert (len(backoff), backoff.due(100.0)) == (0, [])
    backoff.fail("a", 100.0)
    assert backoff.due(100.0 + FIRST) == ["a"]
