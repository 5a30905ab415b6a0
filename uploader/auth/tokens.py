"""Tokens: passwords of the user `__token__` that each may do one thing, until a day. Only digests are kept.

A line of `auth/.tokens` is `NAME:SHA256:REPOSITORY:RIGHTS:LAST-DAY`: the repository `*` is every one, and every file
store, of which one is `files+NAME`; the rights have
commas between them, and without a last day it never ends. A token is 256 random bits, so that its digest tells nothing
and nobody can guess it: to check it costs one SHA-256.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from store.access import Action
from store.file_store import is_store_name
from store.policy import RIGHTS
from store.repository import DEFAULT, is_repository_name
from uploader.auth.lines_file import LinesFile

USER = b"__token__"  # as the public index has it
PREFIX = "larder-"  # by which scanners for secrets can find one
ANY = "*"
UNUSABLE = "no token as `larder token add` writes it; it is disabled"
_LINE = re.compile(
    r"(?P<name>[^:\s#][^:\x00-\x1f]*):(?P<digest>[0-9a-f]{64}):(?P<where>[^:]+):(?P<rights>[a-z,]+):(?P<last>[0-9-]*)"
)


@dataclass(frozen=True)
class Token:
    """`last` is the last day on which it counts, in UTC."""

    name: str
    digest: str
    repository: str
    rights: frozenset[str]
    last: date | None

    @property
    def user(self) -> str:
        """Whom the log names; no user of `.htpasswd` has a colon."""
        return f"{USER.decode()}:{self.name}"

    @property
    def has_ended(self) -> bool:
        return self.last is not None and datetime.now(UTC).date() > self.last

    def may(self, action: Action, repository: str) -> bool:
        return not self.has_ended and action in self.rights and self.repository in (ANY, repository)


class Tokens(LinesFile[Mapping[str, Token]]):
    """Digest → token, those that have ended among them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _parse_by_digest, UNUSABLE)

    def find(self, password: bytes) -> Token | None:
        """The token that somebody sent as a password, if it is one and has not ended. OSError as `read`."""
        token = self.read().get(sha256(password).hexdigest())
        return None if token is None or token.has_ended else token


def _parse_by_digest(content: bytes) -> tuple[Mapping[str, Token], list[int]]:
    tokens, unusable = parse_tokens(content)
    return {token.digest: token for token in tokens}, unusable


def parse_tokens(content: bytes) -> tuple[list[Token], list[int]]:
    """The tokens, and the numbers of the lines that are none. Of two with one name the first counts."""
    tokens: dict[str, Token] = {}
    unusable = []
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        token = _parse(line)
        if token is not None:
            tokens.setdefault(token.name, token)
        elif line.strip() and not line.startswith("#"):
            unusable.append(number)
    return list(tokens.values()), unusable


def _parse(line: str) -> Token | None:
    found = _LINE.fullmatch(line)
    if found is None or not is_place(found["where"]) or not set(found["rights"].split(",")) <= set(RIGHTS):
        return None
    try:
        last = date.fromisoformat(found["last"]) if found["last"] else None
    except ValueError:
        return None
    return Token(found["name"], found["digest"], found["where"], frozenset(found["rights"].split(",")), last)


def is_place(repository: str) -> bool:
    """Whether a token can be for it, which need not be there."""
    return repository in (ANY, DEFAULT) or is_repository_name(repository) or is_store_name(repository)


def make_token(name: str, repository: str, rights: frozenset[str], last: date | None) -> tuple[str, Token]:
    """A new one: what is to be sent, and what is kept."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return secret, Token(name, sha256(secret.encode()).hexdigest(), repository, rights, last)


def render_token(token: Token) -> str:
    """Its line."""
    last = token.last.isoformat() if token.last else ""
    return f"{token.name}:{token.digest}:{token.repository}:{','.join(sorted(token.rights))}:{last}"
