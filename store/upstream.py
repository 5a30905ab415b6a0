"""What `larder.toml` says of where names are looked for that are unknown here: how it is written, and what is meant."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

REDIRECT, PROXY = "redirect", "proxy"
FALLBACKS = (REDIRECT, PROXY)
EVERYTHING = ("*",)  # as patterns

_DASHES = re.compile(r"[-_.]+")
_PATTERN = re.compile(r"[A-Za-z0-9._*?-]{1,200}")
_ORIGIN = r"(?P<origin>https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)"
_URL = re.compile(rf"{_ORIGIN}(?P<path>/[^\s?#\\]*)?")
_BEGINNING = re.compile(rf"{_ORIGIN}(?:[/?#]|$)")  # whatever else follows, such as an @, the host is another
_USUAL = {"https": ":443", "http": ":80"}


def read_url(text: object) -> str:
    """The address of an index, with a slash at its end; empty for what is none, or has a user, who is a secret."""
    found = _URL.fullmatch(text) if isinstance(text, str) else None
    return f"{found['origin']}{(found['path'] or '').rstrip('/')}/" if found else ""


def read_pattern(text: object) -> str:
    """A pattern of normalized names (PEP 503), with * and ?; empty for what is none."""
    return _DASHES.sub("-", text).lower() if isinstance(text, str) and _PATTERN.fullmatch(text) else ""


def is_private(project: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns fits the normalized name."""
    return any(fnmatchcase(project, pattern) for pattern in patterns)


def origin_of(url: str) -> str:
    """Scheme, host and port (RFC 6454), in the one way that it is compared; empty where it has none."""
    found = _BEGINNING.match(url)
    if found is None:
        return ""
    scheme, _, authority = found["origin"].lower().partition("://")
    return f"{scheme}://{authority.removesuffix(_USUAL[scheme])}"


def without_query(url: str) -> str:
    """As much of an address as anybody may know."""
    return url.partition("?")[0]
