"""Tars: what is read without `tarfile` is what `tarfile` reads."""

import gzip
import io
import random
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from store.archive import read_members
from store.archive.budget import WHATEVER_IT_TAKES
from store.archive.packed import Packed
from store.errors import clip
from tests.store.damage import damage

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}

Found = list[tuple[tuple[str, ...], bytes | None]]


def read(content: bytes, suffix: str = ".tar") -> Found:
    packed = Packed(io.BytesIO(content), "", WHATEVER_IT_TAKES)
    members = read_members(packed, suffix)
    return [(member.parts, member.content(1 << 20) if member.content else None) for member in members]


def outcome(content: bytes, suffix: str = ".tar") -> Found | str:
    try:
        return read(content, suffix)
    except Exception as error:
        return clip(str(error))


@pytest.fixture
def by_tarfile(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Found | str]:
    """What is found where `tarfile` reads every member."""

    def read_by_tarfile(content: bytes) -> Found | str:
        with monkeypatch.context() as patch:
            patch.setattr("store.archive.tar.parse_header", lambda block: None)
            return outcome(content)

    return read_by_tarfile


@pytest.fixture
def without_tarfile(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_rest(stream: object) -> None:
        raise AssertionError("it was left to tarfile")

    monkeypatch.setattr("store.archive.tar.read_rest", read_rest)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    for field, value in fields.items():
        setattr(info, field, value)
    return info


LONG = "demo-1.0/" + "long/" * 18 + "name.py"
PLAIN = [
    (member("demo-1.0", tarfile.DIRTYPE, mode=0o755), b""),
    (member("demo-1.0/PKG-INFO", mtime=1_700_000_000), b"Name: demo\n" * 60),
    (member("demo-1.0/empty"), b""),
    (member("demo-1.0/block"), bytes(512)),
    (member(LONG, uname="ann", gname="staff"), b"content"),
    (member("demo-1.0/symbolic", tarfile.SYMTYPE, "a/../PKG-INFO"), b""),
    (member("demo-1.0/hard", tarfile.LNKTYPE, "demo-1.0/PKG-INFO"), b""),
    (member("./demo-1.0//dots/./x"), b"x"),
]
LONGER = [
    (member("demo-1.0/" + "n" * 200), b"a"),
    (member("demo-1.0/" + "d" * 200, tarfile.DIRTYPE), b""),
    (member("demo-1.0/to", tarfile.SYMTYPE, "t" * 200), b""),
    (member("demo-1.0/" + "b" * 150, tarfile.LNKTYPE, "demo-1.0/" + "n" * 200), b""),
    (member("demo-1.0/ü\N{SNOWMAN}", uname="Jürgen"), b"b"),
    (member("demo-1.0/of-many", uid=3_000_000, gid=3_000_000), b"c"),
    (member("demo-1.0/" + "9" * 150), b"d"),
]


def make(form: int, members: list[tuple[tarfile.TarInfo, bytes]], **more: object) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form, **more) as archive:  # type: ignore[call-overload]
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % tarfile.RECORDSIZE)


def expected(members: list[tuple[tarfile.TarInfo, bytes]]) -> Found:
    found: Found = []
    for info, content in members:
        parts = tuple(part for part in info.name.split("/") if part not in ("", "."))
        found.append((parts, content if info.isreg() else None))
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_what_every_writer_makes_is_read_without_tarfile(without_tarfile: None, form: str) -> None:
    members = PLAIN if form == "ustar" else PLAIN + LONGER
    if form == "pax":
        members = [*members, (member("demo-1.0/timed", mtime=1.5, pax_headers={"comment": "ü"}), b"e")]
    assert read(make(FORMATS[form], members)) == expected(members)


@pytest.mark.parametrize("form", ["ustar", "gnu", "oldgnu", "posix"])
def test_what_gnu_tar_makes_is_read_without_tarfile(without_tarfile: None, tmp_path: Path, form: str) -> None:
    (tmp_path / "in/demo-1.0/a").mkdir(parents=True)
    (tmp_path / "in/demo-1.0/PKG-INFO").write_bytes(b"Name: demo\n")
    (tmp_path / "in/demo-1.0/link").symlink_to("PKG-INFO")
    (tmp_path / "in/demo-1.0/hard").hardlink_to(tmp_path / "in/demo-1.0/PKG-INFO")
    (tmp_path / "in/demo-1.0" / ("n" * 90)).write_bytes(b"x")
    if form != "ustar":
        (tmp_path / "in/demo-1.0" / ("n" * 150)).write_bytes(b"y")
    command = ["tar", "-C", str(tmp_path / "in"), f"--format={form}", "--sort=name", "-cf", "-", "demo-1.0"]
    found = read(subprocess.run(command, capture_output=True, check=True).stdout)
    assert (("demo-1.0",), None) in found
    assert (("demo-1.0", "n" * 90), b"x") in found
    assert len(found) == (6 if form == "ustar" else 7)


def with_globals(records: dict[str, str]) -> bytes:
    return make(tarfile.PAX_FORMAT, PLAIN, pax_headers=records)


def with_sparse(tmp_path: Path, form: str) -> bytes:
    (tmp_path / "demo-1.0").mkdir()
    with (tmp_path / "demo-1.0/sparse").open("wb") as file:
        file.truncate(1 << 20)
        file.seek(1 << 19)
        file.write(b"content")
    command = ["tar", "-C", str(tmp_path), "--sparse", *form.split(), "-cf", "-", "demo-1.0"]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.mark.parametrize("form", ["--format=gnu", "--format=posix", "--format=posix --sparse-version=0.1"])
def test_sparse_files_are_read_by_tarfile(by_tarfile: Callable[[bytes], Found], tmp_path: Path, form: str) -> None:
    content = with_sparse(tmp_path, form)
    found = read(content)
    assert dict(found)["demo-1.0", "sparse"] == bytes(1 << 19) + b"content" + bytes((1 << 19) - 7)
    assert found == by_tarfile(content)


def rewritten(info: tarfile.TarInfo, at: int, field: bytes) -> bytes:
    """Its header with other bytes there, and the checksum of them."""
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    block[at : at + len(field)] = field
    block[148:156] = b"%06o\0 " % (sum(block) - sum(block[148:156]) + 256)
    return bytes(block)


ODD = {
    "an older magic": rewritten(member("demo-1.0/x"), 257, bytes(8)),
    "a directory of old": rewritten(member("demo-1.0/x/"), 156, b"\0"),
    "a file of old": rewritten(member("demo-1.0/x"), 156, b"\0"),
    "a contiguous file": rewritten(member("demo-1.0/x"), 156, b"7"),
    "numbers with spaces": rewritten(member("demo-1.0/x"), 100, b"   644 \0"),
    "a binary size": rewritten(member("demo-1.0/x"), 124, b"\x80" + bytes(11)),
    "a negative size": rewritten(member("demo-1.0/x"), 124, b"\xff" * 12),
    "a binary time": rewritten(member("demo-1.0/x"), 136, b"\x80" + bytes(10) + b"\1"),
    "no number": rewritten(member("demo-1.0/x"), 108, b"nobody\0\0"),
    "a device": rewritten(member("demo-1.0/x"), 156, b"3"),
    "an unknown kind": rewritten(member("demo-1.0/x"), 156, b"Z"),
    "a directory with a size": rewritten(member("demo-1.0/x", tarfile.DIRTYPE), 124, b"00000001000\0"),
    "a link with a size": rewritten(member("demo-1.0/x", tarfile.SYMTYPE, "y"), 124, b"00000001000\0"),
    "a prefix": rewritten(member("x"), 345, b"demo-1.0/a"),
    "a prefix beside the magic of GNU": rewritten(member("x"), 257, b"ustar  \0" + bytes(80) + b"demo-1.0"),
    "a name that is not UTF-8": rewritten(member("demo-1.0/x"), 9, b"\xff\xfe"),
    "a bad checksum": b"x" * 512,
    "half a header": b"demo-1.0/x",
    "nothing": b"",
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("form", FORMATS)
def test_what_is_odd_reads_as_tarfile_has_it(by_tarfile: Callable[[bytes], Found], odd: str, form: str) -> None:
    whole = make(FORMATS[form], PLAIN)
    middle = len(make(FORMATS[form], PLAIN[:3]).rstrip(b"\0")) // 512 * 512 + 512
    for content in (whole[:middle] + ODD[odd] + whole[middle:], ODD[odd] + whole, whole[:middle] + ODD[odd]):
        assert outcome(padded(content)) == by_tarfile(padded(content))


def record(key: str, value: bytes) -> bytes:
    rest = f" {key}=".encode() + value + b"\n"
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length += 1
    return str(length).encode() + rest


SPARSE = {"major": b"1", "minor": b"0", "name": b"demo-1.0/s", "realsize": b"600"}
RECORDS = {
    "a path": record("path", b"demo-1.0/y"),
    "a path in UTF-8": record("path", "demo-1.0/ü".encode()),
    "a path that is none": record("path", b".."),
    "an empty path": record("path", b""),
    "two paths": record("path", b"a") + record("path", b"b"),
    "a size": record("size", b"512"),
    "a size that is none": record("size", b"x"),
    "a character set": record("hdrcharset", b"BINARY") + record("path", b"\xff\xfe"),
    "a path that is not UTF-8": record("path", b"\xff\xfe"),
    "a length that is too long": b"99 path=x\n",
    "a length that is too short": b"3 path=x\n",
    "a length with a zero": b"019 path=demo-1.0/y\n",
    "no line end": b"10 path=ab",
    "no key": b"5 =x\n",
    "a sparse file": b"".join(record(f"GNU.sparse.{key}", value) for key, value in SPARSE.items()),
    "a map": record("GNU.sparse.map", b"0,1,5,1"),
    "a line end in the value": record("path", b"a\nb"),
    "a line end in the key": record("pa\nth", b"ab"),
    "a NUL": record("path", b"a\0b"),
    "a link path": record("linkpath", b"x"),
    "a link path outside": record("linkpath", b"../../x"),
    "a time and a comment": record("mtime", b"1.5") + record("comment", "ü".encode()),
    "nothing": b"",
}


@pytest.mark.parametrize("said", RECORDS)
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE])
@pytest.mark.parametrize("before", [[], [b"L"], [b"x"], [b"K", b"L"]], ids=str)
def test_pax_records_read_as_tarfile_has_them(
    by_tarfile: Callable[[bytes], Found], said: str, kind: bytes, before: list[bytes]
) -> None:
    def block(kind: bytes, content: bytes) -> bytes:
        info = member("././@LongLink", kind, size=len(content))
        return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)

    texts = {b"L": b"demo-1.0/named", b"K": b"target\0rest", b"x": record("path", b"demo-1.0/z")}
    first = b"".join(block(kind, texts[kind]) for kind in before) + block(b"x", RECORDS[said])
    last = b"".join(block(kind, texts[kind]) for kind in reversed(before))
    for headers in (first, block(b"x", RECORDS[said]) + last, block(b"x", RECORDS[said] + b"\n") + last):
        content = padded(headers + member("demo-1.0/x", kind, "t").tobuf() + make(tarfile.GNU_FORMAT, PLAIN))
        assert outcome(content) == by_tarfile(content)


def test_a_record_beyond_the_size_of_its_header_reads_as_tarfile_has_it(by_tarfile: Callable[[bytes], Found]) -> None:
    for first in (record("mtime", b"1"), b""):
        header = member("x", tarfile.XHDTYPE, size=max(1, len(first))).tobuf(tarfile.GNU_FORMAT)
        records = (first + record("path", b"demo-1.0/y")).ljust(512, b"\0")
        content = padded(header + records + member("demo-1.0/x").tobuf() + bytes(1024))
        assert outcome(content) == by_tarfile(content)


def test_global_records_are_read_by_tarfile(by_tarfile: Callable[[bytes], Found]) -> None:
    content = with_globals({"comment": "0123456789abcdef", "path": "demo-1.0/all"})
    assert read(content) == by_tarfile(content)
    assert read(content)[0] == (("demo-1.0", "all"), None)


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_damaged_reads_as_tarfile_has_it(by_tarfile: Callable[[bytes], Found], form: str) -> None:
    members = PLAIN if form == "ustar" else PLAIN + LONGER[:-1]
    content, chance = make(FORMATS[form], members), random.Random(5)
    found = 0
    for _ in range(400):
        damaged = padded(damage(content, chance))
        assert outcome(damaged) == by_tarfile(damaged)
        found += not isinstance(outcome(damaged), str)
    assert 20 < found < 380


@pytest.mark.parametrize(
    "content",
    [gzip.compress(make(tarfile.GNU_FORMAT, PLAIN)), gzip.compress(bytes(100_000)), b"\x1f\x8b", b""],
    ids=["whole", "zeros", "magic", "nothing"],
)
def test_gzip_streams_read_as_gzip_has_them(content: bytes) -> None:
    chance = random.Random(6)
    more = [
        content,
        content + bytes(7),
        content + bytes(100_000),
        content + content,
        content + b"x",
        bytes(2) + content,
    ]
    more += [content + bytes(3) + content, with_header(content, 2, b"xx"), with_header(content, 8, b"name\0")]
    more += [with_header(content, 4 + 16, b"\2\0xxcomment\0"), with_header(content, 16, b"x" * 200_000)]
    more += [content[:-1] + bytes([content[-1] ^ 1])] if content else []
    more += [damage(content, chance) for _ in range(100)]
    for stream in more:
        assert unpacked(stream) == unpacked_by_gzip(stream)


def with_header(content: bytes, flags: int, text: bytes) -> bytes:
    return content[:3] + bytes([flags]) + content[4:10] + text + content[10:]


def unpacked(stream: bytes) -> bytes | None:
    from store.archive.packed import Span
    from store.archive.streams import unpack

    packed = Packed(io.BytesIO(stream), "", WHATEVER_IT_TAKES)
    try:
        return b"".join(unpack(Span(packed, 0, len(stream)), ".tar.gz"))
    except Exception:
        return None


def unpacked_by_gzip(stream: bytes) -> bytes | None:
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(stream)).read()
    except Exception:
        return None
