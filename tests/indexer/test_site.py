"""What lies below the site: switched as a whole, healed whatever becomes of it, and never a validator used twice."""

import errno
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import pytest

from indexer.forms import AT_ONCE
from indexer.graves import GRACE
from indexer.manifest import Manifest
from indexer.model import ListedFile
from indexer.pages import KINDS, Companion
from indexer.rendered import Rendered
from indexer.site import Site
from indexer.state import State
from indexer.tables import PASSING, SCHEMA, open_state
from store import switch
from store.data import Data
from store.repository import OVERVIEW, Repository

NAME = KINDS[0].set_of("demo")
HTML, JSON = b"<!DOCTYPE html>" + b"a" * AT_ONCE, b"{}" + b" " * AT_ONCE
PAGES = {"simple.html": HTML, "simple.json": JSON, "boards.json": b"{}", "listing.json": b"{}"}
NOW = 1_700_000_000.0


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Data.at(tmp_path, tmp_path / "run").default


@pytest.fixture(params=["exchanged", "linked"])
def site(repository: Repository, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Where directories can be exchanged, and where they cannot."""
    if request.param == "linked":
        monkeypatch.setattr(switch, "_renameat2", None)
    return reopen(repository)


def reopen(repository: Repository) -> Site:
    return Site(repository, Manifest(open_state(repository)))


def companion(key: str, path: str) -> Companion:
    return Companion(key, cast(ListedFile, path))


def text_of(companion: Companion) -> bytes:
    return str(companion.file).encode() * AT_ONCE


def beside(*paths: str) -> dict[str, Companion]:
    return {path: companion("1", path) for path in paths}


def publish(site: Site, name: str = NAME, pages: dict[str, bytes] = PAGES, now: float = NOW) -> bool:
    aliases = {"simple.v1html": "simple.html"} if "simple.html" in pages else {}
    return site.publish(name, Rendered(pages, "f", aliases), now)


def content(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def names_in(descriptor: int) -> set[str]:
    with os.scandir(descriptor) as entries:
        return {entry.name for entry in entries}


def damage(site: Site) -> set[str]:
    return {name for name in site.find_damage() if name is not None}


def strays(site: Site) -> Iterable[str]:
    return sorted(path.name for path in site.find_strays() if path is not None)


def test_a_set_has_every_page_in_every_form(site: Site, repository: Repository) -> None:
    assert publish(site)
    forms = {"simple.html", "simple.html.gz", "simple.v1html", "simple.v1html.gz", "simple.json", "simple.json.gz"}
    assert content(repository.project("demo")).keys() == {*forms, "boards.json", "listing.json"}
    assert site.is_current(NAME, "f")
    assert site.projects() == {"demo"}


def test_a_set_changes_in_one_step_and_readers_of_the_old_one_can_finish(site: Site, repository: Repository) -> None:
    publish(site)
    before = os.open(repository.project("demo"), os.O_RDONLY)
    publish(site, pages={**PAGES, "simple.json": b"{1}"}, now=NOW + 1)
    assert not os.path.sameopenfile(before, os.open(repository.project("demo"), os.O_RDONLY))
    site.clear_graves(NOW + 1 + GRACE / 2, 1.0, is_calm=True)
    with open("simple.json", "rb", opener=lambda path, flags: os.open(path, flags, dir_fd=before)) as page:
        assert page.read() == JSON
    site.clear_graves(NOW + 1 + 2 * GRACE, 1.0, is_calm=True)
    assert names_in(before) == set()
    assert (repository.project("demo") / "simple.json").read_bytes() == b"{1}"


def test_a_withdrawn_set_is_gone_at_once_and_its_readers_can_finish(site: Site, repository: Repository) -> None:
    for number in range(3):
        publish(site, pages={**PAGES, "listing.json": b"%d" % number})
        before = os.open(repository.project("demo"), os.O_RDONLY)
        assert site.withdraw(NAME, NOW)
        assert not os.path.lexists(repository.project("demo"))
        assert "simple.json" in names_in(before)
    assert not site.withdraw(NAME, NOW)
    assert strays(site) == []
    site.clear_graves(NOW + 2 * GRACE, 1.0, is_calm=True)
    assert content(repository.site) == {}


def test_what_a_foreign_link_leads_to_is_left_alone(site: Site, repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/precious").touch()
    for _ in range(2):
        publish(site, pages={**PAGES, "listing.json": os.urandom(8).hex().encode()})
        shutil.rmtree(repository.project("demo").resolve())
        repository.project("demo").unlink(missing_ok=True)
        repository.project("demo").symlink_to(tmp_path / "theirs")
    publish(site, pages={**PAGES, "simple.json": b"{1}"})
    repository.project("other").symlink_to(tmp_path / "theirs")
    site.withdraw(KINDS[0].set_of("other"), NOW)
    site.clear_graves(NOW + 2 * GRACE, 1.0, is_calm=True)
    assert (tmp_path / "theirs/precious").exists()


def test_a_page_that_cannot_be_made_again_is_no_stray(site: Site, repository: Repository, tmp_path: Path) -> None:
    """As after a start of the machine, when nothing is known of what was written, with a full disk."""
    publish(site)

    def refuse(_: Companion) -> bytes:
        raise OSError(errno.ENOSPC, "no space")

    again = Site(repository, Manifest(State(tmp_path / "none", SCHEMA, PASSING)))
    with pytest.raises(OSError, match="no space"):
        again.write_beside(NAME, beside("packages/x.metadata"), refuse)
    assert "demo" not in strays(again)


def test_a_set_that_a_link_leads_to_becomes_a_directory(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an upgrade, or on another disk."""
    with monkeypatch.context() as without:
        without.setattr(switch, "_renameat2", None)
        publish(reopen(repository))
    assert repository.project("demo").is_symlink()
    site = reopen(repository)
    assert not publish(site)
    assert publish(site, pages={**PAGES, "simple.json": b"{1}"})
    assert not repository.project("demo").is_symlink()
    assert (repository.project("demo") / "simple.html").read_bytes() == HTML
    site.clear_graves(NOW + 2 * GRACE, 1.0, is_calm=True)
    assert strays(site) == []


def test_a_disk_that_can_exchange_no_more_loses_no_page(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = reopen(repository)
    publish(site)
    monkeypatch.setattr(switch, "_renameat2", None)
    with pytest.raises(OSError, match="exchange"):
        publish(site, pages={**PAGES, "simple.json": b"{1}"})
    assert (repository.project("demo") / "simple.json").read_bytes() == JSON
    assert publish(site, pages={**PAGES, "simple.json": b"{1}"})
    assert (repository.project("demo") / "simple.json").read_bytes() == b"{1}"


def test_no_publication_looks_like_the_loss_of_a_directory(site: Site) -> None:
    publish(site)
    publish(site, OVERVIEW, {"list.html": HTML})
    before = site.roots()
    publish(site, pages={**PAGES, "simple.json": b"{1}"})
    publish(site, OVERVIEW, {"list.html": JSON})
    assert before
    assert before <= site.roots()


def test_what_did_not_change_is_the_same_file_as_before(site: Site, repository: Repository) -> None:
    publish(site)
    page = repository.project("demo") / "simple.html"
    inode = page.stat().st_ino
    publish(site, pages={**PAGES, "simple.json": b"{1}"})
    assert page.stat().st_ino == inode


def test_the_same_pages_again_touch_nothing(site: Site, repository: Repository) -> None:
    publish(site)
    before = repository.project("demo").stat().st_ino
    assert not publish(site)
    assert not publish(reopen(repository))
    assert repository.project("demo").stat().st_ino == before


def test_no_second_and_size_stands_for_two_contents(site: Site, repository: Repository) -> None:
    """At one address a client may get any form; also after the project, or all that was known of it, was gone."""
    seen: dict[tuple[int, int], bytes] = {}
    for number in range(12):
        pages = {"simple.html": HTML + b"%02d" % number, "simple.json": JSON + b"%04d" % number}
        publish(site, pages=pages)
        for form in ("simple.html", "simple.html.gz", "simple.json", "simple.json.gz"):
            facts = (repository.project("demo") / form).stat()
            found = (repository.project("demo") / form).read_bytes()
            assert seen.setdefault((int(facts.st_mtime), facts.st_size), found) == found
        if number % 3 == 0:
            site.withdraw(NAME, NOW)
        elif number % 3 == 1:
            shutil.rmtree(repository.state, ignore_errors=True)
            site = reopen(repository)
    assert len(seen) == 12 * 4


def test_files_beside_are_written_once_and_removed_when_nobody_announces_them(
    site: Site, repository: Repository
) -> None:
    read: list[str] = []

    def reading(companion: Companion) -> bytes:
        read.append(companion.key)
        return b"text " * AT_ONCE

    site.write_beside(NAME, beside("packages/a/x.metadata", "boards/demo/1.json"), reading)
    site.write_beside(NAME, beside("packages/a/x.metadata", "boards/demo/1.json"), reading)
    assert len(read) == 2
    metadata = repository.site / "packages/a/x.metadata"
    assert metadata.with_name("x.metadata.gz").exists()
    site.write_beside("projects/other", beside("boards/demo/1.json"), reading)  # it moved to another project
    site.drop_beside(NAME, set())
    assert not metadata.parent.exists()
    assert (repository.site / "boards/demo/1.json").exists()
    assert len(read) == 2
    site.withdraw("projects/other", NOW)
    assert not (repository.site / "boards").exists()


def test_a_file_beside_whose_content_changes_gets_a_later_time(site: Site, repository: Repository) -> None:
    path, times = repository.site / "packages/x.metadata", []
    for key in ("1", "2", "3"):
        site.write_beside(NAME, {"packages/x.metadata": companion(key, "x")}, lambda _: b"text" * 100)
        times.append(int(path.stat().st_mtime))
    assert times == sorted(set(times))


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def garble(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def restore_old(path: Path) -> None:
    os.utime(path, (1, 1))


PARTS = ["", "projects", "projects/demo", "overview", "packages", "boards", ".versions"]
FILES = ["projects/demo/simple.html", "projects/demo/simple.json.gz", "projects/demo/listing.json",
         "overview/static/larder.css", "packages/x.metadata", "boards/demo/1.json"]  # fmt: skip


@pytest.mark.parametrize(
    ("part", "harm"), [*((part, remove) for part in (*PARTS, *FILES)), *((file, way) for file in FILES
                                                                       for way in (empty, garble, restore_old))],
)  # fmt: skip
def test_whatever_is_lost_or_damaged_is_noticed_and_made_again(
    site: Site, repository: Repository, part: str, harm: Callable[[Path], None]
) -> None:
    def make() -> None:
        site.write_beside(NAME, beside("packages/x.metadata", "boards/demo/1.json"), text_of)
        publish(site)
        publish(site, OVERVIEW, {"list.html": HTML, "static/larder.css": b"css" * 200}, now=NOW)

    make()
    assert damage(site) == set()
    before = content(repository.site)
    harm(repository.site / part)
    assert damage(site) <= {NAME, OVERVIEW} != set()
    make()
    assert damage(site) == set()
    after = content(repository.site)
    shown = {path: text for path, text in after.items() if not path.startswith(".versions")}
    assert shown == {path: text for path, text in before.items() if not path.startswith(".versions")}


def test_an_old_page_put_back_is_noticed(site: Site, repository: Repository, tmp_path: Path) -> None:
    publish(site)
    shutil.copytree(repository.site, tmp_path / "backup", symlinks=True)
    publish(site, pages={**PAGES, "listing.json": b"{1}"})
    shutil.rmtree(repository.site)
    (tmp_path / "backup").rename(repository.site)
    assert damage(site) == {NAME}
    publish(site, pages={**PAGES, "listing.json": b"{1}"})
    assert (repository.project("demo") / "listing.json").read_bytes() == b"{1}"


def test_after_a_start_of_the_machine_the_content_of_files_is_looked_at(
    site: Site, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(site)
    page = repository.project("demo") / "simple.html"
    facts = page.stat()
    page.write_bytes(bytes(facts.st_size))  # as a power cut can leave it
    os.utime(page, ns=(facts.st_mtime_ns, facts.st_mtime_ns))
    assert damage(site) == set()
    monkeypatch.setattr("indexer.manifest.boot", lambda: "another")
    again = reopen(repository)
    assert not again.is_current(NAME, "f")
    assert publish(again)
    assert page.read_bytes() == HTML


def test_what_nothing_leads_to_is_a_stray_and_nothing_else_is(site: Site, repository: Repository) -> None:
    site.write_beside(NAME, beside("packages/x.metadata"), text_of)
    publish(site)
    publish(site, pages={**PAGES, "simple.json": b"{1}"})
    publish(site, OVERVIEW, {"list.html": HTML})
    assert strays(site) == []
    (repository.versions / "projects@left@1").mkdir()
    (repository.site / "projects/left").symlink_to("../.versions/projects@left@1")
    (repository.site / "boards/also-left").mkdir(parents=True)
    (repository.site / "packages/gone.metadata.gz").touch()
    (repository.site / "packages/.new-x").touch()
    assert strays(site) == [".new-x", "also-left", "gone.metadata.gz", "left", "projects@left@1"]
    site.clear_graves(NOW + 2 * GRACE, 1.0, is_calm=True)
    assert strays(site) == [".new-x", "also-left", "gone.metadata.gz", "left", "projects@left@1"]


def test_an_old_directory_that_cannot_be_removed_holds_up_nothing(site: Site, repository: Repository) -> None:
    publish(site)
    publish(site, pages={**PAGES, "simple.json": b"{1}"})
    repository.versions.rename(repository.versions.with_name("away"))
    repository.versions.write_text("in the way")
    site.clear_graves(NOW + 2 * GRACE, 1.0, is_calm=True)
    assert repository.versions in site.find_obstacles()
