"""Who asks: names and passwords against `.htpasswd`, in the formats nginx checks too. All of passlib is here."""

import logging
from pathlib import Path

from aiohttp import BasicAuth
from passlib.context import CryptContext

log = logging.getLogger(__name__)

FORMATS = CryptContext(
    ["ldap_salted_sha1", "ldap_sha1", "apr_md5_crypt", "sha256_crypt", "sha512_crypt", "bcrypt"],
    ldap_salted_sha1__salt_size=8,
)
"""The first is what `scripts/user` writes: salted, checked by nginx at nearly the speed of no check."""


def read_users(htpasswd: Path) -> dict[str, str]:
    """User → hash, read anew each time; a line that cannot be used disables that user only."""
    users: dict[str, str] = {}
    try:
        lines = htpasswd.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return {}
    for number, line in enumerate(lines, 1):
        name, _, hashed = line.partition(":")
        hashed = hashed.partition(":")[0].strip()
        if not line.strip() or line.startswith("#"):
            continue
        if not name or FORMATS.identify(hashed) is None:
            log.warning(
                "%s, line %d: no user and hash as htpasswd writes them; this user is disabled", htpasswd, number
            )
            continue
        users.setdefault(name, hashed)
    return users


def verify(users: dict[str, str], header: str) -> str | None:
    """The user an Authorization header proves to be; None where it proves nothing. Slow for strong hashes.

    pip and twine send a password that is not ASCII in latin-1, uv in UTF-8.
    """
    for encoding in ("utf-8", "latin-1"):
        try:
            claimed = BasicAuth.decode(header, encoding=encoding)
        except (ValueError, UnicodeDecodeError):
            continue
        if claimed.login in users and _matches(claimed.password, users[claimed.login]):
            return str(claimed.login)
    return None


def _matches(password: str, hashed: str) -> bool:
    try:
        return bool(FORMATS.verify(password, hashed))
    except ValueError:
        return False
