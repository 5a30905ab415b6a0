"""Templates → HTML: the one place that knows Jinja2."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from store.text import render_printable, render_size, render_url


def _create_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )
    environment.filters |= {"url": _url, "size": render_size, "printable": render_printable, "sentence": _sentence}
    return environment


def _sentence(text: str) -> str:
    """With a full stop, for what others say is followed by what we do."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _url(path: str) -> Markup:
    return Markup(render_url(path))  # noqa: S704 - there is nothing left in it to be escaped


_ENVIRONMENT = _create_environment()


def render_template(name: str, /, **values: object) -> str:
    return _ENVIRONMENT.get_template(name).render(values)
