"""The fact cache: what it keeps, and that nothing in its file can stop anybody."""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.facts import FactCache, fingerprint_of_inspection
from indexer.inspect import Inspection
from indexer.model import Facts, Rejected, Signature, Yank
from store.distribution import Distribution
from store.identity import Identity

HUGE = Identity((1 << 64) - 1, 1 << 40, -1)  # an inode need not fit into 63 bits
KINDS: list[Facts] = [
    Distribution((("demo", "1.0"), ("demo-1", "0")), "wheel", "d" * 64, ">=3", "m" * 64),
    Rejected("damaged"),
    Signature(),
    Yank("why"),
]


def remember(cache: FactCache, *facts: Facts) -> None:
    cache.remember(Inspection(f"a/{number}", HUGE, each, b"text") for number, each in enumerate(facts))


def known(path: Path, version: str = "1") -> list[Facts | None]:
    cache = FactCache(path, version)
    found = [cache.facts(f"elsewhere/{number}", HUGE) for number in range(len(KINDS))]
    cache.close()
    return found


def test_facts_outlive_the_program_wherever_the_file_moves(tmp_path: Path) -> None:
    cache = FactCache(tmp_path / "facts", "1")
    remember(cache, *KINDS)
    cache.close()
    assert known(tmp_path / "facts") == KINDS
    assert FactCache(tmp_path / "facts", "1").core_metadata("x/0", HUGE) == b"text"


def test_what_was_learnt_by_other_code_is_dropped(tmp_path: Path) -> None:
    remember(FactCache(tmp_path / "facts", "1"), *KINDS)
    assert known(tmp_path / "facts", "2") == [None] * len(KINDS)


def test_a_passing_rejection_is_not_kept(tmp_path: Path) -> None:
    remember(FactCache(tmp_path / "facts", "1"), Rejected("no permission", passing=True))
    assert known(tmp_path / "facts")[0] is None


def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    cache = FactCache(tmp_path / "facts", "1")
    remember(cache, *KINDS)
    cache.forget_all_but([("b/1", HUGE)])
    assert known(tmp_path / "facts") == [None, KINDS[1], None, None]


def test_the_versions_of_the_libraries_are_part_of_what_facts_were_learnt_with(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint_of_inspection()
    monkeypatch.setattr("indexer.facts.version", lambda library: "99" if library == "pkginfo" else "1")
    assert fingerprint_of_inspection() != before


def tear(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    file.write_bytes(content)


def alter(file: Path, script: str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.executescript(script)


def spoil_facts(file: Path) -> None:
    alter(file, "update rows set facts = 'no JSON'")


def name_no_kind(file: Path) -> None:
    alter(file, """update rows set facts = '{"is": "Nothing"}'""")


def rename_column(file: Path) -> None:
    alter(file, "alter table rows rename column facts to other; alter table rows add column more text")


def drop_table(file: Path) -> None:
    alter(file, "drop table rows; drop table made_by; create table made_by (a, b)")


def put_directory(file: Path) -> None:
    file.unlink()
    (file / "inner").mkdir(parents=True)


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("harm", [tear, spoil_facts, name_no_kind, rename_column, drop_table, put_directory, empty])
def test_a_damaged_cache_is_begun_anew(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    file = tmp_path / "facts"
    remember(FactCache(file, "1"), *KINDS)
    harm(file)
    assert known(file) == [None] * len(KINDS)
    cache = FactCache(file, "1")
    remember(cache, *KINDS)
    cache.close()
    assert known(file) == KINDS


def test_a_cache_that_is_damaged_or_deleted_while_it_is_open_forgets_and_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "facts"
    cache = FactCache(file, "1")
    remember(cache, *KINDS)
    tear(file)
    remember(cache, *KINDS)
    cache.core_metadata("x/0", HUGE)
    file.unlink(missing_ok=True)
    remember(cache, *KINDS)
    assert cache.core_metadata("x/0", HUGE) == b"text"
    assert known(file) == KINDS


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    cache = FactCache(tmp_path / "state" / "facts", "1")
    remember(cache, *KINDS)
    assert cache.facts("x/1", HUGE) == KINDS[1]
    assert cache.core_metadata("x/0", HUGE) is None
