"""READMEs become HTML that does nothing, loads nothing and is mistaken for nothing of ours."""

import re
from html.parser import HTMLParser

import pytest

from indexer.readme import LIMIT, render_readme

HARMLESS = ("http://", "https://", "mailto:", "#")
HOSTILE = """
<script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)><iframe src="https://evil.example"></iframe>
<a href="javascript:alert(1)" onclick="alert(1)">a</a><a href="data:text/html,<script>alert(1)</script>">b</a>
<a href="../../packages/">c</a><a href="//evil.example/">d</a><a href=" javascript:alert(1)">e</a>
<form action="https://evil.example"><input name="password"><button formaction="javascript:alert(1)">f</button></form>
<style>body { display: none }</style><link rel="stylesheet" href="https://evil.example/x.css">
<base href="https://evil.example">
<meta http-equiv="refresh" content="0;url=https://evil.example">
<object data="x"></object><embed src="x"><video src="x"></video>
<p id="filter" style="position: fixed" onmouseover="alert(1)">g</p>
<img src="https://evil.example/pixel.png" alt='"><script>alert(2)</script>'>
<img alt="a > b" src="https://evil.example/p.png"><picture><source srcset="https://evil.example/q.png"></picture>
<!--# include virtual="/.may-read" --><!--# echo var="secret" -->
<a title='<!--# echo var="secret" -->' href='https://x.example/<!--# echo var="secret" -->' class="notice kn">y</a>
<math><mi xlink:href="javascript:alert(1)">h</mi></math>

[i](javascript:alert(1)) ![j](https://evil.example/k.png) ![](x) <https://fine.example>
"""
IN_RST = """
.. raw:: html

   <script>alert(1)</script>

.. include:: /etc/passwd

.. image:: https://evil.example/k.png
   :target: javascript:alert(1)

`l <javascript:alert(1)>`_ `m <https://fine.example>`_
"""


class Elements(HTMLParser):
    """What a browser would make of it, as far as it matters."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.comments: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


@pytest.mark.parametrize("kind", ["text/markdown", "text/markdown; variant=CommonMark", "text/x-rst", "text/plain", ""])
@pytest.mark.parametrize("text", [HOSTILE, IN_RST, HOSTILE + IN_RST])
def test_nothing_in_it_runs_or_loads_or_leads_into_the_index(kind: str, text: str) -> None:
    readme, _ = render_readme(text, kind)
    elements = Elements(readme)
    assert not elements.comments
    assert "<!--" not in readme
    for tag, attributes in elements.found:
        assert tag not in {"script", "img", "svg", "iframe", "form", "input", "button", "style", "link", "base", "meta",
                           "object", "embed", "video", "picture", "source", "math"}  # fmt: skip
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "srcset", "name")]
        assert (attributes.get("href") or "#").startswith(HARMLESS)
        assert all(len(name) <= 3 for name in (attributes.get("class") or "").split())
        assert (attributes.get("id") or "fn-").startswith(("user-content-", "fn-", "fnref-"))


def test_it_is_shown_as_it_is_meant() -> None:
    table, code = "| a | b |\n|---|---|\n| 1 | 2 |", "```python\nimport os\n```"
    markdown = f"# Demo\n\n{table}\n\n{code}\n\n[site](https://x.example) ![A badge](b.svg)"
    readme, unread = render_readme(markdown, "text/markdown; charset=UTF-8; variant=GFM")
    assert not unread
    for part in (
        '<h1 id="user-content-demo">Demo</h1>',
        "<table>",
        '<span class="kn">import</span>',
        'href="https://x.example"',
        "A badge",
    ):
        assert part in readme
    assert "Demo</h1>" in render_readme("Demo\n====\n\nHello *you*.", "text/x-rst")[0]
    assert "<em>you</em>" in render_readme("Hello *you*.", "")[0]
    assert render_readme("a\n<b> *c*", "text/plain") == ("a<br>&lt;b&gt; *c*", "")
    assert render_readme(" \n", "text/markdown") == ("", "")


@pytest.mark.parametrize(
    "kind", ["application/x-unknown", "no type", "text/markdown\n", "x" * 1000, "text/markdown; variant=Odd"]
)
def test_a_type_that_is_none_is_shown_somehow(kind: str) -> None:
    assert "Hello" in render_readme("Hello *you*.", kind)[0]


def test_what_is_not_of_its_type_is_shown_as_it_was_written() -> None:
    broken = "Demo\n==\n\n.. nothing:: <b>\n\n`x"
    readme, unread = render_readme(broken, "text/x-rst")
    assert re.fullmatch(r"<pre>Demo\n==\n\n.. nothing:: &lt;b&gt;\n\n`x</pre>", readme)
    assert unread == "it is not the text/x-rst that it is said to be"
    assert render_readme(broken, "")[1] == ""


def test_what_is_too_long_is_not_shown() -> None:
    why = f"it has {LIMIT + 1} characters; expected at most {LIMIT}"
    assert render_readme("x" * (LIMIT + 1), "text/plain") == ("", why)
