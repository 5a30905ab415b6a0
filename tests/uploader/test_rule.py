"""Which releases a rule lets go."""

from collections.abc import Iterable

import pytest
from packaging.utils import canonicalize_name

from store.errors import Refused
from store.listing import Listed
from uploader.change.rule import DAY, Kept, choose, read_rule

NOW = 1_000 * DAY
DEMO = canonicalize_name("demo")


def files(*versions: str, days: float = 500, yanked: Iterable[str] = ()) -> list[Kept]:
    """One of each version, the first the newest by a day."""
    return [
        Kept(Listed(f"demo-{v}.tar.gz", "0", v, "why" if v in yanked else None), NOW - (days + at) * DAY, 1)
        for at, v in enumerate(versions)
    ]


def going(found: list[Kept], keep: int, days: int = 0, named: Iterable[str] = ()) -> list[str]:
    rule = read_rule(str(keep), str(days), named)
    return [file.listed.release for file in choose(DEMO, found, rule, NOW)]


def test_the_newest_versions_stay_however_they_were_uploaded() -> None:
    assert going(files("1.9", "1.10", "1.2", "1.1"), keep=2) == ["1.1", "1.2"]


def test_versions_are_compared_and_not_names() -> None:
    assert going([*files("1.0"), *files("1"), *files("2")], keep=1) == ["1.0", "1"]


def test_what_is_not_older_stays() -> None:
    found = [*files("1.0", days=30), *files("0.9", days=31), *files("2.0", days=1)]
    assert going(found, keep=1, days=30) == ["0.9"]


def test_one_newer_file_keeps_its_release() -> None:
    assert going([*files("1.0", days=100), *files("1.0", days=3), *files("2.0")], keep=1, days=30) == []


def test_what_is_yanked_stays_and_takes_nobodys_place() -> None:
    assert going(files("4", "3", "2", "1", yanked=("4", "2")), keep=1) == ["1"]
    assert going(files("2", "1", yanked=("2", "1")), keep=1) == []
    assert going(files("2", "1+local.1"), keep=1, named=["demo==1"]) == []


@pytest.mark.parametrize("named", ["demo", "Demo==1", "demo == 1.0.0"])
def test_what_is_named_stays(named: str) -> None:
    assert going(files("3", "2", "1.0"), keep=1, named=[named]) == ([] if named == "demo" else ["2"])
    assert going(files("3", "2", "1.0"), keep=1, named=["other", "other==1.0"]) == ["1.0", "2"]


def test_the_version_that_installers_take_stays() -> None:
    assert going(files("2.0.dev3", "2.0.dev2", "2.0.dev1", "1.1", "1.0"), keep=2) == ["1.0", "2.0.dev1"]


@pytest.mark.parametrize(
    ("keep", "days", "named", "said"),
    [
        ("0", "0", "", "keep is '0'; expected a whole number from 1 to 1000000"),
        ("-1", "0", "", "keep is '-1'; expected"),
        ("", "0", "", "keep is ''; expected"),
        ("1e3", "0", "", "keep is '1e3'; expected"),
        ("9" * 50, "0", "", "expected a whole number"),
        ("1", "x", "", "days is 'x'; expected a whole number from 0 to 36500"),
        ("1", "٣", "", "days is '٣'; expected"),
        ("1", "0", "../x", "'../x': a project name has only letters"),
        ("1", "0", "x==y", "'y' is not a version as PEP 440 has it"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(keep: str, days: str, named: str, said: str) -> None:
    with pytest.raises(Refused, match=r"expected|only letters|PEP 440") as refused:
        read_rule(keep, days, [named] if named else [])
    assert said in str(refused.value)
