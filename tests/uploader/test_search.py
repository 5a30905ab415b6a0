"""Searching: what fits, what comes first, and that nothing anybody sends does more than get an answer."""

import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store.searched import Searched, render_searched
from tests.running import Answer
from tests.uploader.room import AUTH, Room, serving
from uploader.search.ranking import FOUND, Subject, find
from uploader.search.searches import CALL_LIMIT
from uploader.search.xmlrpc import MALFORMED, UNKNOWN_METHOD

PROJECTS = (
    Searched("demo", "1.0", "A test", 1_700_000_000),
    Searched("demo-tools", "2.0", "More <b> & things"),
    Searched("my-demo", "0.1", ""),
    Searched("other", "3.0", "Nothing like a Demo"),
    Searched("undemonstrative", "1", "x"),
)
SUBJECTS = tuple(map(Subject, PROJECTS))
XML = {"Content-Type": "text/xml"}
BOMB = b"""<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<methodCall><methodName>&b;</methodName></methodCall>"""
OUTSIDE = (
    b"""<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]><methodCall><methodName>&a;</methodName></methodCall>"""
)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    found = Room(tmp_path / "room")
    found.set_policy('download = ["anonymous"]')
    found.beat()
    write(found)
    with serving(found) as running:
        yield running


def write(room: Room, projects: tuple[Searched, ...] = PROJECTS) -> None:
    file = room.data.default.searched
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name("new")
    new.write_bytes(render_searched(projects))
    new.rename(file)


def call(room: Room, *words: str, path: str = "/pypi", operator: str = "or") -> list[str]:
    body = xmlrpc.client.dumps(({"name": list(words), "summary": list(words)}, operator), "search").encode()
    answer = room.request("POST", path, body, XML)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/xml")
    found: Any = xmlrpc.client.loads(answer.body)[0][0]
    assert all(each.keys() == {"name", "version", "summary"} for each in found)
    return [each["name"] for each in found]


def fault(answer: Answer) -> int:
    with pytest.raises(xmlrpc.client.Fault) as raised:
        xmlrpc.client.loads(answer.body)
    return int(raised.value.faultCode)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["demo"], ["demo", "demo-tools", "my-demo", "undemonstrative", "other"]),
        (["DEMO", "tools"], ["demo-tools"]),
        (["my_demo"], ["my-demo"]),
        (["things"], ["demo-tools"]),
        (["nothing", "demo"], ["other"]),
        (["absent"], []),
        ([], []),
        ([" ", ""], []),
        (["demo"] * 1000, ["demo", "demo-tools", "my-demo", "undemonstrative", "other"]),
        (["x" * 10_000], []),
    ],
)
def test_the_best_comes_first(words: list[str], names: list[str]) -> None:
    assert [project.name for project in find(words, SUBJECTS)] == names


def test_any_of_several_words_is_enough_where_that_is_asked_for() -> None:
    assert [project.name for project in find(["tools", "other"], SUBJECTS, any)] == ["other", "demo-tools"]


def test_no_more_are_found_than_anybody_reads() -> None:
    assert len(find(["p"], [Subject(Searched(f"p{number}")) for number in range(1000)])) == FOUND


@pytest.mark.parametrize("path", ["/", "/pypi", "/pypi/", "/RPC2", "//", "/repositories/nosuch/pypi"])
def test_pip_is_answered_wherever_it_asks(room: Room, path: str) -> None:
    if "nosuch" in path:
        assert room.request("POST", path, b"", XML).status == 404
    else:
        assert call(room, "tools", "other", path=path) == ["other", "demo-tools"]
        assert call(room, "tools", "demo", path=path, operator="and") == ["demo-tools"]


def test_what_is_new_is_found_and_what_is_gone_is_not(room: Room) -> None:
    assert call(room, "demo")[0] == "demo"
    write(room, (Searched("fresh", "1.0", "demo"),))
    assert call(room, "demo") == ["fresh"]
    room.data.default.searched.write_text("{")
    assert call(room, "demo") == []
    room.data.default.searched.unlink()
    assert call(room, "demo") == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", MALFORMED),
        (b"<", MALFORMED),
        (b"\xff\xfe", MALFORMED),
        (BOMB, MALFORMED),
        (OUTSIDE, MALFORMED),
        (b"<methodCall><methodName>search</methodName></methodCall>", MALFORMED),
        (xmlrpc.client.dumps((1,), "search").encode(), MALFORMED),
        (xmlrpc.client.dumps((), "release_urls").encode(), UNKNOWN_METHOD),
        (b"<methodCall>" + b"<value><array><data>" * 2000, MALFORMED),
    ],
)
def test_what_is_no_call_is_a_fault(room: Room, body: bytes, code: int, caplog: pytest.LogCaptureFixture) -> None:
    answer = room.request("POST", "/pypi", body, XML)
    assert (answer.status, fault(answer)) == (200, code)
    assert "Traceback" not in caplog.text


def test_mirrors_are_told_what_changed(room: Room) -> None:
    def ask(method: str, *parameters: int) -> object:
        answer = room.request("POST", "/pypi", xmlrpc.client.dumps(parameters, method).encode(), XML)
        return xmlrpc.client.loads(answer.body)[0][0]

    assert ask("list_packages_with_serial") == {project.name: project.serial for project in PROJECTS}
    last = 1_700_000_000
    assert ask("changelog_since_serial", last) == [["demo", "1.0", last, "new release", last]]
    assert ask("changelog_since_serial", last + 1) == []


def test_a_long_call_is_not_read(room: Room) -> None:
    assert room.request("POST", "/pypi", b" " * (CALL_LIMIT + 1), XML).status == 413


@pytest.mark.parametrize("words", [{"name": 5}, {"name": [None, {"a": [1]}, [[["x"]]]]}, {"name": [True]}, {}])
def test_words_of_any_kind_are_words(room: Room, words: dict[str, object]) -> None:
    body = xmlrpc.client.dumps((words,), "search", allow_none=True).encode()
    assert room.request("POST", "/pypi", body, XML).status == 200


def test_only_who_may_read_may_search(room: Room) -> None:
    room.set_policy('download = ["authenticated"]')
    body = xmlrpc.client.dumps(({"name": ["demo"]},), "search").encode()
    assert room.request("POST", "/pypi", body, XML).status == 401
    assert b"demo-tools" in room.request("POST", "/pypi", body, XML | AUTH).body


def test_people_get_a_page_and_programs_json(room: Room) -> None:
    of = {"X-Larder-Repository": "default"}
    page = room.request("GET", "/.search?q=demo+tools", headers={**of, "Accept": "text/html"})
    assert '<a href="project/demo-tools/">demo-tools</a>' in page.text
    assert "More &lt;b&gt; &amp; things" in page.text
    hostile = room.request("GET", "/.search?q=%3Cscript%3E%22", headers=of).text
    assert "<script>" not in hostile
    assert 'value="&lt;script&gt;&quot;"' in hostile
    found = room.request("GET", "/.search?q=demo+tools", headers={**of, "Accept": "application/json"})
    assert found.json() == {
        "query": "demo tools",
        "projects": [{"name": "demo-tools", "version": "2.0", "summary": "More <b> & things"}],
    }
    assert "Nothing was found" in room.request("GET", "/.search?q=absent", headers=of).text
    assert "Nothing was found" not in room.request("GET", "/.search", headers=of).text
