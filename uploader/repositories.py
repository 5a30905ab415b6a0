"""Which repositories and file stores there are for whoever asks: a part of the start page, which nginx fills in."""

import contextlib
import posixpath

from aiohttp import web

from store.data import Data
from store.file_store import FILES, FileStore
from store.repository import Repository
from uploader.auth.reads import REPOSITORY
from uploader.readable import Readable

ADDRESS = "/.parts/repositories"


class Repositories:
    """Answers with sections in HTML; with nothing where there is nothing to choose."""

    def __init__(self, data: Data, readable: Readable) -> None:
        self._data = data
        self._readable = readable

    async def answer(self, request: web.Request) -> web.Response:
        """Those that the asker may read, with links relative to the page that is being filled in."""
        served: tuple[Repository | FileStore, ...] = ()
        with contextlib.suppress(OSError):
            served = self._data.served()
        here = self._data.repository(request.headers.get(REPOSITORY, ""))
        names = await self._readable.pick(request, [each.name for each in served])
        readable = [each for each in served if each.name in names]
        others = {each.name: f"/{each.address}" for each in readable if isinstance(each, Repository)}
        files = {each.called: f"/{FILES}/{each.called}" for each in readable if isinstance(each, FileStore)}
        sections = (
            _render("repositories", "Repositories", here, others if len(others) > 1 else {}),
            _render(FILES, "Files", here, files),
        )
        return web.Response(text="".join(sections), content_type="text/html")


def _render(identifier: str, title: str, here: Repository, places: dict[str, str]) -> str:
    """No name has a letter that HTML would take for its own, see `store.repository`."""
    if not places:
        return ""
    items = "".join(f'<li><a href="{_way(here, path)}">{name}</a></li>\n' for name, path in places.items())
    return f'<section id="{identifier}">\n<h2>{title}</h2>\n<ul>\n{items}</ul>\n</section>\n'


def _way(here: Repository, path: str) -> str:
    return posixpath.relpath(path, f"/{here.address}") + "/"
