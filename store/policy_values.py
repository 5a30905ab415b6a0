"""One value in `larder.toml` → what it says of a policy. One that cannot be gives nothing, and it is said why."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from store.policy import ANONYMOUS, AUTHENTICATED, GROUP, RIGHTS, is_user_name
from store.upstream import EVERYTHING, FALLBACKS, PROXY, REDIRECT, origin_of, read_pattern, read_url

Fields = tuple[dict[str, Any], str]  # of a `Policy`, closed where the value cannot be; and then what was expected

LARGEST = 1 << 50  # bytes
_SECRET = re.compile(r"//[^/@'\" ]*@")
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


NOTHING: dict[str, Any] = {**dict.fromkeys(RIGHTS, ()), "boards_open": False, "upstream": ""}  # of a `Policy`


def show(value: object) -> str:
    """As a message names it; without the password that an address may have in it."""
    return _SECRET.sub("//...@", repr(value))[:80]


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
    size, expected = _read_size(value)
    return {"max_upload": size, "max_upload_text": show(value) if expected else value}, expected


def _read_size(value: object) -> tuple[int, str]:
    """Bytes, 0 for what is none; and then what was expected."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", value) if isinstance(value, str) else None
    if found is None or found[2].upper() not in _UNITS:
        return 0, 'a size such as "500 MB" or "2 GiB"'
    size = float(found[1]) * _UNITS[found[2].upper()]
    return (0, f"at most {LARGEST >> 40} TiB") if size > LARGEST else (int(size), "")


def _read_upstream(value: object) -> Fields:
    url = read_url(value)
    is_right = bool(url) or value == ""
    expected = (
        '"", or an address such as "https://index.example/simple/"; LARDER_UPSTREAM_LOGINS has users and passwords'
    )
    return {"upstream": url}, "" if is_right else expected


def _read_fallback(value: object) -> Fields:
    if value in FALLBACKS:
        return {"fallback": value}, ""
    return {"fallback": ""}, f'"{REDIRECT}" or "{PROXY}"; nothing is looked up'


def _read_private(value: object) -> Fields:
    """Where one of the patterns cannot be, what it was meant for is not known: it may be any name."""
    patterns, is_right = keep_right(value, lambda one: bool(read_pattern(one)))
    if is_right:
        return {"private": tuple(map(read_pattern, patterns))}, ""
    return {"private": EVERYTHING}, 'a list of names, with * and ?, such as "acme-*"; nothing is looked up'


def _read_hosts(value: object) -> Fields:
    hosts, is_right = keep_right(value, _is_host)
    expected = 'a list of hosts, such as "https://files.example"'
    return {"upstream_hosts": tuple(map(origin_of, hosts))}, "" if is_right else expected


def _is_host(one: object) -> bool:
    return isinstance(one, str) and read_url(one).count("/") == 3


def _read_cache(value: object) -> Fields:
    size, expected = _read_size(value)
    return {"upstream_cache": size}, expected


READERS: dict[str, Callable[[object], Fields]] = {
    **{right: partial(_read_who, right) for right in RIGHTS},
    "overwrite": _read_overwrite,
    "max_upload": _read_max_upload,
    "boards": _read_boards,
    "upstream": _read_upstream,
    "fallback": _read_fallback,
    "private": _read_private,
    "upstream_hosts": _read_hosts,
    "upstream_cache": _read_cache,
}

FILE_READERS = {key: READERS[key] for key in (*RIGHTS, "overwrite", "max_upload")}
"""Of a file store."""
