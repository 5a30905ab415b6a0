"""Names as people type them."""

from urllib.parse import urljoin

import pytest
from packaging.utils import canonicalize_name

from tests.uploader.room import Room


@pytest.mark.parametrize(
    ("path", "goal"),
    [
        ("/simple/My_Demo.Pkg/", "/simple/my-demo-pkg/"),
        ("/simple/My_Demo.Pkg", "/simple/my-demo-pkg/"),
        ("/My_Demo.Pkg/", "/simple/my-demo-pkg/"),
        ("/My_Demo.Pkg", "/simple/my-demo-pkg/"),
        ("/a--b/", "/simple/a-b/"),
        ("/simple/X//", "/simple/x/"),
        ("/X//", "/simple/x/"),
        ("//X/", "/simple/x/"),
        ("/project/My_Demo.Pkg/", "/project/my-demo-pkg/"),
        ("/project/demo", "/project/demo/"),
        ("/project/Demo/1.00", "/project/demo/1/"),
        ("//project//demo//v1.0.0//", "/project/demo/1/"),
        ("/project/Demo/feed.atom", "/project/demo/feed.atom"),
        ("/project/My_Demo/feed.atom/", "/project/my-demo/feed.atom"),
        ("/pypi/My_Demo/json", "/pypi/my-demo/json"),
        ("/pypi/My_Demo/json/", "/pypi/my-demo/json"),
        ("/pypi/demo/1.0.0-RC1/json", "/pypi/demo/1rc1/json"),
    ],
)
def test_a_name_leads_to_its_page(shared_room: Room, path: str, goal: str) -> None:
    for method in ("GET", "HEAD"):
        answer = shared_room.request(method, path)
        assert (answer.status, join(path, answer.headers["Location"])) == (302, goal)
        assert not answer.headers["Location"].startswith("/")


def join(path: str, location: str) -> str:
    """The path that a relative address leads to, as Python's clients see it."""
    return urljoin(f"http://host{path}", location).removeprefix("http://host")


NAMES = [
    "foo-",
    "-",
    "--",
    "_",
    ".",
    "..",
    "...",
    "-foo",
    "foo.",
    "foo_",
    "foo",
    "f",
    "a-b",
    "1",
    "x" * 300,
    "X" * 300,
    "simple",
    "SIMPLE",
    "Foo",
    "a..b",
]
PLACES = ["/simple/{}/", "/simple/{}", "/{}/", "/{}", "/{}/json", "//simple//{}//", "/simple/simple/{}/", "/{}==1/json"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", PLACES)
def test_no_redirect_leads_to_itself_or_to_what_is_no_name(shared_room: Room, name: str, place: str) -> None:
    path = place.format(name)
    answer = shared_room.request("GET", path)
    if answer.status == 302:
        goal = join(path, answer.headers["Location"])
        project = goal.rstrip("/").rpartition("/")[2]
        assert goal != path
        assert canonicalize_name(project, validate=True) == project != name
        assert shared_room.request("GET", goal).status == 404  # here; nginx has it on its disk
    elif answer.status == 200:
        assert canonicalize_name(name, validate=True) in answer.headers["X-Accel-Redirect"]
    else:
        assert (answer.status, answer.text.count("\n")) == (404, 1)


@pytest.mark.parametrize("name", ["foo-", "-", "_", "-foo", "foo.", "x" * 300])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_name_is_not_found(shared_room: Room, name: str, place: str) -> None:
    assert shared_room.request("GET", place.format(name)).status == 404


@pytest.mark.parametrize("name", ["foo", "a-b", "1"])
def test_a_normalized_name_is_not_sent_round(shared_room: Room, name: str) -> None:
    for place in PLACES[:4]:
        assert shared_room.request("GET", place.format(name)).status == 404


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/My_Demo/json", "/.board/my-demo/latest.json"),
        ("/demo/json", "/.board/demo/latest.json"),
        ("/demo==1.0/json", "/.board/demo/1.json"),
        ("/Demo==1.0.0rc1+Local.2/json", "/.board/demo/1rc1+local.2.json"),
        ("/demo===2.0/json", "/.board/demo/2.json"),
        ("/demo%20==%202.0/json", "/.board/demo/2.json"),
        ("/demo>=1,<2/json", "/.board/demo/latest.json"),
        ("/demo%5Bextra%5D/json", "/.board/demo/latest.json"),
        ("/demo;python_version=='3'/json", "/.board/demo/latest.json"),
    ],
)
def test_a_board_gets_its_document_without_a_redirect(shared_room: Room, path: str, document: str) -> None:
    answer = shared_room.request("GET", path)
    assert (answer.status, answer.headers["X-Accel-Redirect"]) == (200, document)


@pytest.mark.parametrize("version", ["", "x", "1.0-", "1/2", "%0a", "../../1", "1" * 5000])
def test_what_is_no_version_is_not_found(shared_room: Room, version: str) -> None:
    answer = shared_room.request("GET", f"/demo=={version}/json")
    assert (answer.status, answer.text.count("\n")) == (404, 1)


@pytest.mark.parametrize("path", ["/x%0ay/", "/%00", "/a/b/c", "/%ff/", "/simple/a%20b/", "/packages/x-1.0.tar.gz"])
def test_anything_else_is_not_here(shared_room: Room, path: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = shared_room.request("GET", path)
    assert (answer.status, answer.text.count("\n")) == (404, 1)
    assert not caplog.messages  # a name that is not known is no news
