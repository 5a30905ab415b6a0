"""Memory is given back once no upload is under way, and not while one is."""

import asyncio

import pytest

from uploader.upload import calm
from uploader.upload.calm import Calm


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An entry for each time that memory was given back."""
    times: list[str] = []
    monkeypatch.setattr(calm, "PAUSE", 0.05)
    monkeypatch.setattr(calm, "give_back", lambda: times.append("now"))
    return times


def test_memory_is_given_back_once_after_the_last_upload(given: list[str]) -> None:
    async def act() -> None:
        quiet = Calm()
        with quiet.disturbed():
            with quiet.disturbed():
                pass
            await asyncio.sleep(0.1)
            assert given == []
        await asyncio.sleep(0.2)

    asyncio.run(act())
    assert given == ["now"]


def test_another_upload_puts_it_off(given: list[str]) -> None:
    async def act() -> None:
        quiet = Calm()
        with quiet.disturbed():
            pass
        with quiet.disturbed():
            await asyncio.sleep(0.1)
            assert given == []

    asyncio.run(act())


def test_an_upload_that_fails_is_over_too(given: list[str]) -> None:
    async def act() -> None:
        with pytest.raises(ValueError, match="bad"), Calm().disturbed():
            raise ValueError("bad")
        await asyncio.sleep(0.2)

    asyncio.run(act())
    assert given == ["now"]
