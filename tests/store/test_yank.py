"""Why a file is yanked, as anybody may write it."""

import pytest

from store.yank import BYTES, LIMIT, read_reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", ""),
        (b" breaks\n on  Windows\n", "breaks on Windows"),
        (b"\x00/\x00<!--#", "/ <!--#"),
        (b"caf\xe9", "caf\ufffd"),
        (b"x" * 2 * BYTES, "x" * LIMIT),
    ],
)
def test_a_reason_is_one_line_without_anything_that_pages_take_for_their_own(content: bytes, reason: str) -> None:
    assert read_reason(content) == reason
