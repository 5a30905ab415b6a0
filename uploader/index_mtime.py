"""When the index changed last, in Unix seconds: `/index_mtime/`, as pywharf has it."""

from aiohttp import web

from store.data import Data
from uploader.answers import HttpRefusal
from uploader.auth.reads import REPOSITORY

ADDRESS = "/.index-mtime"


class IndexMtime:
    """Of the repository that nginx names, which has looked after who may read it."""

    def __init__(self, data: Data) -> None:
        self._data = data

    async def answer(self, request: web.Request) -> web.Response:
        """A number, and nothing else; HttpRefusal where no page was ever written."""
        repository = self._data.repository(request.headers.get(REPOSITORY, ""))
        try:
            changed = repository.projects.stat().st_mtime  # a page set that is switched is a name that changes there
        except OSError as error:
            raise HttpRefusal(503, "nothing was indexed yet; expected it at any moment") from error
        return web.Response(text=str(int(changed)))
