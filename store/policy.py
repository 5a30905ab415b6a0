"""`larder.toml` as a value: who may read and upload, and what. What is in force is for `store.current` to say."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from store.errors import BadPolicy
from store.repository import DEFAULT, NAME_EXPECTED, NAMED, is_repository_name

ANONYMOUS = "anonymous"
AUTHENTICATED = "authenticated"
RIGHTS = ("download", "upload", "delete")
GROUP = "@"  # before the name of one
_NAME = re.compile(r"[^:@\x00-\x1f\x7f][^:\x00-\x1f\x7f]{0,199}")  # of a user

_STRING_OR_COMMENT = re.compile(r"\"[^\"\\]*\"|'[^']*'|#")

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
LARGEST = 1 << 50  # bytes
_UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


@dataclass(frozen=True)
class Policy:
    """The rules of one repository; `max_upload` is in bytes, `max_upload_text` as it was written.

    Who may do something is told by user names, and by `ANONYMOUS` and `AUTHENTICATED`; groups are their members.
    """

    download: tuple[str, ...] = (ANONYMOUS,)
    upload: tuple[str, ...] = (AUTHENTICATED,)
    delete: tuple[str, ...] = ()
    overwrite: bool = False
    max_upload: int = 2 << 30
    max_upload_text: str = "2 GiB"


CLOSED = b"""# Nothing is given away: no larder.toml could ever be used.
[repositories.default]
download = ["authenticated"]
upload = []
"""
"""What is in force where no policy could ever be read."""


class Doubt(NamedTuple):
    """Something in a line of `larder.toml` that is in force, and may yet be a mistake."""

    line: int
    reason: str


@dataclass(frozen=True)
class Policies:
    """What one `larder.toml` says, by repository. Those it does not name have the policy of the default one.

    `users` are all that it names, each with the line.
    """

    by_repository: Mapping[str, Policy]
    users: Mapping[str, int] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()

    def of(self, repository: str) -> Policy:
        return self.by_repository.get(repository) or self.by_repository.get(DEFAULT, Policy())


def parse_policies(content: bytes) -> Policies:
    """Read the bytes of a `larder.toml`; BadPolicy names the line, the value and what was expected."""
    try:
        text = content.decode("utf-8-sig")
        return _read_policies(text, tomllib.loads(text))
    except BadPolicy:
        raise
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadPolicy(
            f"line {line}: byte 0x{content[error.start]:02x} is not UTF-8; expected TOML in UTF-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(_explain_syntax(text, error)) from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, or tables in each other, read or shown
        raise BadPolicy(f"line 1: {str(error)[:200]}; expected TOML") from error


def _read_policies(text: str, document: dict[str, Any]) -> Policies:
    groups = _read_groups(text, document.pop("groups", {}))
    tables = _read_tables(text, document)
    default = _read_policy(text, DEFAULT, tables.pop(DEFAULT, {}), Policy())
    written = {name: _read_policy(text, name, table, default) for name, table in tables.items()} | {DEFAULT: default}
    named = {who for policy in written.values() for name in RIGHTS for who in getattr(policy, name)}
    lines = _find_strings(text)
    return Policies(
        {name: _expand_groups(policy, groups) for name, policy in written.items()},
        {user: lines.get(user, 1) for user in sorted({*_expand(named, groups)} - {ANONYMOUS, AUTHENTICATED})},
        tuple(_doubt_groups(named, groups, lines)),
    )


def _read_tables(text: str, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Repository → its table."""
    for key in document:
        if key != NAMED:
            raise BadPolicy(f"line {_line_of(text, key)}: {key[:80]!r} is no key; expected [{NAMED}.{DEFAULT}]")
    tables = document.get(NAMED, {})
    if not isinstance(tables, dict):
        raise BadPolicy(f"line {_line_of(text, NAMED)}: {NAMED!r} is no table; expected [{NAMED}.{DEFAULT}]")
    for name, table in tables.items():
        line = _line_of(text, NAMED, name)
        if name != DEFAULT and not is_repository_name(name):
            raise BadPolicy(f"line {line}: {name[:80]!r} is no name of a repository; expected {NAME_EXPECTED}")
        if not isinstance(table, dict):
            raise BadPolicy(f"line {line}: {name!r} is no table; expected [{NAMED}.{name}]")
    return dict(tables)


def _read_groups(text: str, groups: object) -> dict[str, tuple[str, ...]]:
    """Group → its members."""
    if not isinstance(groups, dict):
        raise BadPolicy(f"line {_line_of(text, 'groups')}: 'groups' is no table; expected [groups]")
    for name, members in groups.items():
        if not isinstance(members, list) or not all(map(is_user_name, members)):
            shown = repr(members)[:80]
            raise BadPolicy(f"line {_line_of(text, name)}: {name[:80]!r} = {shown}; expected a list of user names")
    return {name: tuple(members) for name, members in groups.items()}


def is_user_name(name: object) -> bool:
    """Whether a user of that name can be named in `larder.toml`."""
    return isinstance(name, str) and name not in (ANONYMOUS, AUTHENTICATED) and bool(_NAME.fullmatch(name))


def _expand_groups(policy: Policy, groups: Mapping[str, tuple[str, ...]]) -> Policy:
    rights: dict[str, Any] = {name: _expand(getattr(policy, name), groups) for name in RIGHTS}
    return replace(policy, **rights)


def _expand(who: Iterable[str], groups: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """With the members of groups in their place; each once."""
    members = (groups.get(one.removeprefix(GROUP), ()) if one.startswith(GROUP) else (one,) for one in who)
    return tuple(dict.fromkeys(name for names in members for name in names))


def _doubt_groups(
    named: Iterable[str], groups: Mapping[str, tuple[str, ...]], lines: Mapping[str, int]
) -> Iterator[Doubt]:
    """Groups that there are none of: they may be meant for later."""
    for one in sorted(named):
        if one.startswith(GROUP) and one.removeprefix(GROUP) not in groups:
            expected = ", ".join(f"{GROUP}{name}" for name in sorted(groups))[:200] or "one below [groups]"
            yield Doubt(lines.get(one, 1), f"there is no group {one[:80]!r}; expected {expected}")


def _read_policy(text: str, name: str, table: dict[str, Any], policy: Policy) -> Policy:
    """As the table has it; what it leaves out is as in `policy`."""
    for key, value in table.items():
        line = _line_of(text, NAMED, name, key)
        if key not in _READERS:
            raise BadPolicy(f"line {line}: {key[:80]!r} is no key; expected {', '.join(_READERS)}")
        try:
            policy = replace(policy, **_READERS[key](value))
        except ValueError as error:
            shown = repr(value)[:80]
            raise BadPolicy(f"line {line}: {key} = {shown}; expected {error}") from error
    return policy


def _explain_syntax(text: str, error: tomllib.TOMLDecodeError) -> str:
    found = re.search(r"^(.*) \(at (?:line (\d+).*|end of document)\)$", str(error))
    reason, line = (found[1], found[2]) if found else (str(error), None)
    return f"line {line or len(text.rstrip().splitlines()) or 1}: {reason[:200]}; expected TOML"


def _line_of(text: str, *keys: str) -> int:
    """The line that assigns the last of the keys, or names it in a table's head, below that of the key before it.

    That of the key before it where none is found, and 1 where there is none at all.
    """
    lines, at = text.splitlines(), 0
    for key in keys:
        word = rf"(?:\"{re.escape(key)}\"|'{re.escape(key)}'|{re.escape(key)})"
        pattern = re.compile(rf"\s*(?:{word}\s*[=.]|\[+[^\]#]*{word}\s*[\].]|[^=#]*\.\s*{word}\s*[=.])")
        at = next((number for number in range(at, len(lines)) if pattern.match(lines[number])), at)
    return at + 1


def _find_strings(text: str) -> dict[str, int]:
    """String → the first line that has it; none that is written with escapes."""
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for found in _STRING_OR_COMMENT.finditer(line):
            if found[0] == "#":
                break
            lines.setdefault(found[0][1:-1], number)
    return lines


def _read_who(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(map(_is_who, value)):
        raise ValueError(f'a list of user names, "{GROUP}group", "{AUTHENTICATED}" or "{ANONYMOUS}"')
    return tuple(value)


def _is_who(one: object) -> bool:
    return one in (ANONYMOUS, AUTHENTICATED) or (isinstance(one, str) and is_user_name(one.removeprefix(GROUP)))


def _read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _read_size(value: object) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", value) if isinstance(value, str) else None
    if found is None or found[2].upper() not in _UNITS:
        raise ValueError('a size such as "500 MB" or "2 GiB"')
    size = float(found[1]) * _UNITS[found[2].upper()]
    if size > LARGEST:
        raise ValueError(f"at most {LARGEST >> 40} TiB")
    return int(size)


_READERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "download": lambda value: {"download": _read_who(value)},
    "upload": lambda value: {"upload": _read_who(value)},
    "delete": lambda value: {"delete": _read_who(value)},
    "overwrite": lambda value: {"overwrite": _read_flag(value)},
    "max_upload": lambda value: {"max_upload": _read_size(value), "max_upload_text": value},
}
