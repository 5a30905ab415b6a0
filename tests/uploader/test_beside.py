"""Large files: what is done with them beside their receiving, and beside other uploads."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store import syncs
from tests.archives import core_metadata, digest, make_archive, make_wheel
from tests.running import Answer, form, wait_until
from tests.uploader import slowly
from tests.uploader.room import AUTH, Room
from uploader.upload import arriving, uploads

DELIMITER = b"--limit-of-a-part\r\n"


def make_small(directory: Path, name: str = "small") -> Path:
    return make_wheel(directory, name, "1.0")


def make_large(directory: Path, name: str = "large") -> Path:
    """More than one block, and more than is read at once where others wait."""
    return make_wheel(directory, name, "1.0", {"noise": os.urandom(3 << 20)})


def upload_file_first(room: Room, file: Path, **fields: str) -> Answer:
    """With the fields after the file."""
    body, headers = form(file, **fields)
    *others, content = body.removesuffix(b"--limit-of-a-part--\r\n").split(DELIMITER)[1:]
    turned = b"".join(DELIMITER + part for part in (content, *others)) + b"--limit-of-a-part--\r\n"
    return room.request("POST", "/", turned, headers | AUTH)


@pytest.mark.parametrize("make", [make_small, make_large])
@pytest.mark.parametrize("name", arriving.HASHES)
@pytest.mark.parametrize("send", [Room.upload, upload_file_first])
def test_a_digest_is_compared_wherever_in_the_form_it_is(
    room: Room, tmp_path: Path, make: object, name: str, send: object
) -> None:
    assert callable(make)
    assert callable(send)
    file = make(tmp_path)
    hashed = arriving.HASHES[name]()
    hashed.update(file.read_bytes())
    found = hashed.hexdigest()
    before = room.snapshot()
    answer = send(room, file, **{name: found[:-1] + ("0" if found[-1] == "1" else "1")})
    assert (answer.status, f"does not match {file.name!r}, which has {found}" in answer.text) == (400, True)
    assert room.snapshot() == before
    assert send(room, file, **{name: found.upper()}).status == 200
    assert digest(room.packages / file.name) == digest(file)


@pytest.mark.parametrize("make", [make_small, make_large])
def test_only_what_has_to_be_compared_is_hashed(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: object
) -> None:
    assert callable(make)

    def fail() -> None:
        raise AssertionError("nobody wants this one")

    monkeypatch.setitem(arriving.HASHES, "md5_digest", fail)
    monkeypatch.setitem(arriving.HASHES, "blake2_256_digest", fail)
    monkeypatch.setattr("hashlib.file_digest", fail)
    file = make(tmp_path)
    assert room.upload(file, sha256_digest=digest(file), blake2_256_digest="0" * 128).status == 200


def test_a_small_file_that_is_refused_never_touches_the_disk(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "open_incoming", lambda *_: pytest.fail("it was to be stored"))
    assert room.upload(make_small(tmp_path), md5_digest="0" * 32).status == 400


@pytest.fixture
def slow_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Large archives are read as slowly as the test likes; where that is told and heard."""
    monkeypatch.setenv("SLOWLY", str(tmp_path))
    monkeypatch.setattr(uploads, "read_there", slowly.read_slowly)
    return tmp_path


def test_one_slow_archive_holds_up_nobody_else(room: Room, slow_reading: Path, tmp_path: Path) -> None:
    slow = [make_large(tmp_path, f"slow-{n}") for n in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(room.upload, file) for file in slow]
        wait_until((slow_reading / slowly.BEGAN).exists)
        for n in range(20):
            assert room.upload(make_small(tmp_path, f"quick-{n}")).status == 200
        assert "no sign of the indexer" in room.request("GET", "/health").text
        assert not any(answer.done() for answer in answers)
        assert len(room.stored()) == 20
        (slow_reading / slowly.MAY_END).touch()
        assert [answer.result(20).status for answer in answers] == [200] * 20
    for file in slow:
        assert digest(room.packages / file.name) == digest(file)


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (slowly.read_and_crash, "400 its process was ended by SIGABRT"),
        (slowly.read_for_ever, "400 it took more than 1 s of CPU"),
        (slowly.read_and_die, "503 its process was ended by SIGKILL"),  # which is not the archive's doing
    ],
)
def test_an_archive_that_ends_the_process_that_reads_it_is_refused(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: object, reason: str
) -> None:
    file, before = make_large(tmp_path), room.snapshot()
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "read_there", read)
        patched.setattr(uploads, "due", lambda _: 1.0)
        answer = room.upload(file)
    status, _, why = reason.partition(" ")
    assert (answer.status, why in answer.reason) == (int(status), True), answer
    assert room.snapshot() == before
    assert room.upload(file).status == 200


def test_a_small_file_with_much_in_it_is_read_elsewhere(room: Room, tmp_path: Path) -> None:
    contents = {"PKG-INFO": core_metadata("much", "1.0").encode(), "setup.py": b"", "noise": os.urandom(1000) * 8000}
    file = make_archive(tmp_path / "much-1.0.tar.gz", "much-1.0", contents)
    assert file.stat().st_size < arriving.BLOCK
    assert room.upload(file).status == 200
    assert digest(room.packages / file.name) == digest(file)


def test_uploads_that_arrive_together_are_each_durable_before_they_are_answered(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: set[int] = set()
    durable: list[set[str]] = []
    fsync, sync = os.fsync, syncs._sync

    def note_file(descriptor: int) -> None:
        fsync(descriptor)
        flushed.add(os.fstat(descriptor).st_ino)

    def note_directory(directory: Path) -> None:
        there = {path.name for path in directory.iterdir()}
        assert all((directory / name).stat().st_ino in flushed for name in there)  # named when it was durable
        sync(directory)
        durable.append(there)

    monkeypatch.setattr("store.files.os.fsync", note_file)
    monkeypatch.setattr(syncs, "_sync", note_directory)

    def upload(n: int) -> bool:
        wheel = make_small(tmp_path, f"together-{n}")
        assert room.upload(wheel).status == 200
        return any(wheel.name in there for there in durable)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(upload, range(64)))
    assert len(durable) <= 64
