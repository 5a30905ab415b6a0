"""`larder.toml` → the policies it says. What is in force is for `store.current` to say.

A value that cannot be gives nothing, and the rest counts: a right is nobody's, a group has no such member, and a table
with a key that there is not, which may have been meant to close something, gives nothing at all. A table of another
name is refused with the whole file: what it was meant to close would be open.
"""

import ipaddress
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from store.errors import BadPolicy
from store.file_store import FILES, is_called, name_of_store
from store.policy import (
    ANONYMOUS,
    AUTHENTICATED,
    GROUP,
    LOOPBACK,
    RIGHTS,
    Doubt,
    Policies,
    Policy,
    alike,
    is_user_name,
)
from store.policy_authority import AUTHENTICATION, read_authority
from store.policy_values import FILE_READERS, NOTHING, READERS, Fields, keep_right, show
from store.repository import DEFAULT, NAME_EXPECTED, NAMED, is_repository_name
from store.toml_lines import explain_syntax, find_strings, line_of

_TOP = f"audit, metrics, [groups], [{AUTHENTICATION}], [{NAMED}.{DEFAULT}], [{NAMED}.NAME] or [{FILES}.NAME]"
ANYBODY = (ANONYMOUS, AUTHENTICATED)


CLOSED = b"""# Nothing is given away: no larder.toml could ever be used.
[repositories.default]
download = ["authenticated"]
upload = []
"""
"""What is in force where no policy could ever be read."""


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
        raise BadPolicy(explain_syntax(text, error)) from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, or tables in each other, read or shown
        raise BadPolicy(f"line 1: {str(error)[:200]}; expected TOML") from error


def _read_policies(text: str, document: dict[str, Any]) -> Policies:
    mistakes: list[Doubt] = []
    audit = _read_audit(text, document.pop("audit", False), mistakes)
    metrics = _read_metrics(text, document.pop("metrics", list(LOOPBACK)), mistakes)
    groups = _read_groups(text, document.pop("groups", {}), mistakes)
    authority = read_authority(text, document.pop(AUTHENTICATION, {}), mistakes)
    tables = _read_tables(text, document)
    default = _read_policy(text, tables.pop(DEFAULT, Table(NAMED, DEFAULT, {})), Policy(authority=authority), mistakes)
    others = {name: _read_policy(text, table, alike(default), mistakes) for name, table in tables.items()}
    written = others | {DEFAULT: default}
    named = {who for policy in written.values() for name in RIGHTS for who in getattr(policy, name)}
    lines = find_strings(text)
    return Policies(
        {name: _expand_groups(policy, groups) for name, policy in written.items()},
        {} if authority else {user: lines.get(user, 1) for user in sorted({*_expand(named, groups)} - {*ANYBODY})},
        () if authority else tuple(_doubt_groups(named, groups, lines)),
        tuple(sorted(mistakes)),
        audit,
        metrics,
    )


def _read_audit(text: str, value: object, mistakes: list[Doubt]) -> bool:
    """Whatever it says but false is that it is wanted."""
    if not isinstance(value, bool):
        mistakes.append(Doubt(line_of(text, "audit"), f"audit = {show(value)}; expected true or false"))
    return value is not False


def _read_metrics(text: str, value: object, mistakes: list[Doubt]) -> tuple[str, ...]:
    found, is_right = keep_right(value, _is_network)
    if not is_right:
        expected = 'a list of addresses or networks, such as "192.0.2.7" or "10.0.0.0/8"'
        mistakes.append(Doubt(line_of(text, "metrics"), f"metrics = {show(value)}; expected {expected}"))
    return found


def _is_network(one: object) -> bool:
    try:
        return isinstance(one, str) and bool(ipaddress.ip_network(one))
    except ValueError:
        return False


_NAME = "NAME"


class Kind(NamedTuple):
    """Of a table: what one is about, which names that can have, the one that the default rules are in, its keys."""

    what: str
    is_name: Callable[[str], bool]
    example: str
    readers: Mapping[str, Callable[[object], Fields]]


_KINDS = {
    NAMED: Kind("repository", lambda name: name == DEFAULT or is_repository_name(name), DEFAULT, READERS),
    FILES: Kind("file store", is_called, _NAME, FILE_READERS),
}


class Table(NamedTuple):
    """One of a kind: the name in its head, and what it has."""

    top: str
    name: str
    values: dict[str, Any]


def _read_tables(text: str, document: dict[str, Any]) -> dict[str, Table]:
    """The name of a repository, or what stands for a store → the table about it."""
    for key in document:
        if key not in _KINDS:
            raise BadPolicy(f"line {line_of(text, key)}: {key[:80]!r} is no key; expected {_TOP}")
    found = [table for top, kind in _KINDS.items() for table in _read_tables_below(text, document, top, kind)]
    return {name_of_store(table.name) if table.top == FILES else table.name: table for table in found}


def _read_tables_below(text: str, document: dict[str, Any], top: str, kind: Kind) -> Iterator[Table]:
    tables = document.get(top, {})
    if not isinstance(tables, dict):
        raise BadPolicy(f"line {line_of(text, top)}: {top!r} is no table; expected [{top}.{kind.example}]")
    for name, table in tables.items():
        line = line_of(text, top, name)
        if not kind.is_name(name):
            raise BadPolicy(f"line {line}: {name[:80]!r} is no name of a {kind.what}; expected {NAME_EXPECTED}")
        if not isinstance(table, dict):
            raise BadPolicy(
                f"line {line}: {name!r} is no table; expected [{top}.{_NAME if name in kind.readers else name}]"
            )
        yield Table(top, name, table)


def _read_groups(text: str, groups: object, mistakes: list[Doubt]) -> dict[str, tuple[str, ...]]:
    """Group → its members."""
    if not isinstance(groups, dict):
        raise BadPolicy(f"line {line_of(text, 'groups')}: 'groups' is no table; expected [groups]")
    found = {}
    for name, value in groups.items():
        if name in READERS:  # the head of a table may be lost: what would close something must not pass for a group
            line = line_of(text, "groups", name)
            raise BadPolicy(f"line {line}: {name!r} is no name of a group; expected it below [{NAMED}.{DEFAULT}]")
        found[name], is_right = keep_right(value, is_user_name)
        if not is_right:
            line = line_of(text, "groups", name)
            mistakes.append(Doubt(line, f"{name[:80]!r} = {show(value)}; expected a list of user names"))
    return found


def _expand_groups(policy: Policy, groups: Mapping[str, tuple[str, ...]]) -> Policy:
    keep = policy.authority is not None
    rights: dict[str, Any] = {name: _expand(getattr(policy, name), groups, keep=keep) for name in RIGHTS}
    return replace(policy, **rights)


def _expand(who: Iterable[str], groups: Mapping[str, tuple[str, ...]], *, keep: bool = False) -> tuple[str, ...]:
    """With the members of groups in their place, or beside them where groups are kept; each once."""
    found: dict[str, None] = {}
    for one in who:
        if keep or not one.startswith(GROUP):
            found[one] = None
        if one.startswith(GROUP):
            found |= dict.fromkeys(groups.get(one.removeprefix(GROUP), ()))
    return tuple(found)


def _doubt_groups(
    named: Iterable[str], groups: Mapping[str, tuple[str, ...]], lines: Mapping[str, int]
) -> Iterator[Doubt]:
    """Groups that there are none of: they may be meant for later."""
    for one in sorted(named):
        if one.startswith(GROUP) and one.removeprefix(GROUP) not in groups:
            expected = ", ".join(f"{GROUP}{name}" for name in sorted(groups))[:200] or "one below [groups]"
            yield Doubt(lines.get(one, 1), f"there is no group {one[:80]!r}; expected {expected}")


def _read_policy(text: str, table: Table, policy: Policy, mistakes: list[Doubt]) -> Policy:
    """As the table has it; what it leaves out is as in `policy`. Closed where it has a key that there is not."""
    readers = _KINDS[table.top].readers
    for key, value in table.values.items():
        line = line_of(text, table.top, table.name, key)
        if key not in readers:
            reason = f"{key[:80]!r} is no key; expected {', '.join(readers)}; nobody may do anything in {table.name!r}"
            mistakes.append(Doubt(line, reason))
            continue
        fields, expected = readers[key](value)
        policy = replace(policy, **fields)
        if expected:
            mistakes.append(Doubt(line, f"{key} = {show(value)}; expected {expected}"))
    return policy if table.values.keys() <= readers.keys() else replace(policy, **NOTHING)
