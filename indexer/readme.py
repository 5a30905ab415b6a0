"""READMEs → HTML that is safe to be shown on a page of ours. All of readme_renderer and nh3 is here.

It may take any time and any memory, so nobody imports this but a process that may be ended.
"""

import html
import re
from collections.abc import Callable
from email.message import Message

import nh3
from readme_renderer import clean, markdown, rst, txt

LIMIT = 1 << 19  # characters
CODE = 3  # characters of a class, at most, that says what a piece of code is

_RENDERERS: dict[str, Callable[..., str | None]] = {
    "text/markdown": markdown.render,
    "text/x-rst": rst.render,
    "text/plain": txt.render,
}
_IMAGE = re.compile(r'<img(?P<attributes>(?: [a-z]+="[^"]*")*)>')
_ALT = re.compile(r' alt="(?P<alt>[^"]*)"')
_EMPTY_LINK = re.compile(r'<a(?: [a-z]+="[^"]*")*></a>')
_TAGS = clean.ALLOWED_TAGS - {"img", "picture", "input"}
_LEADING = ("http://", "https://", "mailto:", "#")
_IDS = ("user-content-", "fn-", "fnref-")


def render_readme(text: str, content_type: str) -> tuple[str, str]:
    """As HTML; and why it is shown as it was written, or not at all. No type means reStructuredText."""
    if not text.strip():
        return "", ""
    if len(text) > LIMIT:
        return "", f"it has {len(text)} characters; expected at most {LIMIT}"
    message = Message()
    message["content-type"] = content_type or "text/x-rst"
    kind, variant = message.get_content_type(), str(message.get_param("variant", "GFM"))
    render = _RENDERERS.get(kind, _RENDERERS["text/plain"])
    rendered = render(text, variant=variant)
    if rendered is not None:
        return _defuse(rendered), ""
    why = f"it is not the {kind} that it is said to be" if content_type else ""
    return f"<pre>{html.escape(text)}</pre>", why


def _defuse(rendered: str) -> str:
    """Without anything that would be loaded from elsewhere, leads somewhere here, or has a name that ours may have."""
    cleaned = nh3.clean(
        _IMAGE.sub(_describe_image, rendered),
        tags=_TAGS,
        attributes=clean.ALLOWED_ATTRIBUTES,
        attribute_filter=_filter_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )
    return _EMPTY_LINK.sub("", cleaned)  # a heading's own


def _describe_image(image: re.Match[str]) -> str:
    """What is said instead of an image."""
    alt = _ALT.search(image["attributes"])
    return html.escape(html.unescape(alt["alt"])) if alt else ""


def _filter_attribute(_: str, attribute: str, value: str) -> str | None:
    is_ours = attribute == "class" and any(len(name) > CODE for name in value.split())
    if "<" in value or is_ours or attribute == "lang":  # which says a programming language here
        return None
    if attribute == "href":
        return value if value.startswith(_LEADING) else None
    if attribute == "id":
        return value if value.startswith(_IDS) else None
    return value
