"""The document that mip reads on MicroPython boards: which files a release has, and what it needs.

https://docs.micropython.org/en/latest/reference/packages.html. Boards install what is needed one after another and
never ask whether they have it already, so two projects that need each other would keep them busy for ever. Therefore
each need is asked for with the names of all that is on the way to it or comes before it, `latest~demo~base`, and nginx
leaves out what is among them, and what is not here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement

from store.boards import LATEST
from store.errors import BadName
from store.names import parse_project, parse_version
from store.text import render_json

SEVERAL = 16  # needs
LENGTH = 90  # characters of a path: with the directory before it upip reads 100

_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_NOT_INSTALLED = ("tests", "test", "docs", "doc", "examples", "benchmarks", "build", "scripts")
_NOT_MODULES = ("setup.py", "conftest.py", "noxfile.py", "sdist_upip.py")
_NEED = (
    '<!--# set var="needed" value="" --><!--# include virtual="/.needed/{name}/~{project}$before~" set="needed" -->'
    '<!--# if expr="$needed" --><!--# echo var="comma" default="" encoding="none" -->["{name}","{version}{way}'
    '<!--# echo var="before" default="" encoding="none" -->"]<!--# set var="comma" value="," --><!--# endif -->'
)


def place_in_wheel(parts: tuple[str, ...]) -> str | None:
    """Where a member of a wheel is installed to on a board (PEP 427); None for what is not."""
    if parts[0].endswith(".dist-info"):
        return None
    if parts[0].endswith(".data"):
        parts = parts[2:] if parts[1:2] in (("purelib",), ("platlib",)) else ()
    return _place(parts)


def place_in_sdist(parts: tuple[str, ...]) -> str | None:
    """The same, of a member of an sdist, whose top directory is no part of it and `src` none, either.

    Right below these only modules are taken: what else lies there is about the project, and not of it.
    """
    inside = parts[2:] if parts[1:2] == ("src",) else parts[1:]
    if not inside or inside[0] in _NOT_INSTALLED or inside[0].endswith(".egg-info"):
        return None
    if len(inside) == 1 and (inside[0] in _NOT_MODULES or not inside[0].endswith(".py")):
        return None
    return _place(inside)


def _place(parts: tuple[str, ...]) -> str | None:
    """The path, if it is one that leads nowhere else whoever joins it to what."""
    path = "/".join(parts)
    is_sound = len(path) <= LENGTH and _PATH.fullmatch(path) and ".." not in path
    return str(PurePosixPath(path)) if is_sound else None


def list_needs(requirements: Iterable[str]) -> dict[str, str]:
    """Project → version, or `latest`, of all that is needed under no condition."""
    needs: dict[str, str] = {}
    for text in requirements:
        try:
            requirement = Requirement(text)
            exact = [each.version for each in requirement.specifier if each.operator == "=="]
            version = str(parse_version(exact[0])) if exact and "*" not in exact[0] else LATEST
            name = str(parse_project(requirement.name))
        except (InvalidRequirement, BadName, RecursionError):
            continue
        if requirement.marker is None:
            needs[name] = version
    return needs


def render_package(project: str, version: str, digests: Mapping[str, str], needs: Mapping[str, str]) -> bytes:
    """`digests` are sha256 in hex, by path on the board: mip asks for Python alone."""
    hashes = [[path, digest] for path, digest in sorted(digests.items()) if path.endswith(".py")]
    document = render_json({"v": 1, "version": version, "hashes": hashes, "deps": ["\0"]})
    wanted = "".join(
        _NEED.format(name=name, version=needs[name], project=project, way="~".join(("", project, *before)))
        for name, before in _with_those_before(sorted(needs))
    )
    return document.replace(b'"\\u0000"', wanted.encode())


def _with_those_before(names: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each with those that are installed by then, unless they are so many that no board could ask for that."""
    for at, name in enumerate(names):
        yield name, names[:at] if len(names) <= SEVERAL else []
