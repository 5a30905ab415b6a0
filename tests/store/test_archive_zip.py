"""Zips: every member has bytes of its own, all of which are there, and reads as `zipfile` has it."""

import io
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pytest

from store.distribution import read_contents
from store.errors import BadArchive
from store.names import parse_filename
from tests.archives import core_metadata
from tests.store.damage import damage
from tests.store.test_archive_tar import outcome, read

WHEEL = parse_filename("demo-1.0-py3-none-any.whl")
METADATA = "demo-1.0.dist-info/METADATA"

ENTRY = struct.Struct("<4s6H3L5H2L")  # of the directory
LOCAL = struct.Struct("<4s5H3L2H")
END = struct.Struct("<4s4H2LH")


class Pipe(io.RawIOBase):
    """What cannot be sought in, so that sizes and checksums follow the content."""

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self.content += bytes(data)
        return len(data)


def make(members: Mapping[str, bytes], *, piped: bool = False, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    file, pipe = io.BytesIO(), Pipe()
    with zipfile.ZipFile(pipe if piped else file, "w", packing) as archive:
        for name, content in {METADATA: core_metadata("demo", "1.0").encode(), **members}.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content, packing)
    return pipe.content if piped else file.getvalue()


def refusal(content: bytes) -> str:
    with pytest.raises(BadArchive) as caught:
        read_contents(io.BytesIO(content), WHEEL)
    return str(caught.value)


def expected(content: bytes) -> list[tuple[tuple[str, ...], bytes | None]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [
            (tuple(info.filename.rstrip("/").split("/")), None if info.is_dir() else archive.read(info))
            for info in archive.infolist()
        ]


NOISE = random.Random(7).randbytes(3000)
CONTENTS = {
    "demo/": b"",
    "demo/empty": b"",
    "demo/text.py": b"x = 1\n" * 500,
    "ü\N{SNOWMAN}": b"y",
    "demo/noise": NOISE,
}


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_what_zipfile_writes_reads_as_it_has_it(piped: bool, packing: int) -> None:
    content = make(CONTENTS, piped=piped, packing=packing)
    assert read(content, ".zip") == expected(content)


def test_what_is_damaged_is_refused_or_reads_as_zipfile_has_it() -> None:
    chance, found = random.Random(8), 0
    for whole in (make(CONTENTS), make(CONTENTS, piped=True)):
        for _ in range(600):
            damaged = damage(whole, chance)
            members = outcome(damaged, ".zip")
            if not isinstance(members, str):
                assert members == expected(damaged)
                found += 1
    assert found > 20


def one(name: bytes = b"x", content: bytes = b"content", **fields: Any) -> dict[str, Any]:
    """A member as `assemble` wants it; what is not said of its fields is true."""
    true = {"flags": 0, "method": 0, "crc": zlib.crc32(content), "packed": len(content), "size": len(content)}
    return true | {"name": name, "content": content, "extra": b"", "local_name": name} | fields


TEXT = one(METADATA.encode(), core_metadata("demo", "1.0").encode())


def assemble(*members: dict[str, Any], gap: bytes = b"") -> bytes:
    """A wheel of its metadata and these stored members, with `gap` after each."""
    body = directory = b""
    for said in (TEXT, *members):
        shared = (said["flags"], said["method"], 0, 0, said["crc"], said["packed"], said["size"])
        lengths, offset = (len(said["name"]), len(said["extra"])), said.get("offset", len(body))
        directory += ENTRY.pack(b"PK\1\2", 20, 20, *shared, *lengths, 0, 0, 0, 0, offset) + said["name"] + said["extra"]
        body += (
            LOCAL.pack(b"PK\3\4", 20, *shared, len(said["local_name"]), 0) + said["local_name"] + said["content"] + gap
        )
    count = len(members) + 1
    return body + directory + END.pack(b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)


def test_what_is_assembled_by_hand_is_whole() -> None:
    assert read_contents(io.BytesIO(assemble(one())), WHEEL)
    assert read_contents(io.BytesIO(assemble(one(), gap=b"anything")), WHEEL)
    assert read(assemble(one(b"caf\x82")), ".zip")[1][0] == ("café",)
    assert read(assemble(one(b"x\0y")), ".zip")[1][0] == ("x",)


def test_members_that_share_bytes_are_refused() -> None:
    assert "Overlapped" in refusal(assemble({**TEXT, "offset": 0}))
    assert "Overlapped" in refusal(assemble(one(packed=8, size=8)))
    assert "Overlapped" in refusal(assemble(one(packed=1000, size=1000)))
    quoted = LOCAL.pack(b"PK\3\4", 20, 0, 0, 0, 0, zlib.crc32(b"b"), 1, 1, 1, 0) + b"qb"
    nested = assemble(one(b"x", quoted)).index(quoted)
    assert "Overlapped" in refusal(assemble(one(b"x", quoted), one(b"q", b"b", offset=nested)))


@pytest.mark.parametrize("offset", [1, 5, 60, 1 << 20, 0xFFFFFFFE])
def test_a_member_that_is_not_where_the_directory_says_is_refused(offset: int) -> None:
    assert "not a whole .whl archive" in refusal(assemble(one(offset=offset)))


def test_a_member_with_another_name_before_its_content_is_refused() -> None:
    assert "header differ" in refusal(assemble(one(local_name=b"y")))


LIES = [{"size": 6}, {"size": 8}, {"size": 0}, {"crc": 1}, {"packed": 6}, {"flags": 1}, {"flags": 32}, {"flags": 64}]


@pytest.mark.parametrize("lie", [*LIES, {"method": 8}, {"method": 12}], ids=str)
def test_a_member_that_is_not_what_the_directory_says_is_refused(lie: dict[str, Any]) -> None:
    assert re.search("expected|not a whole .whl archive", refusal(assemble(one(**lie))))


def test_a_member_without_a_name_is_refused() -> None:
    assert "has no name" in refusal(assemble(one(b"")))


def test_nothing_may_be_said_to_be_deflated() -> None:
    assert read_contents(io.BytesIO(assemble(one(b"d/", b"", method=8))), WHEEL)


def unicode_path(raw: bytes, path: str) -> bytes:
    field = struct.pack("<BL", 1, zlib.crc32(raw)) + path.encode()
    return struct.pack("<2H", 0x7075, len(field)) + field


def test_a_path_in_an_extra_field_counts() -> None:
    good = unicode_path(b"x", "demo/ü.py")
    assert read(assemble(one(extra=good)), ".zip")[1] == (("demo", "ü.py"), b"content")
    stale = unicode_path(b"other", "../x")
    assert read(assemble(one(extra=stale)), ".zip")[1][0] == ("x",)
    for bad in ("../x", "/x"):
        assert "outside itself" in refusal(assemble(one(extra=unicode_path(b"x", bad))))


def test_a_damaged_extra_field_is_refused() -> None:
    assert "cut off" in refusal(assemble(one(extra=struct.pack("<2HL", 9, 8, 0))))
    zip64 = struct.pack("<2H", 1, 0)
    assert "too short" in refusal(assemble(one(extra=zip64, offset=0xFFFFFFFF)))


@pytest.mark.parametrize("size", [256, 512, 1000, 4096])
@pytest.mark.parametrize("piped", [False, True])
def test_a_hole_anywhere_is_found(piped: bool, size: int) -> None:
    whole = make({**CONTENTS, **{f"demo/{number}": NOISE[:200] for number in range(20)}}, piped=piped)
    for at in range(0, len(whole), 100):
        holed = whole[:at] + bytes(len(whole[at : at + size])) + whole[at + size :]
        assert refusal(holed)


def test_a_hole_where_a_member_is_described_is_found() -> None:
    whole = make({"x": b"content"}, piped=True)
    at = whole.index(b"PK\7\x08")
    assert "not followed by what describes it" in refusal(whole[:at] + bytes(16) + whole[at + 16 :])


def test_a_deflate_stream_without_its_end_is_refused() -> None:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = squeeze.compress(b"content") + squeeze.flush(zlib.Z_FULL_FLUSH)
    lie = one(b"x", packed, method=8, size=7, crc=zlib.crc32(b"content"))
    assert "in the middle of packed data" in refusal(assemble(lie))


def test_members_may_lie_in_another_order_than_the_directory_has() -> None:
    large = random.Random(9).randbytes(3 << 20)
    content = assemble(one(b"a", large), one(b"b", large))
    start = content.rindex(b"PK\1\2", 0, content.rindex(b"PK\1\2"))
    end = content.index(b"PK\5\6", start)
    assert end - start == 2 * (ENTRY.size + 1)
    swapped = (
        content[:start] + content[start + ENTRY.size + 1 : end] + content[start:][: ENTRY.size + 1] + content[end:]
    )
    assert read_contents(io.BytesIO(swapped), WHEEL).digest == sha256(swapped).hexdigest()
    assert [parts for parts, _ in read(swapped, ".zip")] == [("demo-1.0.dist-info", "METADATA"), ("b",), ("a",)]
