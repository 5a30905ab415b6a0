"""The table in `larder.toml` about who is asked about names that `.htpasswd` does not have."""

import re

from store.errors import BadPolicy
from store.policy import Authority, Doubt
from store.policy_values import show
from store.toml_lines import line_of

AUTHENTICATION = "authentication"
_URL = re.compile(r"https?://[^\s/?#@]+(?:[/?][^\s#]*)?")


def read_authority(text: str, table: object, mistakes: list[Doubt]) -> Authority | None:
    """Nobody is asked where it cannot be told who."""
    if not isinstance(table, dict):
        raise BadPolicy(
            f"line {line_of(text, AUTHENTICATION)}: {AUTHENTICATION!r} is no table; expected [{AUTHENTICATION}]"
        )
    found = None
    for key, value in table.items():
        line = line_of(text, AUTHENTICATION, key)
        if key not in _AUTHORITIES:
            mistakes.append(Doubt(line, f"{key[:80]!r} is no key; expected {' or '.join(_AUTHORITIES)}"))
            continue
        found, expected = _AUTHORITIES[key](value)
        if found is None or len(table) > 1:
            mistakes.append(Doubt(line, f"{key} = {show(value)}; expected {expected}, and no other key beside it"))
    return found if len(table) == 1 else None


def _read_command(value: object) -> tuple[Authority | None, str]:
    parts = [part for part in value if isinstance(part, str) and "\0" not in part] if isinstance(value, list) else []
    is_right = bool(parts) and parts == value and parts[0].startswith("/")
    expected = "a list of strings: the whole path of a program, and its arguments"
    return Authority(command=tuple(parts)) if is_right else None, expected


def _read_url(value: object) -> tuple[Authority | None, str]:
    is_right = isinstance(value, str) and _URL.fullmatch(value)
    return Authority(url=str(value)) if is_right else None, 'an address such as "https://users.example/check"'


_AUTHORITIES = {"command": _read_command, "url": _read_url}
