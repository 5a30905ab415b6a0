"""What the indexer says of itself, and what is made of it."""

import os
from pathlib import Path

import pytest

from store.data import Data
from store.heartbeat import DEATHS, UNSTEADY, Heartbeat, read_heartbeat, starts_after, write_heartbeat
from store.listing import Listed, listing_version, read_listing, render_listing


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data.at(tmp_path, tmp_path / "run")


def test_a_heartbeat_is_read_as_it_was_written_with_its_age(data: Data) -> None:
    beat = Heartbeat(("a fault",), ("a note",), (1.0, 2.0), stopped=True, figures={"default": {"files": 1}})
    write_heartbeat(data, beat)
    os.utime(data.heartbeat, (1e9, 1e9))
    found, age = read_heartbeat(data)
    assert (found, age > 1e8) == (beat, True)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"faults": 1, "notes": [], "starts": []}'])
def test_a_heartbeat_that_cannot_be_read_is_none(data: Data, content: bytes) -> None:
    assert read_heartbeat(data) == (Heartbeat(), float("inf"))
    data.heartbeat.parent.mkdir(parents=True)
    data.heartbeat.write_bytes(content)
    assert read_heartbeat(data) == (Heartbeat(), float("inf"))


def test_an_indexer_that_keeps_dying_is_unsteady_until_it_is_stopped_or_holds_out() -> None:
    beat = Heartbeat()
    for number in range(DEATHS + 1):
        assert not beat.is_unsteady
        beat = Heartbeat(starts=starts_after(beat, 100.0 + number))
    assert beat.is_unsteady
    assert not Heartbeat(starts=starts_after(beat, 200.0 + UNSTEADY)).is_unsteady
    stopped = Heartbeat(starts=beat.starts, stopped=True)
    assert starts_after(stopped, 300.0) == (300.0,)


def test_a_listing_is_read_as_it_was_rendered(data: Data) -> None:
    entries = [Listed("a/ä\n-1.0.zip", "d" * 64, "1.0"), Listed("demo-1.0.zip", "e" * 64, "1.0")]
    repository = data.default
    assert read_listing(repository, "demo") == {}
    assert listing_version(repository, "demo") == ""
    repository.listing("demo").parent.mkdir(parents=True)
    repository.listing("demo").write_bytes(render_listing(entries))
    assert read_listing(repository, "demo") == {"ä\n-1.0.zip": entries[0], "demo-1.0.zip": entries[1]}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": 1}', b'{"a": ["b"]}', b"\x00\x00", b'{"a": ["b", "c"'])
def test_a_torn_listing_lists_nothing(data: Data, content: bytes) -> None:
    repository = data.default
    repository.listing("demo").parent.mkdir(parents=True)
    repository.listing("demo").write_bytes(content)
    assert read_listing(repository, "demo") == {}
