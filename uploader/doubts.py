"""What is wrong with users, tokens and policy and yet stops nothing else: so it is said and not refused."""

import contextlib
from collections.abc import Container, Iterator

from store.data import Data
from store.policy import Doubt, Policies
from uploader.auth.htpasswd import Htpasswd
from uploader.auth.tokens import Tokens


class Unusable:
    """The lines of users and tokens that nobody can be known by."""

    def __init__(self, data: Data) -> None:
        self._files = (Htpasswd(data.htpasswd), Tokens(data.tokens))

    def list(self) -> Iterator[str]:
        """Which lines of which file, and why; nothing of a file that cannot be read."""
        for file in self._files:
            with contextlib.suppress(OSError):
                unusable = file.name_unusable()
                if unusable:
                    yield unusable


def list_doubts(policies: Policies, users: Container[str]) -> list[Doubt]:
    """Whom `larder.toml` names and there is not, meant for later or misspelt, in the order of the lines.

    `users` are those of `.htpasswd`.
    """
    unknown = [
        Doubt(line, f"there is no user {user!r}; expected one of .htpasswd (scripts/user add NAME)")
        for user, line in policies.users.items()
        if user not in users
    ]
    return sorted([*policies.doubts, *unknown])
