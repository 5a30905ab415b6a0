"""A page about a project in HTML → what one in JSON would say (PEP 503, 592, 658, 714), each link by itself."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

Attributes = dict[str, str | None]


def read_anchors(page: str, url: str) -> list[dict[str, Any]]:
    """The entries of its files; `url` is where the page is."""
    parser = _Parser()
    parser.feed(page)
    base = _join(url, parser.base)
    return [entry for attributes in parser.anchors if (entry := _read_anchor(attributes, base or url))]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.anchors: list[Attributes] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "a" and attributes.get("href"):
            self.anchors.append(attributes)
        elif tag == "base" and not self.base:
            self.base = attributes.get("href") or ""


def _join(base: str, link: str) -> str:
    """Empty where that is no address."""
    try:
        return urljoin(base, link)
    except ValueError:
        return ""


def _read_anchor(attributes: Attributes, base: str) -> dict[str, Any]:
    """Empty for what leads nowhere."""
    url, fragment = urldefrag(_join(base, attributes["href"] or ""))
    if not url:
        return {}
    entry: dict[str, Any] = {"filename": unquote(urlsplit(url).path.rpartition("/")[2]), "url": url}
    entry["hashes"] = _read_digest(fragment)
    entry["requires-python"] = attributes.get("data-requires-python")
    if "data-yanked" in attributes:
        entry["yanked"] = attributes["data-yanked"] or True
    for name in ("data-dist-info-metadata", "data-core-metadata"):  # the second is the newer name (PEP 714)
        if name in attributes:
            said = attributes[name] or ""
            entry["core-metadata"] = _read_digest(said) or said == "true"
    return entry


def _read_digest(text: str) -> dict[str, str]:
    algorithm, _, value = text.partition("=")
    return {algorithm.lower(): value} if value else {}
