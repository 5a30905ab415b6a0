"""What is wrong with the users: a part of the page for people, which nginx fills in."""

from html import escape

from aiohttp import web

from store.data import Data
from uploader.doubts import Unusable

ADDRESS = "/.parts/notices"


class Notices:
    """Answers with a section in HTML; with nothing where nothing is wrong."""

    def __init__(self, data: Data) -> None:
        self._unusable = Unusable(data)

    async def answer(self, _: web.Request) -> web.Response:
        """Which lines, and why; nothing of what they say, for whoever reads the page is told."""
        lines = "".join(f"<p>{escape(said)}</p>\n" for said in self._unusable.list())
        head = '<section class="notice" id="users">\n<h2>Something is wrong with the users</h2>\n'
        return web.Response(text=f"{head}{lines}</section>\n" if lines else "", content_type="text/html")
