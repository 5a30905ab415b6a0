"""Who may import what, and where the path of anything may be known."""

import ast
import sys
from pathlib import Path

import pytest

from tests.running import HERE

ROOMS = {
    "store": {"isal", "packaging"},
    "uploader": {
        "aiohttp",
        "defusedxml",
        "http_sf",
        "mousebender",
        "packaging",
        "passlib",
        "prometheus_client",
        "shtab",
        "store",
    },
    "indexer": {"jinja2", "markupsafe", "nh3", "packaging", "readme_renderer", "store", "watchdog"},
    "scripts": {"store"},
}
HOMES = {
    "watchdog": ["indexer/watch.py"],
    "jinja2": ["indexer/pages/templates.py"],
    "markupsafe": ["indexer/pages/templates.py"],
    "passlib": ["uploader/auth/hashes.py"],
    "shtab": ["uploader/commands.py"],
    "nh3": ["indexer/readme.py"],
    "readme_renderer": ["indexer/readme.py"],
    "prometheus_client": ["uploader/metrics.py"],
    "http_sf": ["uploader/files/digests.py"],
    "defusedxml": ["uploader/search/xmlrpc.py"],
    "isal": ["store/archive/inflate.py"],
}
PATHS = ("store/data.py", "store/repository.py")


def sources(room: str) -> list[Path]:
    return sorted((HERE / room).rglob("*.py"))


def imports(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    found = set().union(*map(imports, sources(room)))
    assert found - set(sys.stdlib_module_names) - {room} <= ROOMS[room]


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_used_in_one_place(library: str) -> None:
    files = [file for room in ROOMS for file in sources(room) if library in imports(file)]
    assert [str(file.relative_to(HERE)) for file in files] == HOMES[library]


def path_literals(file: Path) -> list[str]:
    """The literal names that are put below a path."""
    nodes = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.BinOp)]
    right = [node.right for node in nodes if isinstance(node.op, ast.Div)]
    return [node.value for node in right if isinstance(node, ast.Constant) and isinstance(node.value, str)]


@pytest.mark.parametrize("room", ["store", "uploader", "indexer"])
def test_what_lies_where_is_known_in_one_place(room: str) -> None:
    known = {name for path in PATHS for name in path_literals(HERE / path)}
    assert {"packages", "site", "state", "larder.toml", ".htpasswd"} <= known
    found = {str(file.relative_to(HERE)): known & set(path_literals(file)) for file in sources(room)}
    assert {path: names for path, names in found.items() if names and path not in PATHS} == {}


def test_a_module_is_small_enough_to_be_read_at_once() -> None:
    lengths = {file: len(file.read_text().splitlines()) for room in ROOMS for file in sources(room)}
    assert {str(file.relative_to(HERE)): length for file, length in lengths.items() if length > 260} == {}
