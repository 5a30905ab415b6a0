"""What `scripts/serve` says once it serves: how to use it. `python -m scripts.supervise.greeting`."""

import asyncio
import time

from store.settings import Settings, read_settings

READY = 3.0  # seconds that the first listing may take before the greeting says how far it is

GREETING = """\
Larder serves {root} at {origin}/

  add a user   scripts/user --data {root} add NAME
  upload       twine upload --repository-url {origin}/ dist/*
  or copy      cp dist/* {packages}/
  install      pip install --index-url {origin}/simple/ NAME
{health}
From elsewhere use this machine's name, and --trusted-host with pip. Ctrl-C stops it."""


async def greet(settings: Settings) -> None:
    """Once nginx answers and the uploader listens, say how to use it, and what is not as it should be."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    while not settings.data.socket.exists():
        await asyncio.sleep(0.05)
    ready, status, said = float("inf"), 0, ""
    while status != 200 and time.monotonic() <= ready:
        await asyncio.sleep(0.05)
        status, said = await _ask_health(host, settings.port)
        ready = min(ready, time.monotonic() + READY) if status else ready
    origin = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    health = "" if status == 200 else f"\nNot everything is well yet: {said}\n"
    root, packages = settings.data.root, settings.data.default.packages
    print(GREETING.format(root=root, packages=packages, origin=origin, health=health), flush=True)


async def _ask_health(host: str, port: int) -> tuple[int, str]:
    """Status and text of `/health`; status 0 where nothing answers."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return 0, ""
    try:
        writer.write(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
        await writer.drain()
        head, _, body = (await asyncio.wait_for(reader.read(1 << 16), 5)).decode(errors="replace").partition("\r\n\r\n")
        said = " ".join(body.split())
        return int(head.split()[1]), said if said and "<" not in said else head.splitlines()[0]
    except (OSError, TimeoutError, ValueError, IndexError):
        return 0, ""
    finally:
        writer.close()


if __name__ == "__main__":
    asyncio.run(greet(read_settings()))
