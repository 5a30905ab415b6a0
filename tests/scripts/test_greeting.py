"""What is said once Larder serves."""

import asyncio
from pathlib import Path

import pytest

from scripts.supervise import greeting
from store.settings import Settings, read_settings
from tests.running import free_port


def greeted(path: Path, answer: bytes) -> Settings:
    """Where nginx gives this answer to everything, and the uploader listens after a while."""
    settings = read_settings(
        {"LARDER_DATA": "/srv/x", "LARDER_RUN": str(path), "LARDER_HOST": "127.0.0.1", "LARDER_PORT": str(free_port())}
    )

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def run() -> None:
        task = asyncio.create_task(greeting.greet(settings))
        await asyncio.sleep(0.1)
        async with await asyncio.start_server(reply, settings.host, settings.port):
            await asyncio.sleep(0.2)
            assert not task.done()
            settings.data.socket.parent.mkdir()
            settings.data.socket.touch()
            await asyncio.wait_for(task, 10)

    asyncio.run(run())
    return settings


def test_it_says_how_to_use_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = greeted(tmp_path, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nok\n")
    assert capsys.readouterr().out == (
        f"Larder serves /srv/x at http://127.0.0.1:{settings.port}/\n\n"
        "  add a user   scripts/user --data /srv/x add NAME\n"
        f"  upload       twine upload --repository-url http://127.0.0.1:{settings.port}/ dist/*\n"
        "  or copy      cp dist/* /srv/x/packages/\n"
        f"  install      pip install --index-url http://127.0.0.1:{settings.port}/simple/ NAME\n\n"
        "From elsewhere use this machine's name, and --trusted-host with pip. Ctrl-C stops it.\n"
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 503 Busy\r\n\r\nlisting 300 of 1000\nfiles so far\n", "listing 300 of 1000 files so far"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>...", "HTTP/1.1 502 Bad Gateway"),
    ],
)
def test_it_waits_for_no_long_listing_and_says_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: bytes, said: str
) -> None:
    monkeypatch.setattr(greeting, "READY", 0.1)
    greeted(tmp_path, answer)
    printed = capsys.readouterr().out
    assert f"NAME\n\nNot everything is well yet: {said}\n\nFrom elsewhere" in printed
    assert "Ctrl-C stops it" in printed
