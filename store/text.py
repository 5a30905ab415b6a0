"""How text is put so that every client reads the same: URLs, JSON and pages in ASCII, names made printable."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote_from_bytes


@lru_cache(500)  # each is on several pages of a project
def render_url(path: str) -> str:
    return quote_from_bytes(path.encode("utf-8", "surrogateescape"), safe="/")


_END_OF_TIME = 253_402_300_799_999_999  # microseconds, of the year 9999

_ENCODE = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def render_json(document: Mapping[str, object]) -> bytes:
    return _ENCODE(document).encode() + b"\n"


def render_ascii(page: str) -> bytes:
    """With numeric entities: pip reads a page without a charset as latin-1."""
    return page.encode("ascii", "xmlcharrefreplace")


def render_time(mtime_ns: int) -> str:
    """PEP 700: `yyyy-mm-ddThh:mm:ss.ffffffZ`."""
    seconds, rest = divmod(min(max(mtime_ns // 1000, 0), _END_OF_TIME), 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest:06d}Z"


def render_printable(text: str) -> str:
    """With escapes for bytes that are no UTF-8 and for what cannot be seen."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def render_size(size: int) -> str:
    units = ["B", "KB", "MB", "GB", "TB"]
    amount = float(size)
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:.3g} {units[0]}"
