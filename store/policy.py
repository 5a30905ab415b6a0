"""`larder.toml` as a value: who may read and upload, and what. What is in force is for `store.current` to say."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from store.errors import BadPolicy
from store.repository import DEFAULT

ANONYMOUS = "anonymous"
AUTHENTICATED = "authenticated"

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
LARGEST = 1 << 50  # bytes
_UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


@dataclass(frozen=True)
class Policy:
    """The rules of one repository; `max_upload` is in bytes, `max_upload_text` as it was written."""

    download: tuple[str, ...] = (ANONYMOUS,)
    upload: tuple[str, ...] = (AUTHENTICATED,)
    overwrite: bool = False
    max_upload: int = 2 << 30
    max_upload_text: str = "2 GiB"


CLOSED = b"""# Nothing is given away: no larder.toml could ever be used.
[repositories.default]
download = ["authenticated"]
upload = []
"""
"""What is in force where no policy could ever be read."""


@dataclass(frozen=True)
class Policies:
    """What one `larder.toml` says, by repository; the default policy for those it does not name."""

    by_repository: Mapping[str, Policy]

    def of(self, repository: str) -> Policy:
        return self.by_repository.get(repository, Policy())


def parse_policies(content: bytes) -> Policies:
    """Read the bytes of a `larder.toml`; BadPolicy names the line, the value and what was expected."""
    try:
        text = content.decode("utf-8-sig")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadPolicy(
            f"line {line}: byte 0x{content[error.start]:02x} is not UTF-8; expected TOML in UTF-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(_explain_syntax(text, error)) from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits; a thousand brackets
        raise BadPolicy(f"line 1: {str(error)[:200]}; expected TOML") from error
    table = _descend(text, document, ("repositories", DEFAULT))
    return Policies({DEFAULT: _read_policy(text, table)})


def _read_policy(text: str, table: dict[str, Any]) -> Policy:
    policy = Policy()
    for key, value in table.items():
        if key not in _READERS:
            raise BadPolicy(f"line {_line_of(text, key)}: {key[:80]!r} is no key; expected {', '.join(_READERS)}")
        try:
            policy = replace(policy, **_READERS[key](value))
        except ValueError as error:
            shown = repr(value)[:80]
            raise BadPolicy(f"line {_line_of(text, key)}: {key} = {shown}; expected {error}") from error
    return policy


def _explain_syntax(text: str, error: tomllib.TOMLDecodeError) -> str:
    found = re.search(r"^(.*) \(at (?:line (\d+).*|end of document)\)$", str(error))
    reason, line = (found[1], found[2]) if found else (str(error), None)
    return f"line {line or len(text.rstrip().splitlines()) or 1}: {reason[:200]}; expected TOML"


def _descend(text: str, document: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The table at `path`; every other key on the way is refused."""
    for name in path:
        for key in document:
            if key != name:
                raise BadPolicy(f"line {_line_of(text, key)}: {key[:80]!r} is no key; expected [{'.'.join(path)}]")
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
    size = float(found[1]) * _UNITS[found[2].upper()]
    if size > LARGEST:
        raise ValueError(f"at most {LARGEST >> 40} TiB")
    return int(size)


_READERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "download": lambda value: {"download": _read_who(value)},
    "upload": lambda value: {"upload": _read_who(value)},
    "overwrite": lambda value: {"overwrite": _read_flag(value)},
    "max_upload": lambda value: {"max_upload": _read_size(value), "max_upload_text": value},
}
