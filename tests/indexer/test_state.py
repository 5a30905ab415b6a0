"""What is known outlives the program, and nothing in its file can stop anybody."""

import contextlib
import importlib.metadata
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.fingerprint import version
from indexer.index import Index
from indexer.inspect import fingerprint_of_inspection
from indexer.learnt import Learnt
from indexer.model import Facts, Provenance, Rejected, Signature, Yank
from indexer.state import DELAY, State
from indexer.tables import PASSING, SCHEMA
from store.distribution import Distribution
from store.identity import Identity
from store.status import Status
from tests.running import HERE

HUGE = Identity((1 << 64) - 1, 1 << 40, -1)  # an inode need not fit into 63 bits
KINDS: dict[str, Facts] = {
    "demo-1-0.zip": Distribution((("demo", "1.0"), ("demo-1", "0")), "sdist", "d" * 64, "", ""),
    "demo-1.0-py3-none-any.whl": Distribution((("demo", "1.0"),), "wheel", "e" * 64, ">=3", "f" * 64),
    "notes.txt": Rejected("no distribution"),
    "demo-1.0-py3-none-any.whl.asc": Signature(),
    "demo-1.0-py3-none-any.whl.provenance": Provenance("e" * 64),
    "demo-1.0-py3-none-any.whl.yanked": Yank("why"),
    "demo.status": Status("archived", "for good", "it is empty now"),
}


def open_index(path: Path, version: str = "1") -> tuple[State, Index]:
    state = State(path, SCHEMA, PASSING)
    return state, Index(state, version)


def fill(path: Path) -> None:
    state, index = open_index(path)
    for name, facts in KINDS.items():
        index.put(name, HUGE, facts)
    state.close()


def known(path: Path, version: str = "1") -> dict[str, Facts]:
    state, index = open_index(path, version)
    found = {name: facts for name in KINDS if (facts := index.facts(name)) is not None}
    state.close()
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "index.sqlite3"
    fill(path)
    return path


def test_what_is_known_outlives_the_program(file: Path) -> None:
    assert known(file) == KINDS
    state, index = open_index(file)
    assert Learnt(state).find("elsewhere/notes.txt", HUGE) == KINDS["notes.txt"]
    assert Learnt(state).find("other.txt", HUGE) is None
    detail = index.detail("demo")
    assert detail is not None
    assert [(listed.filename, listed.signed, listed.attested, listed.yanked) for listed in detail.files] == [
        ("demo-1-0.zip", False, False, None),
        ("demo-1.0-py3-none-any.whl", True, True, "why"),
    ]
    assert index.reasons() == {"notes.txt": "no distribution", "demo.status": "it is empty now"}
    assert (index.counts().distributions, index.counts().projects) == (2, 1)


def test_what_was_learnt_by_other_code_is_dropped(file: Path) -> None:
    assert known(file, "2") == {}


def test_a_passing_rejection_is_not_kept(file: Path) -> None:
    state, index = open_index(file)
    index.put("notes.txt", HUGE, Rejected("no permission", passing=True))
    state.close()
    assert "notes.txt" not in known(file)


def test_the_versions_of_the_libraries_are_part_of_what_facts_were_learnt_with(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint_of_inspection()
    monkeypatch.setattr("indexer.fingerprint.version", lambda library: "99" if library == "packaging" else "1")
    assert fingerprint_of_inspection() != before


@pytest.mark.parametrize("library", ["isal", "jinja2", "packaging"])
def test_the_version_of_a_library_is_found_where_it_is_installed(library: str) -> None:
    assert importlib.metadata.version(library) in version(library)
    assert not version("no_such_library")


def tear(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    file.write_bytes(content)


def alter(file: Path, script: str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.executescript(script)


def name_no_kind(file: Path) -> None:
    alter(file, "pragma ignore_check_constraints = on; update files set kind = 'nothing'")


def rename_column(file: Path) -> None:
    alter(file, "alter table files rename column text to other; alter table files add column more text")


def drop_table(file: Path) -> None:
    alter(file, "drop table files; drop table made_by; create table made_by (a, b)")


def put_directory(file: Path) -> None:
    file.unlink()
    (file / "inner").mkdir(parents=True)


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("harm", [tear, name_no_kind, rename_column, drop_table, put_directory, empty])
def test_a_damaged_file_is_begun_anew(file: Path, harm: Callable[[Path], None]) -> None:
    harm(file)
    assert known(file) == {}
    fill(file)
    assert known(file) == KINDS


@pytest.mark.parametrize("harm", [put_directory, Path.unlink])
def test_what_becomes_of_the_file_meanwhile_is_no_matter(file: Path, harm: Callable[[Path], None]) -> None:
    state, index = open_index(file)
    harm(file)
    for number in range(20):
        index.put(f"more-{number}.txt", HUGE, Rejected("no distribution"))
        state.flush(100.0 * number)
    assert index.facts("notes.txt") == KINDS["notes.txt"]
    state.close()
    assert known(file) == KINDS
    assert len(open_index(file)[1]) == len(KINDS) + 20


def test_a_file_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    state, index = open_index(tmp_path / "state" / "index")
    index.put("notes.txt", HUGE, KINDS["notes.txt"])
    state.flush(1.0)
    assert index.facts("notes.txt") == KINDS["notes.txt"]


def test_the_file_follows_a_moment_later_and_in_one_step(file: Path) -> None:
    state, index = open_index(file)
    index.put("first.txt", HUGE, Rejected("0"))
    state.flush(10.0)
    index.put("a.txt", HUGE, Rejected("1"))
    state.flush(10.0 + DELAY / 2)
    assert "a.txt" not in copied(file)
    index.put("b.txt", HUGE, Rejected("2"))
    state.flush(10.0 + 2 * DELAY)
    assert {"a.txt", "b.txt"} <= copied(file)


def copied(file: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(file)) as database:
        return {os.fsdecode(path) for (path,) in database.execute("select path from files")}


def test_a_program_that_is_killed_in_the_middle_of_writing_leaves_what_was_there(file: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from tests.indexer.test_state import *\n"
        "state, index = open_index(Path(sys.argv[1])); now = 0.0\n"
        "print(flush=True)\n"
        "while True:\n"
        "    now += 1; index.put(f'{now}.txt', HUGE, Rejected('x' * 3000)); state.flush(now)\n"
    )
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", script, str(file)], cwd=HERE, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            before = len(copied(file))
            while len(copied(file)) < before + 20:
                pass
            writer.send_signal(signal.SIGKILL)
        assert known(file) == KINDS


def test_what_passes_is_forgotten_with_its_memory_and_nothing_else(file: Path) -> None:
    state, index = open_index(file)
    for number in range(1000):
        Learnt(state).keep(f"{number}.txt", HUGE, Rejected("x" * 1000))
    used = state.one("pragma passing.page_count")
    assert Learnt(state).find("7.txt", HUGE) == Rejected("x" * 1000)
    state.forget_passing()
    assert Learnt(state).find("7.txt", HUGE) is None
    assert state.one("pragma passing.page_count") < used
    assert index.facts("notes.txt") == KINDS["notes.txt"]
    Learnt(state).keep("8.txt", HUGE, Rejected("again"))
    assert Learnt(state).find("8.txt", HUGE) == Rejected("again")
