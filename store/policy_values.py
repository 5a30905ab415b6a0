"""One value in `larder.toml` → what it says of a policy. One that cannot be gives nothing, and it is said why."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from store.policy import ANONYMOUS, AUTHENTICATED, GROUP, RIGHTS, is_user_name

Fields = tuple[dict[str, Any], str]  # of a `Policy`, closed where the value cannot be; and then what was expected

LARGEST = 1 << 50  # bytes
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


NOTHING: dict[str, Any] = {**dict.fromkeys(RIGHTS, ()), "boards_open": False}  # of a `Policy` that allows it


def show(value: object) -> str:
    return repr(value)[:80]


def keep_right(value: object, is_right: Callable[[object], bool]) -> tuple[tuple[str, ...], bool]:
    """What there is of a list that can be, and whether that is all."""
    found = tuple(filter(is_right, value)) if isinstance(value, list) else ()
    return found, isinstance(value, list) and len(found) == len(value)


def _read_who(right: str, value: object) -> Fields:
    who, is_right = keep_right(value, _is_who)
    expected = f'a list of user names, "{GROUP}group", "{AUTHENTICATED}" or "{ANONYMOUS}"'
    return {right: who}, "" if is_right else expected


def _is_who(one: object) -> bool:
    return one in (ANONYMOUS, AUTHENTICATED) or (isinstance(one, str) and is_user_name(one.removeprefix(GROUP)))


def _read_overwrite(value: object) -> Fields:
    return {"overwrite": value is True}, "" if isinstance(value, bool) else "true or false"


def _read_boards(value: object) -> Fields:
    return {"boards_open": value == "open"}, "" if value in ("open", "closed") else '"open" or "closed"'


def _read_max_upload(value: object) -> Fields:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", value) if isinstance(value, str) else None
    if found is None or found[2].upper() not in _UNITS:
        return {"max_upload": 0, "max_upload_text": show(value)}, 'a size such as "500 MB" or "2 GiB"'
    size = float(found[1]) * _UNITS[found[2].upper()]
    if size > LARGEST:
        return {"max_upload": 0, "max_upload_text": show(value)}, f"at most {LARGEST >> 40} TiB"
    return {"max_upload": int(size), "max_upload_text": value}, ""


READERS: dict[str, Callable[[object], Fields]] = {
    **{right: partial(_read_who, right) for right in RIGHTS},
    "overwrite": _read_overwrite,
    "max_upload": _read_max_upload,
    "boards": _read_boards,
}

FILE_READERS = {key: READERS[key] for key in (*RIGHTS, "overwrite", "max_upload")}
"""Of a file store."""
