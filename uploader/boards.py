"""What boards ask for and nginx finds nothing of: it is unpacked now, or names and versions are spelt otherwise."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from aiohttp import web
from packaging.utils import NormalizedName, canonicalize_version

from store.boards import ARCHIVE, LATEST, NONE, PACKAGE, read_sources, unpacked
from store.data import Data
from store.errors import BadName, shown
from store.listing import read_listing
from store.messages import Published, Wanted
from store.names import GZIPPED, parse_project, parse_version
from store.repository import Repository
from uploader.answers import HttpRefusal
from uploader.auth.reads import REPOSITORY
from uploader.upload.listed import Listings

PACKAGES = "/mip/package/{kind}/{name}/{version}.json"
BOARD_FILES = "/mip/file/{start}/{digest}"
ARCHIVES = "/upip/{name}/{version}.tar.gz"

PATIENCE = 10.0  # seconds that a board waits


class Boards:
    """Of one data directory. nginx has looked after who may read. It is shown the way: boards follow no redirect."""

    def __init__(self, data: Data, listings: Listings) -> None:
        self._data = data
        self._listings = listings

    async def package(self, request: web.Request) -> web.Response:
        """The document for mip; HttpRefusal where there is none of that name."""
        repository = self._repository(request)
        version, *before = request.match_info["version"].split("~")
        project, release, source = _find(repository, request.match_info["name"], version)
        if not await self._is_unpacked(repository, project, source):
            raise HttpRefusal(503, f"what boards need of {project} is not unpacked yet", {"Retry-After": "5"})
        if why := _read_refusal(repository, source):
            raise HttpRefusal(404, why)
        way = "~".join(("", *map(parse_project, before)))
        return _accelerate(f"/.board/{project}/{release}{way}/{PACKAGE}")

    async def archive(self, request: web.Request) -> web.Response:
        """The archive for upip; where it cannot be had, the sdist it would be made of: a large board unpacks that."""
        repository = self._repository(request)
        project, release, source = _find(repository, request.match_info["name"], request.match_info["version"])
        is_there = await self._is_unpacked(repository, project, source)
        if is_there and not _read_refusal(repository, source):
            return _accelerate(f"/.board-archive/{project}/{release}/{ARCHIVE}")
        path = next(_list_sdists(repository, project, release), None)
        if path is None:
            raise HttpRefusal(404, f"{project} {release} has no sdist for boards")
        return _accelerate(quote(f"/upip/{path}", errors="surrogateescape"))

    async def file(self, request: web.Request) -> web.Response:
        """None is here by that digest; if one ought to be, it is again in a moment."""
        self._tell(Wanted(self._repository(request).name, "", ""))
        raise HttpRefusal(404, f"no file {shown(request.match_info['digest'])} is here for boards")

    def _repository(self, request: web.Request) -> Repository:
        return self._data.repository(request.headers.get(REPOSITORY, ""))

    async def _is_unpacked(self, repository: Repository, project: NormalizedName, source: str) -> bool:
        directory = unpacked(repository, source)
        if directory.is_dir():
            return True
        self._tell(Wanted(repository.name, project, source))
        return await self._listings.wait_until(Published(repository.name, project), directory.is_dir, PATIENCE)

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
    for release, source in read_sources(repository, project).items():
        if _canonical(release) == wanted:
            return project, release, source
    raise HttpRefusal(404, f"{project} {version} is not here for boards")


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


def _accelerate(path: str) -> web.Response:
    return web.Response(headers={"X-Accel-Redirect": path})
