"""A path below `/packages/` → the distribution that is meant, and where it is listed."""

import contextlib
import re
from pathlib import PurePosixPath
from typing import NamedTuple

from packaging.utils import NormalizedName

from store.below import is_file
from store.errors import shown
from store.listing import Listed, find_listed, read_listing
from store.names import YANKED, Release, is_ignored, parse_filename, parse_version, possible_projects
from store.repository import Repository
from uploader.answers import HttpRefusal

_PATH = re.compile("/+packages/+(?P<path>.+)", re.DOTALL)


class Target(NamedTuple):
    """A distribution that is here. `is_mark` where its `.yanked` is meant; `listed` is by project, on whose page."""

    repository: Repository
    path: PurePosixPath
    is_mark: bool
    listed: dict[NormalizedName, Listed]

    @property
    def filename(self) -> str:
        return self.path.name

    @property
    def digest(self) -> str:
        """As it is listed; empty where it is not."""
        return next((listed.digest for listed in self.listed.values()), "")


def parse_path(rest: str) -> PurePosixPath | None:
    """What comes below `/packages/` in a repository; None for any other path."""
    found = _PATH.fullmatch(rest)
    return PurePosixPath(found["path"]) if found else None


def find_target(repository: Repository, path: PurePosixPath) -> Target:
    """BadName where no distribution is called so; 404 where none is there that anybody could read."""
    is_mark = path.name.endswith(YANKED)
    path = path.with_name(path.name.removesuffix(YANKED) or "-") if is_mark else path
    parse_filename(path.name)
    is_hidden = path.is_absolute() or any(part == ".." or is_ignored(part) for part in path.parts)
    if is_hidden or not is_file(repository, path):
        raise nothing_at(path)
    return Target(repository, path, is_mark, _find_listed(repository, path))


def list_release(repository: Repository, release: Release) -> list[Listed]:
    """What is listed of the release, however its files spell the version."""
    listed = read_listing(repository, release.project).values()
    return [each for each in listed if parse_version(each.release) == release.version]


def find_release(repository: Repository, release: Release) -> list[Target]:
    """What is listed of the release, and is there."""
    found = []
    for listed in list_release(repository, release):
        with contextlib.suppress(HttpRefusal):
            found.append(find_target(repository, PurePosixPath(listed.path)))
    return found


def nothing_at(path: PurePosixPath) -> HttpRefusal:
    return HttpRefusal(404, f"{shown(str(path))} is not here")


def _find_listed(repository: Repository, path: PurePosixPath) -> dict[NormalizedName, Listed]:
    found = ((project, find_listed(repository, project, path.name)) for project in possible_projects(path.name))
    return {project: listed for project, listed in found if listed is not None and listed.path == str(path)}
