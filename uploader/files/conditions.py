"""Under which condition a file is to be changed: `If-Match`, `If-None-Match`, `If-Unmodified-Since` (RFC 9110, 13)."""

import os
import re
from datetime import UTC, datetime
from typing import NamedTuple

from aiohttp import web

from store.errors import Refused, shown
from uploader.answers import HttpRefusal

ANY = "*"
_TAG = r'(?:W/)?"[^"\x00-\x20\x7f]*"'
_TAGS = re.compile(rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")


class Conditions(NamedTuple):
    """Entity tags as they were sent, `ANY` among them; None where nothing was said."""

    match: frozenset[str] | None
    none_match: frozenset[str] | None
    unmodified_since: datetime | None

    def check(self, found: os.stat_result | None) -> None:
        """412 unless they hold of what is there. In the order of RFC 9110, 13.2.2; strong tags are equal or not."""
        tag = None if found is None else entity_tag(found)
        if self.match is not None:
            if tag is None or not self.match & {ANY, tag}:
                raise _failed("If-Match", tag)
        elif self.unmodified_since and found and int(found.st_mtime) > self.unmodified_since.timestamp():
            raise _failed("If-Unmodified-Since", tag)
        if self.none_match is not None and tag and self.none_match & {ANY, tag, f"W/{tag}"}:
            raise _failed("If-None-Match", tag)


def entity_tag(facts: os.stat_result) -> str:
    """As nginx makes it."""
    return f'"{int(facts.st_mtime):x}-{facts.st_size:x}"'


def read_conditions(request: web.Request) -> Conditions:
    """Refused for what cannot be understood: it was meant to keep something from being overwritten."""
    return Conditions(_read_tags(request, "If-Match"), _read_tags(request, "If-None-Match"), _read_since(request))


def _read_tags(request: web.Request, field: str) -> frozenset[str] | None:
    if field not in request.headers:
        return None
    text = ", ".join(request.headers.getall(field)).strip(" \t")
    if text == ANY:
        return frozenset((ANY,))
    if not _TAGS.fullmatch(text):
        raise Refused(f'{field}: {shown(text)}; expected * or what an ETag was, such as "65a1b2c3-1f4"')
    return frozenset(re.findall(_TAG, text))


def _read_since(request: web.Request) -> datetime | None:
    """What is no date is to be ignored."""
    since = request.if_unmodified_since
    return since.astimezone(UTC) if since else None


def _failed(field: str, tag: str | None) -> HttpRefusal:
    return HttpRefusal(412, f"{field} does not hold: {f'what is here has {tag}' if tag else 'nothing is here'}")
