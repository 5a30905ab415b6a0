"""Archives: whole, unharmed, bounded, or refused in one line."""

import errno
import gzip
import io
import random
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from store.distribution import Contents, read_contents
from store.errors import BadArchive, Refused
from store.names import ParsedFilename, parse_filename
from tests.archives import core_metadata, digest, make_archive, make_egg, make_sdist, make_wheel, sdist_contents
from tests.store.damage import damage


def read(file: Path) -> Contents:
    with file.open("rb") as content:
        return read_contents(content, parse_filename(file.name))


def refusal(file: Path) -> str:
    with pytest.raises(BadArchive) as caught:
        read(file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def make(directory: Path, suffix: str) -> Path:
    if suffix == ".whl":
        return make_wheel(directory, "demo", "1.0")
    return make_egg(directory, "demo", "1.0") if suffix == ".egg" else make_sdist(directory, "demo", "1.0", suffix)


KINDS = [".whl", ".egg", ".tar.gz", ".tgz", ".tar.bz2", ".tar", ".zip"]


@pytest.mark.parametrize("suffix", KINDS)
def test_the_metadata_of_a_whole_archive_is_found(tmp_path: Path, suffix: str) -> None:
    contents = read(make(tmp_path, suffix))
    assert [(project, str(version)) for project, version in contents.releases] == [("demo", "1.0")]
    assert contents.core_metadata == (core_metadata("demo", "1.0").encode() if suffix == ".whl" else b"")


@pytest.mark.parametrize("suffix", KINDS)
def test_an_archive_cut_off_anywhere_is_refused(tmp_path: Path, suffix: str) -> None:
    file = make(tmp_path, suffix)
    content = file.read_bytes()
    for length in range(0, len(content), 1 if len(content) < 3000 else 37):
        file.write_bytes(content[:length])
        refusal(file)


@pytest.mark.parametrize("suffix", [suffix for suffix in KINDS if suffix != ".tar"])  # for which see the indexer
def test_a_file_that_is_being_filled_is_refused_until_it_is_whole(tmp_path: Path, suffix: str) -> None:
    file = make(tmp_path, suffix)
    content = file.read_bytes()
    for at in range(0, len(content), 1 if len(content) < 3000 else 37):
        for filled in (content[:at] + bytes(len(content) - at), bytes(at) + content[at:]):
            if filled != content:
                file.write_bytes(filled)
                refusal(file)


def test_a_wheel_cut_off_at_the_end_of_a_wheel_inside_it_is_refused(tmp_path: Path) -> None:
    inner = make_wheel(tmp_path / "inner", "demo", "1.0").read_bytes()
    outer = make_wheel(tmp_path, "demo", "1.0")
    with zipfile.ZipFile(outer, "a") as archive:
        archive.writestr("inner.whl", inner)
    content = outer.read_bytes()
    outer.write_bytes(content[: content.index(inner) + len(inner)])
    refusal(outer)


@pytest.mark.parametrize("suffix", KINDS)
def test_a_damaged_archive_is_refused_in_one_line_or_reads_as_a_distribution(tmp_path: Path, suffix: str) -> None:
    file = make(tmp_path, suffix)
    content, chance, parsed = file.read_bytes(), random.Random(2), parse_filename(file.name)
    for _ in range(400):
        reason = reason_of(damage(content, chance), parsed)  # and no other exception
        assert reason.isprintable()
        assert len(reason) <= 500


def reason_of(content: bytes, parsed: ParsedFilename) -> str:
    """Why the archive is refused; empty where it is read."""
    try:
        assert read_contents(io.BytesIO(content), parsed).releases
    except Refused as error:
        return str(error)
    return ""


def test_damage_before_packing_is_refused_in_one_line_or_reads_as_a_distribution(tmp_path: Path) -> None:
    content, chance, parsed = make(tmp_path, ".tar").read_bytes(), random.Random(3), parse_filename("demo-1.0.tar.gz")
    for _ in range(500):
        reason = reason_of(gzip.compress(damage(content, chance), 1), parsed)  # and no other exception
        assert reason.isprintable()
        assert len(reason) <= 500


def test_a_tar_with_a_damaged_header_in_its_middle_is_refused(tmp_path: Path) -> None:
    file = make(tmp_path, ".tar")
    content = bytearray(file.read_bytes())
    content[content.index(b"demo-1.0/setup.py")] ^= 1
    file.write_bytes(content)
    assert "end-of-archive mark is missing" in refusal(file)


class Failing(io.BytesIO):
    """A file on a disk that fails at one of its reads."""

    def __init__(self, content: bytes, good: int) -> None:
        super().__init__(content)
        self.good = good

    def read(self, size: int | None = -1, /) -> bytes:
        self.good -= 1
        if self.good < 0:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size)


@pytest.mark.parametrize("suffix", KINDS)
def test_the_digest_is_that_of_the_whole_file(tmp_path: Path, suffix: str) -> None:
    file = make(tmp_path, suffix)
    assert read(file).digest == digest(file)
    with file.open("rb") as content:
        assert read_contents(content, parse_filename(file.name), digest="known").digest == "known"


@pytest.fixture
def in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every file be one that is too large to be held."""
    monkeypatch.setattr("store.archive.packed.WHOLE", 0)
    monkeypatch.setattr("store.archive.packed.STEP", 100)
    monkeypatch.setattr("store.archive.packed.PIECE", 70)


@pytest.mark.parametrize("suffix", KINDS)
def test_a_large_file_is_read_in_steps(tmp_path: Path, suffix: str, in_steps: None) -> None:
    file = make(tmp_path, suffix)
    contents = read(file)
    assert contents.digest == digest(file)
    assert [str(release.version) for release in contents.releases] == ["1.0"]


@pytest.mark.parametrize("suffix", [".whl", ".tar.gz", ".tar"])
def test_a_large_file_is_read_once(tmp_path: Path, suffix: str) -> None:
    more = {"noise": random.Random(5).randbytes(6 << 20)}
    if suffix == ".whl":
        file = make_wheel(tmp_path, "demo", "1.0", more)
    else:
        file = make_archive(tmp_path / f"demo-1.0{suffix}", "demo-1.0", {**sdist_contents("demo", "1.0"), **more})
    with Counting(file) as content:
        assert read_contents(content, parse_filename(file.name)).digest == digest(file)
    assert content.taken <= file.stat().st_size + (70 << 10)  # where a zip's directory lies, its end says


class Counting(io.FileIO):
    """A file that counts what is taken of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        self.taken += len(data)
        return data


@pytest.mark.parametrize("suffix", KINDS)
def test_a_large_file_that_is_cut_off_or_damaged_is_refused(tmp_path: Path, suffix: str, in_steps: None) -> None:
    file = make(tmp_path, suffix)
    content, chance = file.read_bytes(), random.Random(4)
    for at in range(0, len(content), len(content) // 50):
        file.write_bytes(content[:at])
        refusal(file)
    parsed = parse_filename(file.name)
    for _ in range(100):
        assert reason_of(damage(content, chance), parsed).isprintable()


def test_a_file_that_becomes_shorter_while_it_is_read_is_refused(tmp_path: Path, in_steps: None) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    with Shrinking(wheel.read_bytes()) as file, pytest.raises(BadArchive, match="not a whole"):
        read_contents(file, parse_filename(wheel.name))


class Shrinking(io.BytesIO):
    """A file that is empty once its end was read."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if b"PK\5\6" in data:
            self.truncate(0)
        return data


@pytest.mark.parametrize("suffix", KINDS)
def test_a_large_file_on_a_disk_that_fails_is_no_damaged_archive(tmp_path: Path, suffix: str, in_steps: None) -> None:
    test_a_disk_that_fails_is_no_damaged_archive(tmp_path, suffix)


@pytest.mark.parametrize("suffix", KINDS)
def test_a_disk_that_fails_is_no_damaged_archive(tmp_path: Path, suffix: str) -> None:
    content, parsed = make(tmp_path, suffix).read_bytes(), parse_filename(make(tmp_path, suffix).name)
    for good in range(reads_of(content, parsed)):
        with pytest.raises(OSError, match="Input/output error"):
            read_contents(Failing(content, good), parsed)


def reads_of(content: bytes, parsed: ParsedFilename) -> int:
    file = Failing(content, 1000)
    read_contents(file, parsed)
    assert file.good < 1000
    return 1000 - file.good


def test_what_a_caller_is_handling_is_no_failure_of_the_disk() -> None:
    try:
        raise OSError(errno.EIO, "Input/output error")
    except OSError:
        assert "end is missing" in reason_of(b"x", parse_filename("demo-1.0.tar"))


class Hostile(io.BytesIO):
    """A file at which a library breaks down."""

    def __init__(self, error: Exception) -> None:
        super().__init__(b"x" * 100_000)
        self.error = error

    def read(self, size: int | None = -1, /) -> bytes:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [RecursionError("deep"), MemoryError(), KeyError("x\n\0"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
     struct.error("short"), gzip.BadGzipFile("bad"), OSError("Invalid data stream"), IndexError(),
     TypeError("y" * 9999), AssertionError(), OSError(errno.EINVAL, "Invalid argument"), ZeroDivisionError(),
     StopIteration()],
    ids=range(13),
)  # fmt: skip
def test_whatever_breaks_at_a_file_is_that_files_reason(error: Exception) -> None:
    with pytest.raises(BadArchive, match=r"'demo-1.0.tar.gz' is not a whole .tar.gz archive: .") as caught:
        read_contents(Hostile(error), parse_filename("demo-1.0.tar.gz"))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 500


def test_a_member_that_is_said_to_lie_beyond_any_file_is_damage(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    content = wheel.read_bytes()
    start = content.index(b"PK\x01\x02")
    entry, name = bytearray(content[start : start + 46]), content[start + 46 :][:7]
    struct.pack_into("<H", entry, 30, 12)
    struct.pack_into("<L", entry, 42, 0xFFFFFFFF)
    for offset in (1 << 62, (1 << 64) - 1):
        directory = bytes(entry) + name + struct.pack("<HHQ", 1, 8, offset)
        tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), start, 0)
        wheel.write_bytes(content[:start] + directory + tail)
        assert "not a whole .whl archive" in refusal(wheel)


def test_a_flipped_bit_in_the_content_is_found(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0", {"noise": random.Random(3).randbytes(1000)})
    content = bytearray(wheel.read_bytes())
    content[300] ^= 1
    wheel.write_bytes(content)
    assert "CRC" in refusal(wheel)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "..\\x", "C:\\x", "C:/x"])
@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_a_path_outside_is_refused(tmp_path: Path, suffix: str, name: str) -> None:
    file = make_archive(tmp_path / f"demo-1.0{suffix}", "demo-1.0", sdist_contents("demo", "1.0"))
    if suffix == ".zip":
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr(name, "x")
    else:
        add_members(file, tarfile.TarInfo(name))
    assert "outside itself" in refusal(file)


def add_members(file: Path, *members: tarfile.TarInfo) -> None:
    with tarfile.open(file, "w:gz") as archive:
        for member in members:
            archive.addfile(member)
        info = tarfile.TarInfo("demo-1.0/PKG-INFO")
        text = core_metadata("demo", "1.0").encode()
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))


def link(kind: bytes, name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_links_may_lead_inside_only(tmp_path: Path) -> None:
    file = tmp_path / "demo-1.0.tar.gz"
    for kind, target in ((tarfile.SYMTYPE, "../../x"), (tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "../x")):
        add_members(file, link(kind, "demo-1.0/link", target))
        assert "outside itself" in refusal(file)
    add_members(file, link(tarfile.SYMTYPE, "demo-1.0/a/b/link", "../../PKG-INFO"))
    assert read(file)
    add_members(file, link(tarfile.CHRTYPE, "demo-1.0/null", ""))
    assert "a device" in refusal(file)


def test_what_is_packed_in_other_ways_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("x", bytes(100), zipfile.ZIP_LZMA)
    assert "method 14" in refusal(wheel)


def test_zip64_is_read(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    with zipfile.ZipFile(wheel, "a") as archive:
        for number in range(10):
            with archive.open(f"n{number}", "w", force_zip64=True) as member:
                member.write(b"x")
    assert read(wheel)
