"""When the index changed last, in Unix seconds: `/index_mtime/`, as pywharf has it."""

from aiohttp import web

from store.data import Data
from store.repository import Repository
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
            changed = _last_change(repository)
        except OSError as error:
            raise HttpRefusal(503, "nothing was indexed yet; expected it at any moment") from error
        return web.Response(text=str(int(changed)))


def _last_change(repository: Repository) -> float:
    """A page set that is switched is a name that changes beside the others; before the first there is the overview."""
    try:
        return repository.projects.stat().st_mtime
    except FileNotFoundError:
        return repository.overview.stat().st_mtime
