"""The home page for people. nginx fills in the counts, which change more often, and the address the reader came by."""

from indexer.model import Overview
from indexer.pages.templates import render_template
from store import VERSION

HOME, COUNTS = "home.html", "counts.html"
SHOWN = 100  # rejected files: a longer list would hide the projects


def render_home(overview: Overview) -> dict[str, bytes]:
    page = render_template(
        "home.html",
        overview=overview,
        rejected=overview.rejected[:SHOWN],
        unnamed=len(overview.rejected[SHOWN:]),
        version=VERSION,
    )
    return {HOME: page.encode(), COUNTS: render_template("counts.html", counts=overview.counts).encode()}
