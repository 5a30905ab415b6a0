"""Core metadata: read whatever its version, and harmless whatever it holds."""

import contextlib
import random
import time
import tracemalloc
from email.parser import Parser

import pytest

from store.errors import BadArchive
from store.metadata import Metadata, parse_metadata


@pytest.mark.parametrize("version", ["1.0", "1.2", "1.3", "2.1", "2.9", "9.0", "abc", "", "1" * 5000, "\xe9"])
def test_metadata_of_any_version_is_read(version: str) -> None:
    text = f"Metadata-Version: {version}\nName: demo\nVersion: 1.0\nRequires-Python: >=3.8\n"
    assert parse_metadata(text.encode()) == Metadata("demo", "1.0", ">=3.8")


def test_metadata_without_a_version_of_its_own_is_read() -> None:
    assert parse_metadata(b"Name: demo\nVersion: 1.0\n\nA README\n") == Metadata("demo", "1.0", "")


def test_metadata_with_other_line_ends_is_read() -> None:
    for end in ("\r\n", "\r"):
        text = end.join(["Metadata-Version: 2.1", "Name: demo", "Version: 1.0", "", "Name: other", ""])
        assert parse_metadata(text.encode()) == Metadata("demo", "1.0", "")


def test_metadata_that_is_not_utf8_is_read() -> None:
    assert parse_metadata(b"Name: demo\nAuthor: \xe9\nVersion: 1.0\n").version == "1.0"


@pytest.mark.parametrize(
    "text",
    ["", "Name: demo\n", "Version: 1.0\n", "Name: demo\nVersion: UNKNOWN\n", "\nName: demo\nVersion: 1.0\n", "\0"],
)
def test_metadata_without_name_or_version_is_refused(text: str) -> None:
    with pytest.raises(BadArchive, match=r"its metadata has no (Name|Version); expected"):
        parse_metadata(text.encode())


@pytest.mark.parametrize("lines", ["a:\n" * 60_000, "Description: x\n" + " \n" * 60_000, "a:\r" * 60_000])
def test_metadata_of_very_many_lines_is_refused(lines: str) -> None:
    with pytest.raises(BadArchive, match="lines of fields; expected at most"):
        parse_metadata(b"Name: demo\nVersion: 1.0\n" + lines.encode())


@pytest.mark.parametrize("kind", ["message/rfc822", "multipart/mixed; boundary=x", "multipart/digest", "x/y; \0"])
def test_a_readme_is_not_looked_into(kind: str) -> None:
    text = f"Name: demo\nVersion: 1.0\nContent-Type: {kind}\n\n" + f"--x\nContent-Type: {kind}\n\n" * 100_000
    assert parse_metadata(text.encode()) == Metadata("demo", "1.0", "")


@pytest.mark.parametrize("good", [">=3.8", "", ">=2.6, !=3.0.*, <4", "~=3.9", "==3.*"])
def test_a_good_requires_python_is_kept(good: str) -> None:
    assert parse_metadata(f"Name: demo\nVersion: 1\nRequires-Python: {good}\n".encode()).requires_python == good


@pytest.mark.parametrize(
    "bad",
    ["3.8 or so", ">=" + "1" * 5000, ">=" + "1" * 990, "===\0", "===\x1b[2J", ">=3.8\n  <script>", "===é",
     ">=3.8,\x85x", ">=3," * 300_000, "x" * (1 << 20), "UNKNOWN", "'", '">', "===\N{RIGHT-TO-LEFT OVERRIDE}"],
    ids=range(14),
)  # fmt: skip
def test_a_requires_python_no_installer_can_read_is_dropped(bad: str) -> None:
    found = parse_metadata(f"Name: demo\nVersion: 1\nRequires-Python: {bad}\n".encode()).requires_python
    assert found in ("", ">=" + "1" * 990)


def test_noise_is_read_or_refused() -> None:
    chance = random.Random(1)
    pieces = ["Name", "Version", "Requires-Python", ":", ": ", "\n", "\r", " ", "demo", "1.0", ">=3", "\0", "\x85", "é"]
    pieces += ["UNKNOWN", "Metadata-Version", "\n\n", "Content-Type: multipart/x", "From ", "=?utf-8?q?x?=", "\ud800"]
    for _ in range(2000):
        text = "".join(chance.choices(pieces, k=chance.randrange(40))).encode("utf-8", "surrogatepass")
        with contextlib.suppress(BadArchive):  # and no other exception
            parse_metadata(text)


def outcome(text: bytes) -> Metadata | str:
    try:
        return parse_metadata(text)
    except BadArchive as error:
        return str(error)


def outcome_by_the_standard_library(text: bytes) -> Metadata | str:
    """What there is among all fields, of which an installer's parser finds out each."""
    message = Parser().parsestr(text.decode("utf-8"))
    name, version, specifier = (
        " ".join(map(str.strip, (message.get(field) or "").splitlines())).strip()
        for field in ("Name", "Version", "Requires-Python")
    )
    for field, value in (("Name", name), ("Version", version)):
        if value in ("", "UNKNOWN"):
            return f"its metadata has no {field}; expected core metadata with Name and Version"
    return Metadata(name, version, specifier if specifier == ">=3" else "")  # no other here is one


def test_fields_are_found_as_installers_find_them_among_all_others() -> None:
    chance = random.Random(2)
    pieces = 3 * ["Name: demo", "name:a", "NAME:\t b", "Version: 1.0", "version:2", "Requires-Python: >=3"]
    pieces += [
        "Requires-Python:",
        "Requires-Python",
        "Name : x",
        "Name",
        "X-Name: y",
        "Summary: Name: z",
        " Version: 3",
    ]
    pieces += ["\tmore", " ", "", "From here", "From: x", ": x", "Description: a\n        Name: b", "|Name: c", "é: x"]
    pieces += ["a b: c", "\x0bName: d"]
    ends = ["\n", "\n", "\n", "\r\n", "\r", "\n\n", "\x0b", "\x85"]
    lines = [chance.choice(pieces) + chance.choice(ends) for _ in range(30_000)]
    texts = ["".join(lines[at : at + chance.randrange(12)]) for at in range(0, len(lines), 5)]
    found = [outcome(text.encode()) for text in texts]
    assert sum(isinstance(one, Metadata) for one in found) > 300
    assert found == [outcome_by_the_standard_library(text.encode()) for text in texts]


def test_a_field_of_very_many_lines_is_not_held_many_times() -> None:
    text = b"Name: demo\nVersion: 1.0\nRequires-Python: >=3\n" + (b" " + b"y" * 170 + b"\n") * 48_000
    tracemalloc.start()
    try:
        assert outcome(text) == Metadata("demo", "1.0", "")
        assert tracemalloc.get_traced_memory()[1] < 4 * len(text)
    finally:
        tracemalloc.stop()


def test_a_field_of_very_many_lines_costs_little_and_is_too_long() -> None:
    for field in ("Name: ", "Version: ", "Requires-Python: "):
        text = (
            b"Name: demo\nVersion: 1.0\n".replace(field.encode(), b"X: ") + field.encode() + b">=3\n" + b" 1\n" * 40_000
        )
        began = time.thread_time()
        found = outcome(text)
        assert time.thread_time() - began < 0.1
        assert isinstance(found, Metadata)
        assert found.requires_python == ""
        assert max(map(len, (found.name, found.version))) > 200 or field == "Requires-Python: "
