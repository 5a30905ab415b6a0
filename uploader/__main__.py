"""Start the uploader: `python -m uploader`. LARDER_… variables say where; the README lists them."""

import argparse
import contextlib
import os
import resource
import sys
from pathlib import Path

from store import VERSION
from store.data import Data
from store.errors import BadDirectory, Refused
from store.explain import explain
from store.files import sweep_incoming
from store.log import start_logging
from store.prepare import check_writable
from store.settings import Settings, read_settings
from uploader import certificates
from uploader.auth.lines_file import read_lines

with certificates.unread():
    from aiohttp import web

    from uploader.app import SERVER, create_app

UNUSABLE = os.EX_CONFIG  # what no restart can mend
SHUTDOWN = 1.0  # seconds that running uploads have
BACKLOG = 4096  # connections that wait to be taken: nginx does not try again where there is no room


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m uploader", description="Take uploads, on a socket.")
    parser.add_argument("--version", action="version", version=f"larder {VERSION}")
    parser.parse_args()
    os.umask(0o022)  # what is uploaded is for nginx to read
    try:
        settings = read_settings()
        _make_ready(settings.data)
        start_logging("uploader", settings.log_level)
        _take_descriptors()
        _serve(settings)
    except Refused as error:
        print(f"uploader: {error}", file=sys.stderr)  # noqa: T201 - whatever else is not ready
        return UNUSABLE
    return 0


def _make_ready(data: Data) -> None:
    """Sweep what a crash left; BadDirectory where uploads could never be stored, or no user be read."""
    check_writable((data.default.packages,), data.root)
    directories: tuple[Path, ...] = ()
    with contextlib.suppress(OSError):
        directories = data.written()
    for directory in directories:
        with contextlib.suppress(OSError):  # where one of the others cannot be written to, /health says so
            sweep_incoming(directory)
    try:
        read_lines(data.htpasswd)
    except OSError as error:
        raise BadDirectory(explain(data.htpasswd, data.root, error, "read")) from error


def _take_descriptors() -> None:
    """As many as may be had: who sends slowly must not be in the way of all others."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _serve(settings: Settings) -> None:
    """Until a signal; BadDirectory where there can be no socket."""
    socket = settings.data.socket
    app = create_app(settings)
    try:
        socket.parent.mkdir(parents=True, exist_ok=True)
        socket.unlink(missing_ok=True)
        web.run_app(
            app, path=str(socket), print=None, access_log=None, shutdown_timeout=SHUTDOWN, backlog=BACKLOG, **SERVER
        )
    except OSError as error:
        raise BadDirectory(f"{socket}: {error.strerror or error}; expected a path to listen at") from error


if __name__ == "__main__":
    sys.exit(main())
