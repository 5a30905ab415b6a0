"""The policy as a value: who may do what, and what may be uploaded. `store.policy_file` reads it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from store.repository import DEFAULT
from store.upstream import REDIRECT

ANONYMOUS = "anonymous"
AUTHENTICATED = "authenticated"
RIGHTS = ("download", "upload", "delete")
GROUP = "@"  # before the name of one
LOOPBACK = ("127.0.0.0/8", "::1/128")
_NAME = re.compile(r"[^:@\x00-\x1f\x7f][^:\x00-\x1f\x7f]{0,199}")  # of a user


@dataclass(frozen=True)
class Authority:
    """Who is asked about a name that `.htpasswd` does not have: a command with its arguments, or a URL."""

    command: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True)
class Policy:
    """The rules of one repository or file store; `max_upload` is in bytes, `max_upload_text` as it was written.

    Who may do something is told by user names, and by `ANONYMOUS` and `AUTHENTICATED`; groups are their members, and
    with an authority, which may know of more, also themselves.
    """

    download: tuple[str, ...] = (ANONYMOUS,)
    upload: tuple[str, ...] = (AUTHENTICATED,)
    delete: tuple[str, ...] = ()
    overwrite: bool = False
    max_upload: int = 2 << 30
    max_upload_text: str = "2 GiB"
    boards_open: bool = False  # whether anybody may read what boards do, who cannot say who they are
    upstream: str = ""  # the address of the index where names are looked for that are unknown here
    fallback: str = REDIRECT  # how; empty where it cannot be told
    private: tuple[str, ...] = ()  # patterns of normalized names that never are
    upstream_hosts: tuple[str, ...] = ()  # other origins that files of that index may be fetched from
    upstream_cache: int = 10 << 30  # bytes that are kept of it
    authority: Authority | None = None


class Doubt(NamedTuple):
    """Something in a line of a `larder.toml` that is in force."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass(frozen=True)
class Policies:
    """What one `larder.toml` says, by repository and, by what stands for it there, by file store.

    Those it does not name have the policy of the default repository.
    `users` are all that it names, each with the line. `mistakes` are values that cannot be: each gives nothing.
    `doubts` may be mistakes, or meant for later. With `audit` there is a file about changes and refusals.
    `metrics` are the networks from which these are seen.
    """

    by_name: Mapping[str, Policy]
    users: Mapping[str, int] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()
    mistakes: tuple[Doubt, ...] = ()
    audit: bool = False
    metrics: tuple[str, ...] = LOOPBACK

    def of(self, name: str) -> Policy:
        found = self.by_name.get(name)
        return found or alike(self.by_name.get(DEFAULT, Policy()))


def alike(policy: Policy) -> Policy:
    """What another repository has of the default one's policy, where nothing is said: but that it is open to boards."""
    return replace(policy, boards_open=False) if policy.boards_open else policy


def is_user_name(name: object) -> bool:
    """Whether a user of that name can be named in `larder.toml`."""
    return isinstance(name, str) and name not in (ANONYMOUS, AUTHENTICATED) and bool(_NAME.fullmatch(name))
