"""Whether uploads and indexing work, said in one line."""

import os

from aiohttp import web

from store.layout import Layout
from uploader.answers import answer
from uploader.listing import ALIVE, indexer_silence


def find_fault(layout: Layout) -> str | None:
    """What keeps uploads or indexing from working; None where nothing does."""
    for directory in (layout.packages, layout.incoming):
        if not os.access(directory, os.W_OK | os.X_OK):
            return f"{directory} cannot be written by uid {os.getuid()}"
    if os.statvfs(layout.incoming).f_bavail == 0:
        return f"the disk of {layout.incoming} is full"
    silence = indexer_silence(layout)
    if silence > ALIVE:
        since = "ever" if silence == float("inf") else f"for {silence:.0f} s"
        return f"no sign of the indexer {since}; pages are as they were, uploads are stored but not listed"
    return None


def answer_health(request: web.Request, layout: Layout) -> web.Response:
    fault = find_fault(layout)
    return answer(request, 503 if fault else 200, fault or "ok")
