"""The ways that nginx goes: there while the policy has them, and leading to where nginx sees the data."""

import re
from pathlib import Path

import pytest

from store.data import Data
from store.policy import ANONYMOUS, AUTHENTICATED, Policy
from store.ways import list_ways, mark_of, way_of


def lay(prefix: Path, data: Data, policy: Policy) -> Path:
    """The repository's ways, as the indexer makes them, of a nginx that is started in `prefix`."""
    directory = data.policy_in_force
    for way, target in list_ways(data, data.default, policy).items():
        (directory / way).parent.mkdir(parents=True, exist_ok=True)
        (directory / way).symlink_to(target)
    assert data.run.parent == prefix
    return data.policy_in_force / "default"


@pytest.mark.parametrize("where", ["in the data directory", "elsewhere"])
@pytest.mark.parametrize("who", [ANONYMOUS, AUTHENTICATED])
def test_every_way_leads_by_what_nginx_has_beside_itself(tmp_path: Path, where: str, who: str) -> None:
    prefix, root = tmp_path / "prefix", tmp_path / "data"
    site = root / "site" if where == "in the data directory" else tmp_path / "pages"
    data = Data(root, site, tmp_path / "state", prefix / "run")
    policy = Policy(download=(who,))
    readers = data.readers_of("default") / mark_of(policy)
    for path in (data.default.packages, data.default.site, readers, data.policy_in_force.parent):
        path.mkdir(parents=True)
    (prefix / "data").symlink_to(root)
    (prefix / "site").symlink_to(site)
    ways = lay(prefix, data, policy)
    for each in (way_of(None if who == ANONYMOUS else "ann", policy), "asked"):
        assert (ways / each / "pages").resolve() == data.default.site
        assert (ways / each / "packages").resolve() == data.default.packages
    assert ((ways / "readers").resolve() == readers) is (who == AUTHENTICATED)


@pytest.mark.parametrize(
    ("download", "overwrite", "expected"),
    [
        ((), False, {"asked/pages", "asked/packages"}),
        ((), True, {"asked/pages", "asked/overwritten/packages"}),
        (
            (AUTHENTICATED,),
            True,
            {
                "asked/pages",
                "asked/overwritten/packages",
                "authenticated/pages",
                "authenticated/overwritten/packages",
                "readers",
            },
        ),
        (
            ("ann",),
            False,
            {"asked/pages", "asked/packages", "authenticated/pages", "authenticated/packages", "readers"},
        ),
        (
            (ANONYMOUS, AUTHENTICATED, "ann"),
            False,
            {"asked/pages", "asked/packages", "anonymous/pages", "anonymous/packages"},
        ),
    ],
)
def test_there_is_a_way_for_whom_the_policy_names_alone(
    tmp_path: Path, download: tuple[str, ...], overwrite: bool, expected: set[str]
) -> None:
    data = Data.at(tmp_path / "data", tmp_path / "run")
    ways = list_ways(data, data.default, Policy(download=download, overwrite=overwrite))
    assert {re.sub("-[0-9a-f]{16}", "", way.removeprefix("default/")) for way in ways} == expected
    others = list_ways(data, data.default, Policy(download=download, overwrite=overwrite, boards_open=True))
    assert others.keys() - ways.keys() == {"default/boards"}


def test_who_may_read_now_has_another_way_than_who_might_before() -> None:
    marks = [mark_of(Policy(download=who)) for who in ((), ("ann",), ("bob",), ("ann", "bob"), (AUTHENTICATED,))]
    assert len(set(marks)) == len(marks)
    assert mark_of(Policy(download=("bob", "ann"), overwrite=True)) == marks[3]
