"""Who may do what."""

import pytest

from store.access import may
from store.policy import Policy


@pytest.mark.parametrize(
    ("who", "nobody", "ann"),
    [
        ((), False, False),
        (("anonymous",), True, True),
        (("authenticated",), False, True),
        (("anonymous", "authenticated"), True, True),
        (("ann",), False, True),
        (("bob", "ann"), False, True),
        (("bob",), False, False),
        (("ANN", "an", "annn"), False, False),
    ],
)
def test_a_right_is_given_by_the_list_of_its_action_alone(who: tuple[str, ...], nobody: bool, ann: bool) -> None:
    for policy, action, other in (
        (Policy(download=who, upload=()), "download", "upload"),
        (Policy(download=(), upload=who), "upload", "download"),
    ):
        assert (may(None, action, policy), may("ann", action, policy)) == (nobody, ann)  # type: ignore[arg-type]
        assert not may("ann", other, policy)  # type: ignore[arg-type]


def test_a_group_that_is_not_in_the_policy_has_the_rights_of_its_name() -> None:
    policy = Policy(download=("@team", "bob"), upload=("authenticated",))
    assert may("ann", "download", policy, ["x", "team"])
    assert not may("ann", "download", policy, ["bob", "@team", "tea"])
    assert not may("@team", "download", policy)  # which is only how somebody is called
    assert not may(None, "download", policy, ["team"])
    assert may("ann", "upload", policy)
