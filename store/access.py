"""Who may do what in a repository: the one rule, and pure."""

from collections.abc import Collection
from typing import Literal

from store.policy import ANONYMOUS, AUTHENTICATED, GROUP, Policy

Action = Literal["download", "upload", "delete"]


def may(user: str | None, action: Action, policy: Policy, groups: Collection[str] = ()) -> bool:
    """Whether a known user, or None for nobody in particular, has the right; `groups` are those not in the policy."""
    who = _list_who(action, policy)
    if user is None or ANONYMOUS in who:
        return ANONYMOUS in who
    is_named = user in who and not user.startswith(GROUP)
    return is_named or AUTHENTICATED in who or any(f"{GROUP}{group}" in who for group in groups)


def may_anybody(action: Action, policy: Policy) -> bool:
    """Whether there can be anyone at all who has it."""
    return bool(_list_who(action, policy))


def _list_who(action: Action, policy: Policy) -> tuple[str, ...]:
    match action:
        case "download":
            return policy.download
        case "upload":
            return policy.upload
        case "delete":
            return policy.delete
