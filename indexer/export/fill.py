"""What nginx fills in while it sends a page, filled in once and for all. Pure."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from indexer.export.places import START

_IF = re.compile(rb'<!--# if expr="\$(?P<name>\w+)" -->(?P<text>.*?)<!--# endif -->', re.DOTALL)
_ECHO = re.compile(rb'<!--# echo var="(?P<name>\w+)"(?: encoding="none")? -->')
_INCLUDE = re.compile(rb'<!--# include virtual="(?P<path>[^"]+)" -->')

NOWHERE = "https://WHERE-THIS-IS"  # for people, where nobody said it
_FILLED = (START, "project/", "pypi/", "-/feed.atom")  # how the paths begin of what nginx fills in
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]+){3}|::1")  # nginx.conf has it, too


def name_places(path: str, base_url: str) -> dict[str, str]:
    """The variables of nginx.conf, for the page at that path of a copy whose address is this, or is not known."""
    if path.endswith(".atom") and not base_url:
        return {"origin": "/".join([".."] * path.count("/"))}  # a feed's links may be relative
    address = urlsplit(base_url or NOWHERE)
    is_trusted = address.scheme != "http" or bool(_LOOPBACK.fullmatch(address.hostname or ""))
    trusted = "" if is_trusted else re.sub(r":[0-9]*\Z", "", address.netloc)
    origin = (base_url or NOWHERE).rstrip("/")
    return {"origin": origin, "board_origin": origin, "host_to_trust": trusted}


def fill(path: str, content: bytes, base_url: str, included: Mapping[str, bytes]) -> bytes:
    """The page at that path, with all that nginx would put into it; `included` are pages by their internal URL."""
    if not path.startswith(_FILLED):
        return content
    places = name_places(path, base_url)
    content = _INCLUDE.sub(lambda found: included[found["path"].decode()], content)
    content = _IF.sub(lambda found: found["text"] if places[found["name"].decode()] else b"", content)
    return _ECHO.sub(lambda found: places[found["name"].decode()].encode(), content)
