"""What `larder.toml` names and there is not: meant for later, perhaps, or misspelt; so it is said and not refused."""

from collections.abc import Container

from store.policy import Doubt, Policies


def list_doubts(policies: Policies, users: Container[str]) -> list[Doubt]:
    """In the order of the lines; `users` are those of `.htpasswd`."""
    unknown = [
        Doubt(line, f"there is no user {user!r}; expected one of .htpasswd (scripts/user add NAME)")
        for user, line in policies.users.items()
        if user not in users
    ]
    return sorted([*policies.doubts, *unknown])
