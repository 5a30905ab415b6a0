"""Who may import what."""

import ast
import sys
from pathlib import Path

import pytest

from tests.running import HERE

ROOMS = {
    "store": {"packaging", "pkginfo"},
    "uploader": {"aiohttp", "packaging", "passlib", "store"},
    "indexer": {"jinja2", "packaging", "store", "watchdog"},
}
HOMES = {"watchdog": ["indexer/watch.py"], "jinja2": ["indexer/render.py"], "passlib": ["uploader/credentials.py"]}


def imports(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    found = set().union(*(imports(file) for file in (HERE / room).rglob("*.py")))
    assert found - set(sys.stdlib_module_names) - {room} <= ROOMS[room]


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_used_in_one_place(library: str) -> None:
    files = [file for room in ROOMS for file in (HERE / room).rglob("*.py") if library in imports(file)]
    assert [str(file.relative_to(HERE)) for file in files] == HOMES[library]
