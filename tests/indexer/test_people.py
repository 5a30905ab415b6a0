"""Pages for people: made beside, of what the archives say, and only where they would be others."""

import gzip
import json
import os
import queue
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from indexer import portray
from indexer.catalogue import PAUSE
from indexer.describe import parse_fields
from indexer.index import Index
from indexer.manifest import Manifest
from indexer.model import Care, Description, ListedFile, ProjectDetail
from indexer.pages.catalogue import Entry, list_uploads, render_catalogue
from indexer.pages.project import render_project
from indexer.pages.releases import list_releases
from indexer.people import Made, People
from indexer.portray import Portrayed
from indexer.scan import scan
from indexer.site import Site
from indexer.tables import open_state
from indexer.tracker import Tracker
from store.data import Data
from store.distribution import Distribution
from store.identity import Identity
from store.names import YANKED
from store.repository import Repository
from tests.archives import core_metadata, make_archive, make_sdist, make_wheel, sdist_contents

README = "text/markdown\n\n# Hello *you*\n"


class Room:
    """All that the pages are made of, without a loop; the clock is the test's."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.packages = repository.packages
        self.reports: queue.SimpleQueue[Made] = queue.SimpleQueue()
        self.state = open_state(repository)
        self.index = Index(self.state, "1")
        self.tracker = Tracker(repository, self.state, self.index, print)
        self.site = Site(repository, Manifest(self.state))
        self.people = People(repository, self.state, self.site, self.index, self.reports.put)
        self.now = 100.0

    def look(self) -> None:
        """Take in what lies there, and have the pages made that this makes due."""
        there = {seen.path: seen for seen in scan(self.packages, "")}
        dirty = self.tracker.look(sorted(there)) | self.tracker.forget(self.index.paths_below("") - there.keys())
        while self.tracker.unread:
            dirty |= self.tracker.step()
        for project in dirty:
            directory = self.repository.project(project)
            if project in self.index.projects():
                directory.mkdir(parents=True, exist_ok=True)
            elif directory.exists():
                directory.rmdir()
        self.people.soil(dirty)
        self.go_on()

    def go_on(self) -> list[Portrayed]:
        """Until nothing more is asked for; what was made."""
        made: list[Made] = []
        for _ in range(2):  # the pages about all are made of what is known by then
            self.now += PAUSE
            self.people.step(self.now)
            while self.people.is_busy or self.people.can_go_on:
                made.append(self.reports.get(timeout=60))
                self.people.receive(made[-1], self.now)
                self.people.step(self.now)
        return [each for each in made if isinstance(each, Portrayed)]

    def pages(self, project: str = "demo") -> dict[str, str]:
        directory = self.repository.site / "people" / project
        return {path.name: path.read_text() for path in directory.iterdir()} if directory.exists() else {}

    def catalogue(self) -> dict[str, str]:
        """The pages about all projects, as far as they are not compressed."""
        directory = self.repository.site / "catalogue"
        return {path.name: path.read_text() for path in directory.iterdir() if path.suffix != ".gz"}

    def inodes(self, project: str = "demo") -> dict[str, int]:
        directory = self.repository.site / "people" / project
        return {path.name: path.stat().st_ino for path in directory.iterdir()}

    def close(self) -> None:
        self.people.stop()
        self.tracker.stop()
        self.state.close()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    found = Data.at(tmp_path, tmp_path / "run").default
    found.packages.mkdir()
    return found


@pytest.fixture
def room(repository: Repository) -> Iterator[Room]:
    found = Room(repository)
    yield found
    found.close()


def test_a_project_has_a_page_and_one_for_each_release(room: Room) -> None:
    make_wheel(room.packages, "demo", "1.0", Description_Content_Type=README)
    make_sdist(room.packages, "demo", "2.0.0rc1")
    room.look()
    pages = room.pages()
    names = ("project", "1.0", "1", "2.0.0rc1", "2rc1")
    assert pages.keys() == {f"{name}{suffix}" for name in names for suffix in (".html", ".json")} | {"feed.atom"}
    assert '<h1>demo <span class="version">1.0</span></h1>' in pages["project.html"]
    assert "<em>you</em>" in pages["project.html"]
    assert '<a href="2.0.0rc1/">' in pages["project.html"]
    assert "pip install" in pages["1.0.html"]
    assert "demo==1.0" in pages["1.0.html"]
    assert pages["1.html"] == pages["1.0.html"]


def test_only_what_would_be_another_page_is_made_again(room: Room) -> None:
    for version in ("1.0", "1.1"):
        make_wheel(room.packages, "demo", version, Description_Content_Type=README)
    room.look()
    before = room.inodes()
    room.people.soil(["demo"])
    assert room.go_on() == []
    assert room.inodes() == before
    make_wheel(room.packages, "demo", "1.2")
    room.look()
    after = room.inodes()
    assert {name for name, inode in before.items() if after[name] == inode} == {
        "1.0.html", "1.html", "1.1.html", "1.0.json", "1.json", "1.1.json"
    }  # fmt: skip
    assert '<span class="version">1.2</span>' in room.pages()["project.html"]
    (room.packages / f"demo-1.0-py3-none-any.whl{YANKED}").write_text("it <breaks>")
    room.look()
    assert "it &lt;breaks&gt;" in room.pages()["1.0.html"]
    assert "it &lt;breaks&gt;" in room.pages()["project.html"]
    assert room.inodes()["1.2.html"] == after["1.2.html"]


def test_what_is_gone_has_no_pages(room: Room) -> None:
    wheels = [make_wheel(room.packages, "demo", version) for version in ("1.0", "1.1")]
    room.look()
    wheels[0].unlink()
    room.look()
    assert room.pages().keys() == {"project.html", "project.json", "feed.atom", "1.1.html", "1.1.json"}
    wheels[1].unlink()
    room.look()
    assert room.pages() == {}


def test_a_need_leads_to_its_page_as_long_as_it_is_here(room: Room) -> None:
    make_wheel(room.packages, "demo", "1.0", Requires_Dist="Some_Thing[x]>=1; python_version > '3'")
    room.look()
    link = '<a href="../../project/some-thing/">Some_Thing[x]&gt;=1; python_version &gt; &#39;3&#39;</a>'
    assert link not in room.pages()["project.html"]
    thing = make_wheel(room.packages, "some-thing", "1.0")
    room.look()
    assert link in room.pages()["project.html"]
    thing.unlink()
    room.look()
    assert link not in room.pages()["project.html"]
    assert "Some_Thing[x]" in room.pages()["project.html"]


def test_a_page_that_is_damaged_is_made_again_and_no_other(room: Room) -> None:
    make_wheel(room.packages, "demo", "1.0")
    room.look()
    before = room.inodes()
    (room.repository.site / "people/demo/1.0.html").write_text("x")
    room.people.soil(["demo"])
    room.go_on()
    assert "demo==1.0" in room.pages()["1.0.html"]
    assert room.inodes()["project.html"] == before["project.html"]


def test_a_restart_goes_on_with_what_is_due_and_makes_nothing_again(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    make_wheel(room.packages, "demo", "1.0", Requires_Dist="one\nRequires-Dist: another")
    room.look()
    make_wheel(room.packages, "demo", "1.1")
    make_wheel(room.packages, "other", "1.0")
    room.tracker.look([path.name for path in room.packages.iterdir()])
    while room.tracker.unread:
        room.tracker.step()
    room.people.soil(["demo", "other"])
    room.close()
    again = Room(room.repository)
    try:
        assert sorted(page for made in again.go_on() for page in made.pages) == [
            "1.0.html", "1.0.json", "1.1.html", "1.1.json",
            *["feed.atom"] * 2, *["project.html"] * 2, *["project.json"] * 2
        ]  # fmt: skip
        assert again.go_on() == []
        assert "began" not in caplog.text  # the state anew, for whatever is wrong with it
    finally:
        again.close()


def test_more_releases_than_are_made_at_once_all_get_their_pages(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portray, "SOME", 4)
    for number in range(10):
        make_wheel(room.packages, "demo", f"1.{number}")
    room.look()
    assert len(room.pages()) == 25  # 1.0 is 1, too


def test_a_readme_that_takes_too_long_is_shown_as_it_was_written_and_stops_no_other(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portray, "SECONDS", 0.0)
    monkeypatch.setattr(portray, "due", lambda _: 1.5)
    monkeypatch.setattr(portray, "SOME", 1)
    slow = ">" * 60_000 + "`[*_x|"  # blockquotes in each other
    make_wheel(room.packages, "demo", "1.0", Description_Content_Type=f"text/markdown\n\n{slow}")
    make_wheel(room.packages, "demo", "2.0", Description_Content_Type=README)
    make_wheel(room.packages, "other", "1.0", Description_Content_Type=README)
    room.look()
    assert "<em>you</em>" in room.pages()["project.html"]
    assert "<em>you</em>" in room.pages("other")["project.html"]
    assert "`[*_x|" in room.pages()["1.0.html"]


HOSTILE: dict[str, dict[str, Any]] = {
    "a long need": {"Requires_Dist": "a" * 300},
    "a deep need": {"Requires_Dist": "x; " + "(" * 1500},
    "deep authors": {"Author_Email": "(" * 3000},
    "a deep licence": {"License_Expression": "(" * 3000},
    "odd links": {"Project_URL": "\x00, javascript:alert(1)"},
    "many classifiers": {"Classifier": "\nClassifier: ".join(f"A :: {n}" for n in range(5000))},
    "a deep marker": {"Requires_Dist": "x; " + "python_version>'3' and " * 3000 + "python_version>'3'"},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_field_keeps_a_release_from_its_page(room: Room, kind: str) -> None:
    make_wheel(room.packages, "demo", "1.0")
    room.look()
    make_wheel(room.packages, "demo", "2.0", **HOSTILE[kind])
    room.look()
    assert '<h1>demo <span class="version">2.0</span></h1>' in room.pages()["project.html"]
    assert json.loads(room.catalogue()["projects.json"])[0][:2] == ["demo", "2.0"]


def test_what_nothing_can_be_made_of_is_left_out_and_the_page_is_there(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portray, "CARES", (Care.ALL, Care.NONE))
    monkeypatch.setattr(portray, "ENOUGH", 0.0)
    monkeypatch.setattr(portray, "SECONDS", 0.0)
    monkeypatch.setattr(portray, "due", lambda _: 1.0)
    make_wheel(room.packages, "demo", "1.0", Description_Content_Type="text/markdown\n\n" + ">" * 60_000 + "x")
    room.look()
    page = room.pages()["project.html"]
    assert '<h1>demo <span class="version">1.0</span></h1>' in page
    assert "what it says of itself cannot be read" in page


def test_a_process_that_somebody_else_ends_says_nothing_of_a_readme(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    make_wheel(room.packages, "demo", "1.0", Description_Content_Type=README)
    room.tracker.look(["demo-1.0-py3-none-any.whl"])
    room.tracker.step()
    room.repository.project("demo").mkdir(parents=True)
    room.people.soil(["demo"])
    for _ in range(3):
        room.people.step(room.now)
        for made in killed(room):
            room.people.receive(made, room.now)
        room.now += 1000
    assert "its process was ended by SIGKILL" in caplog.text
    room.go_on()
    assert "<em>you</em>" in room.pages()["project.html"]


def killed(room: Room) -> list[Made]:
    """What is reported of pages whose process is ended while it makes them."""
    reason = "its process was ended by SIGKILL"
    made = room.reports.get(timeout=60)
    return [made._replace(pages={}, about=None, reason=reason, passing=True) if isinstance(made, Portrayed) else made]


def test_who_could_not_be_portrayed_lets_others_go_first(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portray, "ENOUGH", 0.0)
    monkeypatch.setattr(portray, "SECONDS", 0.0)
    monkeypatch.setattr(portray, "due", lambda _: 1.0)
    slow = "text/markdown\n\n" + ">" * 60_000 + "x"
    wheels = [make_wheel(room.packages, f"a-slow-{n}", "1.0", Description_Content_Type=slow) for n in range(2)]
    wheels += [make_wheel(room.packages, f"b-quick-{n}", "1.0") for n in range(3)]
    room.tracker.look([wheel.name for wheel in wheels])
    room.tracker.step()
    room.people.soil([f"a-slow-{n}" for n in range(2)])
    room.people.soil([f"b-quick-{n}" for n in range(3)])
    order = [made.project for made in room.go_on()]
    last = max(at for at, project in enumerate(order) if project.startswith("b-"))
    assert order[:last].count("a-slow-0") == order[:last].count("a-slow-1") == 1
    assert all("project.html" in room.pages(f"a-slow-{n}") for n in range(2))


@pytest.mark.parametrize("field", ["Summary", "Author"])
def test_what_is_written_in_latin_1_is_read_as_that(room: Room, field: str) -> None:
    metadata = core_metadata("demo", "1.0", **{field: "Gr\u00fc\u00dfe"}).encode("latin-1")
    make_archive(room.packages / "demo-1.0.tar.gz", "demo-1.0", {**sdist_contents("demo", "1.0"), "PKG-INFO": metadata})
    room.look()
    assert "Gr\u00fc\u00dfe" in room.pages()["project.html"]


def test_what_a_release_says_is_bounded() -> None:
    metadata = core_metadata(
        "demo", "1.0", Summary="s" * 9000, Description_Content_Type="text/plain\n\n" + "<" * 8_000_000
    )
    fields = parse_fields(metadata.encode())
    assert (len(str(fields["description"])), len(str(fields["summary"]))) == (1 << 20, 5000)


def test_an_archive_that_cannot_be_read_any_more_is_a_reason_and_tried_again(room: Room) -> None:
    wheel = make_wheel(room.packages, "demo", "1.0")
    room.tracker.look([wheel.name])
    room.tracker.step()
    content = wheel.read_bytes()
    wheel.unlink()
    room.people.soil(["demo"])
    room.go_on()
    assert wheel.name in room.people.faults["demo"]
    wheel.write_bytes(content)
    room.now += 1000
    room.go_on()
    assert "project.html" in room.pages()
    assert room.people.faults == {}


def parse_feed(text: str) -> ElementTree.Element:
    """As nginx would fill it in."""
    return ElementTree.fromstring(re.sub("<!--#.*?-->", "http://index.example", text))


def test_all_projects_are_listed_with_what_they_say_of_themselves(room: Room) -> None:
    old = make_wheel(room.packages, "b-old", "2.0")
    os.utime(old, (1_600_000_000, 1_600_000_000))
    new = make_wheel(room.packages, "a-new", "1.0")
    make_wheel(room.packages, "a-new", "0.9")
    os.utime(new, (1_700_000_000, 1_700_000_000))
    os.utime(room.packages / "a_new-0.9-py3-none-any.whl", (1_700_000_100, 1_700_000_100))
    room.look()
    pages = room.catalogue()
    found = json.loads(pages["projects.json"])
    assert [entry[:3] for entry in found] == [["a-new", "1.0", "A test"], ["b-old", "2.0", "A test"]]
    assert [entry[3] for entry in found] == [1_700_000_100, 1_600_000_000]
    assert re.findall('href="project/(.*?)/"', pages["new.html"]) == ["a-new", "b-old"]
    assert '<time datetime="2023-11-14">2023-11-14</time>' in pages["new.html"]
    assert "<p>A test</p>" in pages["new.html"]
    feed = parse_feed(pages["feed.atom"])
    titles = [title.text for title in feed.iter("{http://www.w3.org/2005/Atom}title")]
    assert titles == ["All projects", "a-new 0.9", "a-new 1.0", "b-old 2.0"]
    releases = parse_feed(room.pages("a-new")["feed.atom"])
    assert [title.text for title in releases.iter("{http://www.w3.org/2005/Atom}title")] == [
        "a-new", "a-new 0.9", "a-new 1.0"
    ]  # fmt: skip
    old.unlink()
    room.look()
    assert "b-old" not in "".join(room.catalogue().values())


def test_the_feed_has_every_release_by_when_it_came(room: Room) -> None:
    for number in range(3):
        for make in (make_wheel, make_sdist):
            file = make(room.packages, "demo", f"1.{number}")
            os.utime(file, (1_700_000_000 + number, 1_700_000_000 + number))
    make_wheel(room.packages, "bad", "1.0")
    (room.packages / "bad.status").write_text("quarantined")
    (room.packages / "demo-1.0.tar.gz.yanked").write_text("old")  # is no upload
    room.look()
    titles = re.findall("<title>(.*?)</title>", room.catalogue()["feed.atom"])
    assert titles[1:] == ["demo 1.2", "demo 1.1", "demo 1.0"]


def test_the_start_page_shows_some_and_leads_to_all() -> None:
    entries = [Entry(f"p{number:03}", "1.0", "", number + 1) for number in range(150)]
    pages = render_catalogue([*entries, Entry("unread")], [])
    assert re.findall('href="project/(.*?)/"', pages["new.html"].decode()) == [f"p{149 - at:03}" for at in range(100)]
    assert '<a href="-/projects/">All 151 projects, by name</a>' in pages["new.html"].decode()
    assert re.findall('href="../../project/(.*?)/"', pages["projects.html"].decode())[-2:] == ["p149", "unread"]
    assert "by name" not in render_catalogue(entries[:100], [])["new.html"].decode()


def test_what_opens_first_is_small_however_much_there_is() -> None:
    entries = [Entry(f"project-{n}", f"{n}.0", "says " * 20, n) for n in range(10_000)]
    pages = render_catalogue(entries, list_uploads(((f"project-{n}", "1", n) for n in range(1000)), entries))
    assert len(pages["new.html"]) < 50_000
    assert len(gzip.compress(pages["projects.html"])) < 200_000
    assert len(gzip.compress(pages["projects.json"])) < 200_000
    assert len(pages["feed.atom"]) < 100_000


def test_the_page_of_thousands_of_releases_is_small() -> None:
    files = [
        ListedFile(
            f"demo-{n}.0.tar.gz",
            "x",
            Identity(1, 1, n),
            f"{n}.0",
            Distribution((), "sdist", "a" * 64, "", ""),
            None,
            False,
        )
        for n in range(2000)
    ]
    detail = ProjectDetail("demo", tuple(files))
    page = render_project(detail, list_releases(detail)[-1], Description({}, "", ""), lambda _: False)
    assert page.count(b"<time ") == 2001
    assert len(page) < 400_000


def test_pages_about_all_are_made_again_where_they_are_damaged_and_only_there(room: Room) -> None:
    make_wheel(room.packages, "demo", "1.0")
    room.look()
    page = room.repository.site / "catalogue/projects.json"
    before = page.stat().st_ino
    room.people.soil(["demo"])
    room.go_on()
    assert page.stat().st_ino == before
    page.write_text("x")
    assert "catalogue" in {name for name in room.site.find_damage() if name}
    room.go_on()
    assert json.loads(page.read_text())[0][:3] == ["demo", "1.0", "A test"]


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_file_that_goes_while_it_is_read_is_no_error(
    room: Room, caplog: pytest.LogCaptureFixture, is_gone: bool
) -> None:
    wheels = [make_wheel(room.packages, "demo", version, None, Summary="x") for version in ("1.0", "2.0")]
    room.look()
    shutil.rmtree(room.repository.site / "people/demo")
    for wheel in wheels:
        wheel.unlink()
        if not is_gone:
            wheel.mkdir()  # nothing can read it, and it is there
    for _ in range(3):
        room.people.soil(["demo"])
        room.go_on()
        room.now += 100
    assert bool(room.people.faults)
    assert ("could not write the pages of demo for people" in caplog.text) == (not is_gone)
