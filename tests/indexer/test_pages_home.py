"""The home page: what a person has to see, and where."""

import re
from typing import Any

from indexer.model import Counts, Overview
from indexer.pages import fingerprint_of_pages, render_overview
from store import VERSION


def home(**fields: Any) -> str:
    values: dict[str, Any] = {
        "projects": ("demo",),
        "rejected": (),
        "misplaced": (),
        "counts": Counts(1, 2, 1234567),
        "is_private": False,
        "policy_problem": "",
    }
    return render_overview(Overview(**(values | fields)))["home.html"].decode()


def test_a_page_with_nothing_wrong_speaks_of_nothing_wrong() -> None:
    page = home()
    assert 'class="notice"' not in page
    assert "YOUR-PASSWORD" not in page
    assert f"Larder {VERSION}" in page


def test_what_is_wrong_stands_above_the_projects() -> None:
    page = home(
        policy_problem="line 2: no", misplaced=("x-1.0.tar.gz", "a/b/y-1.0.tar.gz"), rejected=(("n.txt", "why"),)
    )
    order = ["line 2: no", "<h1>", "lies in <code>data/</code>; expected in <code>data/packages/</code>",
             "lies in <code>data/a/b/</code>", "<dt>n.txt</dt>\n<dd>why</dd>", 'virtual="/.new"']  # fmt: skip
    found = [page.index(each) for each in order]
    assert found == sorted(found)
    assert "could not be listed" in page.lower()


def test_a_long_list_of_rejected_files_is_cut_and_counted() -> None:
    page = home(rejected=tuple((f"{number}.txt", "why") for number in range(250)))
    assert len(re.findall("<dt>", page)) == 100
    assert "and 150 more" in page
    assert "more;" not in home(rejected=tuple((f"{number}.txt", "why") for number in range(100)))


def test_names_that_cannot_be_printed_are_escaped() -> None:
    page = home(rejected=(("caf\udce9-1.0.tar.gz", "why"), ("<b>\n\x1b", "<i>")), misplaced=("d\udce9/x-1.0.tar.gz",))
    assert "<dt>caf\\udce9-1.0.tar.gz</dt>" in page
    assert "<dt>&lt;b&gt;\\n\\x1b</dt>\n<dd>&lt;i&gt;</dd>" in page
    assert "<code>data/d\\udce9/</code>" in page


def test_a_private_index_says_how_credentials_go() -> None:
    page = home(is_private=True)
    for each in ("~/.netrc", "YOUR-NAME:YOUR-PASSWORD@", "UV_INDEX_LARDER_USERNAME", "scripts/user add"):
        assert each in page


def test_an_empty_larder_says_how_to_fill_it() -> None:
    assert "None yet: upload one" in home(projects=())


def test_the_counts_are_a_page_of_their_own() -> None:
    pages = render_overview(Overview((), (), (), Counts(1, 2, 1234567), False, ""))
    assert re.findall("<b>(.*?)</b>", pages["counts.html"].decode()) == ["1", "2", "1.23 MB"]
    assert b"1.23 MB" not in pages["home.html"]


def test_the_fingerprint_of_the_pages_is_of_their_sources_and_stays() -> None:
    assert fingerprint_of_pages() == fingerprint_of_pages()
    assert re.fullmatch("[0-9a-f]{64}", fingerprint_of_pages())
