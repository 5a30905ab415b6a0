"""The bytes of a file: any part in any order, and hashed once."""

import io
import random
from hashlib import sha256

import pytest

from store.archive.budget import WHATEVER_IT_TAKES
from store.archive.packed import Packed


@pytest.mark.parametrize("whole", [0, 1 << 20])
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_file_is_hashed_once_in_whatever_order_it_is_read(
    monkeypatch: pytest.MonkeyPatch, whole: int, step: int
) -> None:
    monkeypatch.setattr("store.archive.packed.WHOLE", whole)
    monkeypatch.setattr("store.archive.packed.STEP", step)
    chance = random.Random(1)
    for _ in range(100):
        content = chance.randbytes(chance.randrange(300))
        packed = Packed(io.BytesIO(content), "", WHATEVER_IT_TAKES)
        for _ in range(chance.randrange(6)):
            offset, size = chance.randrange(300), chance.randrange(100)
            if offset <= len(content):
                read = chance.choice((packed.read, packed.peek))
                assert read(offset, size) == content[offset : offset + size]
        assert packed.finish() == sha256(content).hexdigest()
