"""The home page for people. nginx fills in the counts, which change more often, and the address the reader came by."""

from dataclasses import replace
from functools import lru_cache

from indexer.model import Counts, Overview
from indexer.pages.templates import render_template
from store import VERSION

UNCOUNTED = Counts(0, 0, 0)
HOME, COUNTS = "home.html", "counts.html"
SHOWN = 100  # rejected files: a longer list would hide the projects


def render_home(overview: Overview) -> dict[str, bytes]:
    counts = render_template("counts.html", counts=overview.counts)
    return {HOME: _render_page(replace(overview, counts=UNCOUNTED)), COUNTS: counts.encode()}


@lru_cache(1)  # files come and go far more often than anything that is shown here
def _render_page(overview: Overview) -> bytes:
    page = render_template(
        "copy.html" if overview.is_copy else "home.html",
        overview=overview,
        rejected=overview.rejected[:SHOWN],
        unnamed=len(overview.rejected[SHOWN:]),
        version=VERSION,
    )
    return page.encode()
