"""Trees of projects of which some are here and some are at another Larder: by every installer, with either fallback."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archives import make_wheel
from tests.clients.test_install import POETRY, Pip, poetry, uv_install
from tests.running import PASSWORD, USER, Larder, basic, running_in, wait_until

TREES = {"root-there": ("there", "here"), "root-here": ("here", "there")}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    with running_in(tmp_path_factory.mktemp("there")) as found:
        found.add_user()
        yield found


@pytest.fixture(scope="module", params=["redirect", "proxy", "proxy of a closed one"])
def larder(
    request: pytest.FixtureRequest, upstream: Larder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Larder]:
    """Two trees: of each the root is at the one, and what it needs at the other."""
    is_closed = "closed" in request.param
    logins = {"LARDER_UPSTREAM_LOGINS": f"{upstream.login_url}/"} if is_closed else {}
    upstream.rule(f"[repositories.default]\ndownload = ['{'authenticated' if is_closed else 'anonymous'}']\n")
    wait_until(lambda: upstream.get("/simple/").status == (401 if is_closed else 200))
    with running_in(tmp_path_factory.mktemp("here"), **logins) as found:
        where = {"here": found, "there": upstream}
        for root, places in TREES.items():
            make(where[places[0]], root, Requires_Dist=f"{root}-leaf>=1", Requires_Python=">=3.8")
            make(where[places[1]], f"{root}-leaf")
        found.rule(
            f'[repositories.default]\nupstream = "{upstream.url}/simple/"\nfallback = "{request.param.split()[0]}"\n'
        )
        wait_until(lambda: found.get("/simple/root-there/").status in (200, 302))
        yield found


def make(larder: Larder, name: str, **fields: str) -> None:
    wheel = make_wheel(larder.packages, name, "1.0", None, **fields)
    login = basic(USER, PASSWORD)
    wait_until(lambda: wheel.name in larder.get(f"/simple/{name}/", **login).text)


def pip(larder: Larder, home: Path, tree: str) -> str:
    options: list[str | Path] = ["--target", home / "site", "--index-url", f"{larder.url}/simple/"]
    return Pip(home)("install", *options, tree)[1]


def uv(larder: Larder, home: Path, tree: str) -> str:
    return uv_install(larder.url, home, tree)


def by_poetry(larder: Larder, home: Path, tree: str) -> str:
    home.mkdir()
    (home / "pyproject.toml").write_text(POETRY.format(url=larder.url))
    said = poetry(home / "home", home, "add", tree)
    (home / "site").symlink_to(next(home.glob(".venv/lib/*/site-packages")))
    return said


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("install", [pip, uv, by_poetry])
def test_a_tree_is_installed(
    larder: Larder, tmp_path: Path, install: Callable[[Larder, Path, str], str], tree: str
) -> None:
    said = install(larder, tmp_path / "one", tree)
    module, found = tree.replace("-", "_"), (tmp_path / "one/site").glob("root_*.py")
    assert {path.name for path in found} == {f"{module}.py", f"{module}_leaf.py"}, said


@pytest.mark.parametrize("install", [pip, uv])
def test_a_second_time_it_is_installed_with_the_upstream_gone(
    upstream: Larder, larder: Larder, tmp_path: Path, install: Callable[[Larder, Path, str], str]
) -> None:
    install(larder, tmp_path / "one", "root-there")
    with upstream.without("nginx"):
        if "redirect" in (larder.data / "larder.toml").read_text():
            assert larder.get("/simple/root-there/").status == 302  # it leads there, and asks nobody
            return
        said = install(larder, tmp_path / "two", "root-there")
        assert (tmp_path / "two/site/root_there.py").exists(), said
