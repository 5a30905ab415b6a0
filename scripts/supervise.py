"""nginx, uploader and indexer in the foreground, over one data directory: the Python half of `scripts/serve`."""

import argparse
import asyncio
import contextlib
import errno
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

from store.errors import Refused
from store.layout import Layout, prepare

HERE = Path(__file__).resolve().parent.parent
PATIENCE = 5.0  # seconds a program has to end by itself
PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)  # seconds before each restart of a program that keeps dying


def main() -> int:
    arguments = _parse_arguments()
    layout = Layout(arguments.data.absolute())
    try:
        prepare(layout)
        _check_free(arguments.host, arguments.port)
    except Refused as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="larder-") as directory:
        _lay_out(Path(directory), layout, arguments)
        return asyncio.run(_serve(Path(directory), layout, arguments))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/serve", description="Serve a data directory without Docker.")
    data = Path(os.environ.get("LARDER_DATA", HERE / "data"))
    parser.add_argument("--data", type=Path, default=data, metavar="DIR", help=f"the data directory ({data})")
    host = os.environ.get("LARDER_HOST", "0.0.0.0")  # noqa: S104 - the point of a server
    parser.add_argument("--host", default=host, metavar="ADDR", help=f"the address to listen on ({host})")
    port = int(os.environ.get("LARDER_PORT", "8089"))
    parser.add_argument("--port", type=int, default=port, metavar="N", help=f"the port to listen on ({port})")
    return parser.parse_args()


def _check_free(host: str, port: int) -> None:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OverflowError as error:
        raise Refused(f"--port {port}; expected 1 to 65535") from error
    except OSError as error:
        hint = "; is another one running? --port N takes another" if error.errno == errno.EADDRINUSE else ""
        raise Refused(f"cannot listen on {host}:{port}: {error.strerror}{hint}") from error


def _lay_out(directory: Path, layout: Layout, arguments: argparse.Namespace) -> None:
    """What nginx.conf expects around itself."""
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    (directory / "data").symlink_to(layout.root)
    (directory / "run").mkdir()
    (directory / "tmp").mkdir()
    (directory / "listen.conf").write_text(f"listen {host}:{arguments.port};\n")
    shutil.copy(HERE / "nginx" / "nginx.conf", directory)


def _commands(directory: Path) -> dict[str, list[str]]:
    user = "user root; " if os.geteuid() == 0 else ""  # else its workers could not read what root alone can
    nginx = ["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", "stderr"]
    return {
        "indexer": [sys.executable, "-m", "indexer"],
        "uploader": [sys.executable, "-m", "uploader"],
        "nginx": [*nginx, "-g", f"daemon off; {user}"],
    }


async def _serve(directory: Path, layout: Layout, arguments: argparse.Namespace) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopping.set)
    environment = {**os.environ, "LARDER_DATA": str(layout.root), "LARDER_SOCKET": "run/uploader.sock"}
    keepers = [
        asyncio.create_task(_keep_running(name, command, directory, environment))
        for name, command in _commands(directory).items()
    ]
    greeter = asyncio.create_task(_greet(directory / "run" / "uploader.sock", layout, arguments))
    await stopping.wait()
    for task in (greeter, *keepers):
        task.cancel()
    await asyncio.gather(greeter, *keepers, return_exceptions=True)
    return 0


async def _keep_running(name: str, command: list[str], directory: Path, environment: dict[str, str]) -> None:
    """Run the program, and again whenever it ends; cancelled, end it."""
    deaths = 0
    while True:
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *command, cwd=directory, env=environment, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        try:
            code = await process.wait()
        finally:
            await asyncio.shield(_end(process))
        deaths = 0 if time.monotonic() - began > 10 else deaths + 1
        pause = PAUSES[min(deaths, len(PAUSES)) - 1] if deaths else PAUSES[0]
        print(f"serve: {name} ended with {code}; starting it again in {pause:g} s", file=sys.stderr)
        await asyncio.sleep(pause)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the program and all it started: its own way first, then by force."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), PATIENCE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _greet(uploader: Path, layout: Layout, arguments: argparse.Namespace) -> None:
    """Once everything answers, say how to use it."""
    host = arguments.host if arguments.host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    address = f"[{host}]" if ":" in host else host
    while not (uploader.exists() and await _is_healthy(host, arguments.port)):
        await asyncio.sleep(0.05)
    origin = f"http://{address}:{arguments.port}"
    print(
        f"Larder serves {layout.root} at {origin}/\n\n"
        f"  add a user   scripts/user --data {layout.root} add NAME\n"
        f"  upload       twine upload --repository-url {origin}/ dist/*\n"
        f"  or copy      cp dist/* {layout.packages}/\n"
        f"  install      pip install --index-url {origin}/simple/ NAME\n\n"
        f"From elsewhere use this machine's name, and --trusted-host with pip. Ctrl-C stops it.",
        flush=True,
    )


async def _is_healthy(host: str, port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    try:
        writer.write(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
        await writer.drain()
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()


if __name__ == "__main__":
    sys.exit(main())
