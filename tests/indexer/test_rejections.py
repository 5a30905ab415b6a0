"""What is rejected is said once, and never while it may only be half written."""

from indexer.rejections import PATIENCE, Rejections


def test_a_reason_is_said_once_and_only_when_it_has_lasted() -> None:
    rejections = Rejections()
    assert rejections.update({"a": ("bad", 1)}, 0.0) == {}
    assert rejections.reported == {}
    assert rejections.update({"a": ("bad", 1)}, PATIENCE) == {"a": "bad"}
    assert rejections.update({"a": ("bad", 1)}, 9.0) == {}
    assert rejections.reported == {"a": "bad"}


def test_nothing_is_said_against_what_was_only_half_written() -> None:
    rejections = Rejections()
    rejections.update({"a": ("cut off", 1)}, 0.0)
    assert rejections.update({}, PATIENCE / 2) == {}
    assert rejections.due(9.0) == {}


def test_another_reason_is_said_anew() -> None:
    rejections = Rejections()
    rejections.update({"a": ("bad", 1)}, 0.0)
    rejections.update({"a": ("bad", 1)}, PATIENCE)
    assert rejections.update({"a": ("worse", 1)}, 5.0) == {}
    assert rejections.reported == {"a": "bad"}
    assert rejections.due(5.0 + PATIENCE) == {"a": "worse"}


def test_what_comes_while_another_waits_is_said_as_well() -> None:
    rejections = Rejections()
    rejections.update({"a": ("bad", 1)}, 0.0)
    rejections.update({"a": ("bad", 1), "b": ("bad too", 1)}, 0.5)
    assert rejections.due(PATIENCE) == {"a": "bad"}
    assert rejections.due(PATIENCE + 0.5) == {"b": "bad too"}


def test_what_is_mended_is_no_longer_reported_and_can_be_said_again() -> None:
    rejections = Rejections()
    rejections.update({"a": ("bad", 1)}, 0.0)
    rejections.update({"a": ("bad", 1)}, PATIENCE)
    rejections.update({}, 2.0)
    assert rejections.reported == {}
    rejections.update({"a": ("bad", 1)}, 3.0)
    assert rejections.due(3.0 + PATIENCE) == {"a": "bad"}


def test_its_patience_lasts_until_something_has_to_be_said() -> None:
    rejections = Rejections()
    assert rejections.patience(0.0) == float("inf")
    rejections.update({"a": ("bad", 1)}, 0.0)
    assert rejections.patience(0.25) == PATIENCE - 0.25


def test_every_change_of_what_is_being_written_is_waited_for_anew() -> None:
    rejections = Rejections()
    for step in range(5):
        assert rejections.update({"a": ("cut off", step)}, 0.8 * step) == {}
    assert rejections.due(0.8 * 4 + PATIENCE) == {"a": "cut off"}
    assert rejections.update({"a": ("cut off", 5)}, 9.0) == {}
