"""Forms taken apart: the same however the bytes come, and nothing that is no form taken for one."""

import random

import pytest

from store.errors import Refused
from uploader.upload.multipart import HEAD_LIMIT, Misframed, Part, Splitter, parse_boundary, parse_head

FILE = bytes(random.Random(1).randbytes(3000)) + b"\r\n--bound\r\n--" * 20
FIELD = b'Content-Disposition: form-data; name="a"\r\n\r\n'
FORM = (
    b"\r\n--boundary \t\r\n" + FIELD + b"one\r\n"
    b'--boundary\r\nContent-Type: text/plain\r\ncontent-disposition: form-data;name="b" ;filename="x y"\r\n\r\n'
    + FILE
    + b"\r\n--boundary\r\n"
    + FIELD
    + b"\r\n--boundary\r\n"
    + FIELD
    + b"--boundary\r\n\r\nnameless\r\n--boundary--\r\nwhat follows --boundary"
)
PARTS = [(Part("a", None), b"one"), (Part("b", "x y"), FILE), (Part("a", None), b""), (Part("a", None), b"")]
PARTS.append((Part(None, None), b"nameless"))


def take_apart(*pieces: bytes) -> list[tuple[Part, bytes]]:
    splitter, parts = Splitter(b"boundary"), []
    for piece in pieces:
        for found in splitter.feed(piece):
            if isinstance(found, Part):
                parts.append((found, b""))
            else:
                parts[-1] = (parts[-1][0], parts[-1][1] + found)
    assert splitter.is_complete
    return parts


def test_a_form_is_taken_apart() -> None:
    assert take_apart(FORM) == PARTS


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_it_is_the_same_in_pieces_of_any_size(size: int) -> None:
    assert take_apart(*(FORM[at : at + size] for at in range(0, len(FORM), size))) == PARTS


def test_it_is_the_same_wherever_it_is_cut() -> None:
    for at in range(len(FORM)):
        assert take_apart(FORM[:at], FORM[at:]) == PARTS


def test_what_ends_early_is_not_complete() -> None:
    end = FORM.index(b"--boundary--") + len(b"--boundary--")
    for length in range(end):
        splitter = Splitter(b"boundary")
        splitter.feed(FORM[:length])
        assert not splitter.is_complete


def test_of_a_long_part_next_to_nothing_is_held_back() -> None:
    splitter, taken = Splitter(b"boundary"), 0
    splitter.feed(b"--boundary\r\n" + FIELD)
    for _ in range(100):
        taken += sum(map(len, splitter.feed(b"x" * 10_000)))
    assert 1_000_000 - taken < len(b"\r\n--boundary")


@pytest.mark.parametrize(
    "body",
    [
        b"--boundaryx\r\n" + FIELD,
        b"--boundary" + b" " * 300,
        b"--boundary" + b" " * 300 + b"\r\n" + FIELD,
        b"--boundary\r\n" + b"x" * (HEAD_LIMIT + 100),
        b"--boundary\r\nX: " + b"x" * HEAD_LIMIT + b"\r\n\r\n" + b"x" * 100,
        b"--boundary\r\nno field\r\n\r\n" + b"x" * 100,
        b"--boundary\r\nspace : x\r\n\r\n" + b"x" * 100,
        b"--boundary\r\n\xc3\xa4: x\r\n\r\n" + b"x" * 100,
        b'--boundary\r\nContent-Disposition: form-data; name="a\r\n\r\n' + b"x" * 100,
        b'--boundary\r\nContent-Disposition: form-data; name="a" name="b"\r\n\r\n' + b"x" * 100,
        b'--boundary\r\nContent-Disposition: attachment; name="a"\r\n\r\n' + b"x" * 100,
    ],
)
def test_what_is_misframed_is_said(body: bytes) -> None:
    with pytest.raises(Misframed):
        Splitter(b"boundary").feed(body)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ('form-data; name="a"', Part("a", None)),
        ('Form-Data;name="a";filename="b"', Part("a", "b")),
        ("form-data; name=a; filename=b.whl", Part("a", "b.whl")),
        (r'form-data; name="a"; filename="b\"c\\d"', Part("a", 'b"c\\d')),
        ('form-data; filename="b"; name="a"', Part("a", "b")),
        ('form-data; name="a"; filename="b"; filename*=UTF-8\'en\'c%20d', Part("a", "c d")),
        ('form-data; name="a"; filename="b"; filename*=utf-16\'\'c', Part("a", "b")),
        ('form-data; name="a"; filename*0="b"; filename*1="c"', Part("a", None)),
        ('form-data; name=""; filename=""', Part("", "")),
        ('form-data;\r\n name="a";\r\n\tfilename="b"', Part("a", "b")),
        ("form-data", Part(None, None)),
    ],
)
def test_a_disposition_is_read_as_clients_write_it(value: str, part: Part) -> None:
    assert parse_head(f"Content-Disposition: {value}") == part


def test_a_form_within_the_form_is_refused() -> None:
    with pytest.raises(Refused, match="multipart within the multipart"):
        parse_head("Content-Type: Multipart/mixed; boundary=x")


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; charset=utf-8; Boundary="a b;c"', b"a b;c"),
        ("multipart/form-data;boundary=abc; charset=utf-8", b"abc"),
    ],
)
def test_a_boundary_is_found(content_type: str, boundary: bytes) -> None:
    assert parse_boundary(content_type) == boundary
