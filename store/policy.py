"""`larder.toml`: who may read and upload, and what. Absent means every default."""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from store.errors import BadPolicy

ANONYMOUS = "anonymous"
AUTHENTICATED = "authenticated"

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


@dataclass(frozen=True)
class Policy:
    """The rules of one repository; `max_upload` is in bytes, `max_upload_text` as it was written."""

    download: tuple[str, ...] = (ANONYMOUS,)
    upload: tuple[str, ...] = (AUTHENTICATED,)
    overwrite: bool = False
    max_upload: int = 2 << 30
    max_upload_text: str = "2 GiB"


CLOSED = Policy(download=(AUTHENTICATED,), upload=())
"""What is in force where no policy could ever be read: nothing is given away."""


def parse_policy(text: str) -> Policy:
    """The policy of the default repository; BadPolicy names the line, the value and what was expected."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(_place_of_syntax(error)) from error
    table = _descend(text, document, ("repositories", "default"))
    policy = Policy()
    for key, value in table.items():
        if key not in _READERS:
            raise BadPolicy(f"line {_line_of(text, key)}: {key!r} is no key; expected {', '.join(_READERS)}")
        try:
            policy = replace(policy, **_READERS[key](value))
        except ValueError as error:
            raise BadPolicy(f"line {_line_of(text, key)}: {key} = {value!r}; expected {error}") from error
    return policy


def read_policy(path: Path) -> Policy:
    """The policy in the file at `path`; BadPolicy names file, line and reason."""
    try:
        return parse_policy(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Policy()
    except BadPolicy as error:
        raise BadPolicy(f"{path}, {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadPolicy(f"{path}: {error}; expected a TOML file in UTF-8") from error


def read_accepted(copy: Path) -> Policy:
    """The last policy that could be used, of which `copy` was kept; CLOSED where there is none."""
    try:
        return read_policy(copy) if copy.exists() else CLOSED
    except BadPolicy:
        return CLOSED


def _place_of_syntax(error: tomllib.TOMLDecodeError) -> str:
    found = re.search(r"^(.*) \(at (?:line (\d+).*|(end of document))\)$", str(error))
    reason, line = (found[1], found[2] or "last") if found else (str(error), "?")
    return f"line {line}: {reason}; expected TOML"


def _descend(text: str, document: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The table at `path`; every other key on the way is refused."""
    for name in path:
        for key in document:
            if key != name:
                raise BadPolicy(f"line {_line_of(text, key)}: {key!r} is no key; expected [{'.'.join(path)}]")
        document = document.get(name, {})
        if not isinstance(document, dict):
            raise BadPolicy(f"line {_line_of(text, name)}: {name!r} is no table; expected [{'.'.join(path)}]")
    return document


def _line_of(text: str, key: str) -> int:
    """The first line that assigns `key` or names it in a table's head; 1 where none is found."""
    word = rf"(?:\"{re.escape(key)}\"|'{re.escape(key)}'|{re.escape(key)})"
    pattern = re.compile(rf"\s*(?:{word}\s*[=.]|\[+[^\]#]*{word}\s*[\].]|[^=#]*\.\s*{word}\s*[=.])")
    numbers = (number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line))
    return next(numbers, 1)


def _read_who(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(who in (ANONYMOUS, AUTHENTICATED) for who in value):
        raise ValueError(f'a list of "{ANONYMOUS}" or "{AUTHENTICATED}"')
    return tuple(value)


def _read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _read_size(value: object) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", value) if isinstance(value, str) else None
    if found is None or found[2].upper() not in _UNITS:
        raise ValueError('a size such as "500 MB" or "2 GiB"')
    return int(float(found[1]) * _UNITS[found[2].upper()])


_READERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "download": lambda value: {"download": _read_who(value)},
    "upload": lambda value: {"upload": _read_who(value)},
    "overwrite": lambda value: {"overwrite": _read_flag(value)},
    "max_upload": lambda value: {"max_upload": _read_size(value), "max_upload_text": value},
}
