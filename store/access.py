"""Who may do what in a repository: the one rule, and pure."""

from typing import Literal

from store.policy import ANONYMOUS, AUTHENTICATED, Policy

Action = Literal["download", "upload", "delete"]


def may(user: str | None, action: Action, policy: Policy) -> bool:
    """Whether a known user, or None for nobody in particular, has the right."""
    who = _list_who(action, policy)
    return ANONYMOUS in who or (user is not None and (AUTHENTICATED in who or user in who))


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
