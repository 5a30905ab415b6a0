"""The index: which projects there are, what each lists, and what is rejected."""

import random
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from indexer.comparison import differing, gone
from indexer.index import Index
from indexer.model import Counts, ListedFile, ProjectDetail, Provenance, Rejected, Signature, Yank
from indexer.state import State
from indexer.tables import PASSING, SCHEMA
from store.distribution import Distribution
from store.identity import Identity
from store.status import Status


def distribution(*releases: tuple[str, str], digest: str = "d" * 64) -> Distribution:
    return Distribution(releases, "sdist", digest, "", "")


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state", SCHEMA, PASSING)


@pytest.fixture
def index(state: State) -> Index:
    return Index(state, "1")


DEMO = distribution(("demo", "1.0"))
HERE = Identity(1, 10, 1)


def names(index: Index, project: str) -> list[str]:
    detail = index.detail(project)
    return [file.path for file in detail.files] if detail else []


def test_a_file_makes_its_project_dirty_when_it_comes_changes_and_goes(index: Index) -> None:
    assert index.put("demo-1.0.tar.gz", HERE, DEMO) == {"demo"}
    assert index.put("demo-1.0.tar.gz", HERE, DEMO) == set()
    assert index.put("demo-1.0.tar.gz", Identity(1, 10, 2), DEMO) == {"demo"}
    assert index.remove("demo-1.0.tar.gz") == {"demo"}
    assert index.detail("demo") is None
    assert index.projects() == set()


def test_what_lies_beside_a_file_makes_its_project_dirty(index: Index) -> None:
    index.put("demo-1.0.tar.gz", HERE, DEMO)
    assert index.put("demo-1.0.tar.gz.yanked", HERE, Yank("broken")) == {"demo"}
    assert index.put("demo-1.0.tar.gz.asc", HERE, Signature()) == {"demo"}
    detail = index.detail("demo")
    assert detail is not None
    assert (detail.files[0].yanked, detail.files[0].signed) == ("broken", True)
    assert index.remove("demo-1.0.tar.gz.yanked") == {"demo"}


def test_what_is_attested_counts_for_the_bytes_it_is_about(index: Index) -> None:
    index.put("demo-1.0.tar.gz", HERE, DEMO)
    path = "demo-1.0.tar.gz.provenance"
    assert index.put(path, HERE, Provenance(DEMO.digest)) == {"demo"}
    assert [file.attested for file in found(index, "demo").files] == [True]
    assert index.reasons() == {}
    assert index.put(path, HERE, Provenance("e" * 64)) == {"demo"}
    assert [file.attested for file in found(index, "demo").files] == [False]
    assert index.reasons() == {path: "it is about other bytes than 'demo-1.0.tar.gz' has; expected these"}
    assert index.remove("demo-1.0.tar.gz") == {"demo"}
    assert "lies beside it" in index.reasons()[path]


def test_what_was_said_of_a_project_stands_until_something_else_is(index: Index) -> None:
    index.put("demo-1.0.tar.gz", HERE, DEMO)
    index.put("demo.status", HERE, Status("quarantined", "it phones home"))
    index.put("demo.status", Identity(1, 0, 2), Rejected("'' is no status"))
    assert found(index, "demo").offered == ()
    assert index.reasons() == {"demo.status": "'' is no status"}
    index.put("demo.status", Identity(1, 9, 3), Status("active", ""))
    assert (len(found(index, "demo").offered), index.reasons()) == (1, {})
    index.put("demo.status", Identity(1, 9, 4), Rejected("x"))
    assert (len(found(index, "demo").offered), index.reasons()) == (1, {"demo.status": "x"})
    index.remove("demo.status")
    assert (found(index, "demo").status, index.reasons()) == (None, {})


def found(index: Index, project: str) -> ProjectDetail:
    detail = index.detail(project)
    assert detail is not None
    return detail


def test_files_are_listed_from_the_oldest_version_to_the_newest(index: Index) -> None:
    for version in ("1.10", "1.2", "1.2rc1"):
        index.put(f"demo-{version}.tar.gz", HERE, distribution(("demo", version)))
    assert names(index, "demo") == ["demo-1.2rc1.tar.gz", "demo-1.2.tar.gz", "demo-1.10.tar.gz"]


def test_of_two_files_of_one_name_the_one_nearer_the_top_is_listed(index: Index) -> None:
    for path in ("b/demo-1.0.tar.gz", "a/c/demo-1.0.tar.gz", "a/demo-1.0.tar.gz"):
        index.put(path, HERE, DEMO)
    assert names(index, "demo") == ["a/demo-1.0.tar.gz"]
    assert set(index.reasons()) == {"b/demo-1.0.tar.gz", "a/c/demo-1.0.tar.gz"}
    index.remove("a/demo-1.0.tar.gz")
    assert names(index, "demo") == ["b/demo-1.0.tar.gz"]


def test_what_cannot_be_listed_has_its_reason(index: Index) -> None:
    index.put("notes.txt", HERE, Rejected("no distribution"))
    index.put("lost-1.0.zip.yanked", HERE, Yank(""))
    assert index.reasons()["notes.txt"] == "no distribution"
    assert "no file 'lost-1.0.zip' lies beside it" in index.reasons()["lost-1.0.zip.yanked"]
    index.put("lost-1.0.zip", HERE, distribution(("lost", "1.0")))
    assert list(index.reasons()) == ["notes.txt"]


AMBIGUOUS = distribution(("package", "123-1"), ("package-123", "1"))


def test_a_file_of_two_readings_is_rejected_until_a_project_that_is_there_decides(index: Index) -> None:
    index.put("package-123-1.zip", HERE, AMBIGUOUS)
    assert "can be read as 'package' 123-1 or 'package-123' 1" in index.reasons()["package-123-1.zip"]
    dirty = index.put("package-123-2.tar.gz", HERE, distribution(("package-123", "2")))
    assert dirty == {"package-123"}
    assert names(index, "package-123") == ["package-123-1.zip", "package-123-2.tar.gz"]
    assert index.remove("package-123-2.tar.gz") == {"package-123"}
    assert names(index, "package-123") == []
    assert "package-123-1.zip" in index.reasons()


def test_a_directory_of_the_projects_name_decides_first(index: Index) -> None:
    index.put("package-1.0.zip", HERE, distribution(("package", "1.0")))
    index.put("Package.123/package-123-1.zip", HERE, AMBIGUOUS)
    assert names(index, "package-123") == ["Package.123/package-123-1.zip"]


def test_counts_and_projects_stay_right_whatever_comes_and_goes(index: Index) -> None:
    chance = random.Random(1)
    there: dict[str, tuple[Identity, Distribution]] = {}
    for step in range(3000):
        path = f"{chance.choice(['', 'a/', 'b/'])}p{chance.randrange(5)}-{chance.randrange(3)}.zip"
        if path in there and chance.random() < 0.5:
            del there[path]
            index.remove(path)
        else:
            project = path.rpartition("/")[2].split("-")[0]
            there[path] = Identity(step, chance.randrange(100), step), distribution((project, path[-5]))
            index.put(path, *there[path])
    listed = {project: names(index, project) for project in index.projects()}
    paths = [path for found in listed.values() for path in found]
    assert index.counts() == Counts(len(listed), len(paths), sum(there[path][0].size for path in paths))
    assert {path.rpartition("/")[2] for path in there} == {path.rpartition("/")[2] for path in paths}
    assert set(paths) | index.reasons().keys() == there.keys()


def test_a_question_changes_nothing(state: State, index: Index) -> None:
    index.put("demo-1.0.tar.gz", HERE, DEMO)
    before = state.all("select total_changes()")
    index.detail("demo"), index.detail("nope"), index.reasons(), index.counts(), index.paths_below("x")
    assert state.all("select total_changes()") == before


def test_a_comparison_tells_what_differs_and_what_is_gone(state: State, index: Index) -> None:
    for number, name in enumerate(("kept", "changed", "gone", "passing")):
        index.put(name, Identity(number, 1, 1), Rejected("why", passing=name == "passing"))
    there = {
        "passing": Identity(3, 1, 1),
        "kept": Identity(0, 1, 1),
        "new": Identity(9, 1, 1),
        "changed": Identity(1, 2, 1),
    }
    assert [path for path, _ in differing(state, there.items())] == ["passing", "new", "changed"]
    assert differing(state, [("new", Identity(9, 1, 1))]) == [("new", Identity(9, 1, 1))]
    assert gone(state, there) == ["gone"]


def test_every_field_that_is_shown_is_among_the_values() -> None:
    file = ListedFile("f", "p", HERE, "1", DEMO, "y", True)
    shown: dict[str, Any] = {
        "filename": "g", "path": "q", "identity": Identity(2, 2, 2), "release": "2", "yanked": "z",
        "signed": False, "attested": True, "changed_ns": 7, "distribution": replace(DEMO, digest="e" * 64),
    }  # fmt: skip
    assert shown.keys() == set(file._fields)
    others = [file._replace(**{name: value}) for name, value in shown.items()]
    parts: dict[str, Any] = {field.name: "other" for field in fields(DEMO)}
    others += [file._replace(distribution=replace(DEMO, **{name: value})) for name, value in parts.items()]
    assert len({repr(ProjectDetail("demo", (each,)).values()) for each in (file, *others)}) == len(others) + 1
