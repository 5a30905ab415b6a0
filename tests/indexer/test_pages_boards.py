"""The documents for boards: which versions they offer, and which one is the latest."""

import json
import re
from typing import Any

import pytest
from packaging.version import Version

from indexer.model import ListedFile, ProjectDetail
from indexer.pages import FOR_BOARDS
from store.distribution import Distribution
from store.identity import Identity
from store.names import Kind, pick_latest

ORIGIN = '<!--# echo var="board_origin" encoding="none" -->'
OF_ALL = re.compile(r'<!--# if expr="\$version" --><!--# else -->(.*?)<!--# endif -->', re.S)
OF_VERSION = re.compile(r'<!--# if expr="\$version = (.*?)" -->(.*?)<!--# endif -->', re.S)


def listed(filename: str, version: str, kind: Kind = "sdist", yanked: str | None = None) -> ListedFile:
    distribution = Distribution((("demo", version),), kind, "0" * 64, "", "")
    return ListedFile(filename, f"sub dir/{filename}", Identity(1, 1, 1), version, distribution, yanked, False)


def documents(*files: ListedFile) -> dict[str, Any]:
    """By version, "" for the one of all; their addresses without the part that nginx fills in."""
    detail = ProjectDetail("demo", files)
    content = FOR_BOARDS.render(detail).get("boards.json", b"").decode()
    assert content.count(ORIGIN) == content.count('"url"')
    of_all, of_each = OF_ALL.findall(content), dict(OF_VERSION.findall(content))
    found = {**of_each, "": of_all[0]} if content else {}
    names = {f"boards@{version}.json" for version in of_each}
    assert {name for name, page in FOR_BOARDS.list_aliases(detail).items() if page == "boards.json"} == names
    return {version: json.loads(document.replace(ORIGIN, "")) for version, document in found.items()}


def test_there_is_a_document_for_all_versions_and_one_for_each() -> None:
    found = documents(listed("demo-1.0.tar.gz", "1.0"), listed("demo-2.0.1.tgz", "2.0.1"))
    assert found.keys() == {"", "1.0", "1", "2.0.1"}
    files = {"1.0": [{"url": "/upip/sub%20dir/demo-1.0.tar.gz"}]}
    assert found["1.0"] == found["1"] == {"info": {"version": "1.0"}, "releases": files}
    both = {**files, "2.0.1": [{"url": "/upip/sub%20dir/demo-2.0.1.tgz"}]}
    assert found[""] == {"info": {"version": "2.0.1"}, "releases": both}


def test_two_spellings_of_a_version_are_one_release_under_the_name_of_its_file() -> None:
    found = documents(listed("demo-1.0.tar.gz", "1.0"), listed("demo-1.0.0.tar.gz", "1.0.0"))
    assert found[""]["info"] == {"version": "1.0.0"}
    assert list(found[""]["releases"]) == ["1.0.0"]
    assert found.keys() == {"", "1.0.0", "1"}


def test_there_is_none_without_an_archive_that_a_board_can_unpack() -> None:
    others = [listed(f"demo-1.0{suffix}", "1.0") for suffix in (".zip", ".tar", ".tar.bz2")]
    assert documents(*others, listed("demo-1.0-py3-none-any.whl", "1.0", "wheel")) == {}


def test_of_two_archives_of_a_release_the_one_not_yanked_is_offered() -> None:
    for yanked in ("demo-1.0.tar.gz", "demo-1.0.tgz"):
        names = ("demo-1.0.tar.gz", "demo-1.0.tgz")
        found = documents(*(listed(name, "1.0", yanked="" if name == yanked else None) for name in names))
        [offered] = found["1.0"]["releases"]["1.0"]
        assert offered["url"].rpartition("/")[2] in set(names) - {yanked}


def test_a_yanked_release_is_the_latest_only_where_all_are() -> None:
    old, new = listed("demo-1.0.tar.gz", "1.0"), listed("demo-2.0.tar.gz", "2.0", yanked="no")
    assert documents(old, new)[""]["info"]["version"] == "1.0"
    assert documents(new)[""]["info"]["version"] == "2.0"
    assert documents(old, new)["2.0"]["info"]["version"] == "2.0"


@pytest.mark.parametrize(
    ("versions", "latest"),
    [
        (["1.0", "1.1", "1.2rc1", "1.10.0", "2.0.dev3"], "1.10.0"),
        (["0.1.0rc9", "0.1.0rc10"], "0.1.0rc10"),
        (["1!0.1", "9"], "1!0.1"),
        (["1.0", "1.0.post1", "1.0+local"], "1.0.post1"),
    ],
)
def test_the_latest_is_the_newest_final_release_else_the_newest_before_one(versions: list[str], latest: str) -> None:
    assert pick_latest(map(Version, versions)) == Version(latest)
