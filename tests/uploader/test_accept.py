"""The form that is wanted most, by `Accept`."""

import pytest

from uploader.files.accept import choose

OFFERED = ("text/html", "application/json", "text/plain")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "text/html"),
        ("*/*", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("application/json, */*;q=0.5", "application/json"),
        ("text/plain", "text/plain"),
        ("text/*;q=0.3, text/plain", "text/plain"),
        ("text/html;q=0, */*", "application/json"),
        ("application/json;q=nonsense, text/plain;q=0.1", "text/plain"),
        ("image/png", "text/html"),
        (",;,=;q", "text/html"),
        ("TEXT/PLAIN; charset=utf-8", "text/plain"),
    ],
)
def test_the_form_that_is_wanted_most_is_chosen(accept: str, expected: str) -> None:
    assert choose(accept, OFFERED) == expected
