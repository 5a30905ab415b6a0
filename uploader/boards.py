"""What boards ask for and nginx finds nothing of: it is unpacked now, or names and versions are spelt otherwise."""

from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import quote

from aiohttp import web
from packaging.utils import NormalizedName, canonicalize_version

from store.boards import ARCHIVE, LATEST, NONE, PACKAGE, is_ready, list_releases, read_source, unpacked
from store.data import Data
from store.errors import BadName, shown
from store.listing import read_listing
from store.messages import Published, Wanted
from store.names import GZIPPED, parse_project, parse_version
from store.repository import Repository
from uploader.answers import HttpRefusal, accelerate
from uploader.auth.reads import REPOSITORY
from uploader.upload.listed import Listings

PACKAGES = "/mip/package/{kind}/{name}/{version}.json"
BOARD_FILES = "/mip/file/{start}/{digest}"
ARCHIVES = "/upip/{name}/{version}.tar.gz"

PATIENCE = 10.0  # seconds that a board waits
TIMES = 5  # that the indexer is told of it meanwhile
NOTHING = {"v": 1, "hashes": [], "deps": []}


class Boards:
    """Of one data directory. nginx has looked after who may read. It is shown the way: boards follow no redirect."""

    def __init__(self, data: Data, listings: Listings) -> None:
        self._data = data
        self._listings = listings

    async def package(self, request: web.Request) -> web.Response:
        """The document for mip; HttpRefusal where there is none of that name."""
        repository = self._repository(request)
        version, *before = request.match_info["version"].split("~")
        try:
            found = await self._find_package(repository, request.match_info["name"], version)
        except HttpRefusal as refusal:
            if before and refusal.status == 404:  # a need comes along as far as it is here: the next one is not to wait
                return web.json_response(NOTHING)
            raise
        return accelerate(f"/.board/{'~'.join((found, *map(parse_project, before)))}/{PACKAGE}")

    async def _find_package(self, repository: Repository, name: str, version: str) -> str:
        """Project and release."""
        project, release, source = _find(repository, name, version)
        if not await self._is_unpacked(repository, project, source, PACKAGE):
            raise HttpRefusal(503, f"what boards need of {project} is not unpacked yet", {"Retry-After": "5"})
        if why := _read_refusal(repository, source):
            raise HttpRefusal(404, why)
        return f"{project}/{release}"

    async def archive(self, request: web.Request) -> web.Response:
        """The archive for upip; where it cannot be had, the sdist it would be made of: a large board unpacks that."""
        repository = self._repository(request)
        project, release, source = _find(repository, request.match_info["name"], request.match_info["version"])
        is_there = await self._is_unpacked(repository, project, source, ARCHIVE)
        if is_there and not _read_refusal(repository, source):
            return accelerate(f"/.board-archive/{project}/{release}/{ARCHIVE}")
        path = next(_list_sdists(repository, project, release), None)
        if path is None:
            raise HttpRefusal(404, f"{project} {release} has no sdist for boards")
        return accelerate(quote(f"/upip/{path}", errors="surrogateescape"))

    async def file(self, request: web.Request) -> web.Response:
        """None is here by that digest; if one ought to be, it is again in a moment."""
        self._tell(Wanted(self._repository(request).name, "", ""))
        raise HttpRefusal(404, f"no file {shown(request.match_info['digest'])} is here for boards")

    def _repository(self, request: web.Request) -> Repository:
        return self._data.repository(request.headers.get(REPOSITORY, ""))

    async def _is_unpacked(self, repository: Repository, project: NormalizedName, source: str, name: str) -> bool:
        """It is said again and again, for whoever was told may have ended since."""
        published, is_there = Published(repository.name, project), partial(is_ready, repository, source, name)
        for _ in range(TIMES):
            if is_there():
                return True
            self._tell(Wanted(repository.name, project, source))
            if await self._listings.wait_until(published, is_there, PATIENCE / TIMES):
                return True
        return False

    def _tell(self, wanted: Wanted) -> None:
        self._listings.reach()
        self._listings.tell(wanted)


def _find(repository: Repository, name: str, version: str) -> tuple[NormalizedName, str, str]:
    """Project and release as they are written here, and the source; HttpRefusal where there is no such."""
    try:
        project = parse_project(name)
        wanted = _canonical(version)
    except BadName as error:
        raise HttpRefusal(404, str(error)) from error
    for release in list_releases(repository, project):
        if _canonical(release) == wanted and (source := read_source(repository, project, release)):
            return project, release, source
    raise HttpRefusal(404, f"{project} {version} is not here for boards")


@lru_cache(1 << 13)
def _canonical(version: str) -> str:
    return version if version == LATEST else canonicalize_version(parse_version(version))


def _read_refusal(repository: Repository, source: str) -> str:
    """Why there is nothing for boards; empty where there is."""
    try:
        return Path(unpacked(repository, source), NONE).read_text().strip()
    except OSError:
        return ""


def _list_sdists(repository: Repository, project: NormalizedName, release: str) -> Iterator[str]:
    for listed in read_listing(repository, project).values():
        if listed.release == release and listed.path.endswith(GZIPPED):
            yield listed.path
