"""By a rule: what of a repository may go, as it lies there now, and its removal."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from store.below import stat_file
from store.errors import BadName
from store.listing import Listed, read_listing
from store.names import is_certain, is_ignored, parse_project, parse_version
from store.removal import read_yank, remove
from store.repository import Repository
from store.text import render_printable, render_size, render_time
from uploader.answers import HttpRefusal
from uploader.change.rule import Kept, Named, Rule, choose
from uploader.statuses import read_status


class Doomed(NamedTuple):
    """A file that the rule lets go."""

    project: NormalizedName
    file: Kept

    @property
    def path(self) -> PurePosixPath:
        return PurePosixPath(self.file.listed.path)

    def __str__(self) -> str:
        path, day = render_printable(str(self.path)), render_time(int(self.file.at) * 10**9)[:10]
        return f"{path} ({self.project} {self.file.listed.release}, {render_size(self.file.size)}, {day})"


class Pruning:
    """Of one repository, by one rule; `now` is in seconds since 1970.

    OSError where it cannot be seen what there is, Refused where the rule names what is not.
    """

    def __init__(self, repository: Repository, rule: Rule, now: float) -> None:
        self._repository = repository
        self._rule = rule
        self._now = now
        self._others = _find_others(repository)
        self.projects = list(_list_projects(repository))
        rule.check_named(set(self._list_named()))

    def _list_named(self) -> Iterator[Named]:
        """All that could be meant by what the rule names."""
        for project in {named.project for named in self._rule.named} & set(self.projects):
            yield Named(project, None)
            for listed in read_listing(self._repository, project).values():
                version = parse_version(listed.release)
                yield from (Named(project, version), Named(project, Version(version.public)))

    def find_all(self) -> list[Doomed]:
        """By project, the oldest version first."""
        return [doomed for project in self.projects for doomed in self.find(project)]

    def find(self, project: NormalizedName) -> list[Doomed]:
        """Of a project that is not withheld, which is left as it is."""
        try:
            status = read_status(self._repository, project)
        except HttpRefusal:
            return []
        if status and status.is_withheld:
            return []
        return [Doomed(project, file) for file in choose(project, self._find_files(project), self._rule, self._now)]

    def is_doomed(self, doomed: Doomed) -> bool:
        """Whether the file still may go: others may have yanked, removed or replaced something meanwhile."""
        return doomed in self.find(doomed.project)

    def _find_files(self, project: NormalizedName) -> Iterator[Kept]:
        """Those that are listed and there; before each any others of its name, one of which would take its place."""
        for listed in read_listing(self._repository, project).values():
            for path in (*self._find_others_of(project, listed), listed.path):
                if facts := stat_file(self._repository, PurePosixPath(path)):
                    yanked = (
                        read_yank(self._repository, PurePosixPath(path)) if listed.yanked is None else listed.yanked
                    )
                    yield Kept(listed._replace(path=path, yanked=yanked), facts.st_mtime, facts.st_size)

    def _find_others_of(self, project: NormalizedName, listed: Listed) -> list[str]:
        """The paths of other files of its name; where the name may be of several projects, those in its directory."""
        name = PurePosixPath(listed.path).name
        found = (path for path in self._others.get(name, []) if path != listed.path)
        return [path for path in found if is_certain(name) or project in _list_directories(path)]


def _list_projects(repository: Repository) -> Iterator[NormalizedName]:
    names: list[str] = []
    with contextlib.suppress(FileNotFoundError):  # it has none
        names = sorted(os.listdir(repository.projects))  # noqa: PTH208 - of many
    for name in names:
        with contextlib.suppress(BadName):
            yield parse_project(name)


def _find_others(repository: Repository) -> dict[str, list[str]]:
    """The paths of names that several files have."""
    found: dict[str, list[str]] = {}
    for directory, names, filenames in os.walk(repository.packages):
        names[:] = [name for name in names if not is_ignored(name)]
        below = os.path.relpath(directory, repository.packages)
        for name in filenames:
            found.setdefault(name, []).append(os.path.normpath(f"{below}/{name}"))
    return {name: paths for name, paths in found.items() if len(paths) > 1}


def _list_directories(path: str) -> set[str]:
    """What the directories could be called after."""
    return {canonicalize_name(name) for name in PurePosixPath(path).parent.parts}


def remove_doomed(repository: Repository, doomed: Doomed) -> bool:
    """Remove the file for good; False where somebody else was quicker. OSError where that cannot be done."""
    is_listed = read_listing(repository, doomed.project).get(doomed.path.name)
    try:
        remove(repository, doomed.path, was_listed=is_listed is not None and is_listed.path == str(doomed.path))
    except FileNotFoundError:
        return False
    return True
