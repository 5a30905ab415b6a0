"""Start Larder: `python -m scripts.supervise`. Whatever is wrong is said in one line, before anything starts."""

import argparse
import errno
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.supervise import HERE
from scripts.supervise.keep import STOPS
from scripts.supervise.limits import READ_ALL, User, choose_user
from scripts.supervise.runtime import Runtime, lay_out
from store import VERSION
from store.errors import Refused, shown
from store.lock import locked
from store.log import start_logging
from store.prepare import prepare
from store.settings import Settings, read_settings

log = logging.getLogger(__name__)

OPTIONS = {
    "LARDER_DATA": ("--data", "DIR", "the data directory (./data beside scripts/)"),
    "LARDER_HOST": ("--host", "ADDR", "the address to listen on (all)"),
    "LARDER_PORT": ("--port", "N", "the port to listen on (8089)"),
}


def main() -> int:
    arguments = _parse_arguments()
    try:
        settings = read_settings(
            os.environ, {name: (option, arguments[name]) for name, (option, *_) in OPTIONS.items()}
        )
    except Refused as error:
        return _refuse(error, 2)
    for number in STOPS:
        signal.signal(number, lambda *_: sys.exit(0))
    start_logging("serve", settings.log_level)
    root = os.geteuid() == 0  # what it has in $TMPDIR others may not get at
    directory = Path(tempfile.mkdtemp(prefix="larder-", dir="/tmp" if root else None))  # noqa: S108
    try:
        runtime = lay_out(directory, settings, _prepare(settings))
        _check_ready(runtime)
        _say_who(runtime)
        _keep(runtime)
    except (Refused, OSError) as error:
        return _refuse(error, 1)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


def _keep(runtime: Runtime) -> None:
    """Become the small program that keeps the others running; it removes what was laid out."""
    plan = runtime.directory / "plan.json"
    plan.write_text(json.dumps(runtime.plan()))
    sys.stdout.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # till it waits for them: what comes in between is not lost
    os.execv(sys.executable, [sys.executable, "-IS", str(HERE / "scripts" / "supervise" / "keep.py"), str(plan)])  # noqa: S606


def _refuse(error: Exception, code: int) -> int:
    print(f"serve: {error}", file=sys.stderr)
    return code


def _parse_arguments() -> dict[str, str | None]:
    parser = argparse.ArgumentParser(
        prog="scripts/serve", description="Serve a data directory without Docker.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"larder {VERSION}")
    for name, (option, metavar, text) in OPTIONS.items():
        parser.add_argument(option, dest=name, metavar=metavar, help=f"{text}; {name} says it too")
    return vars(parser.parse_args())


def _prepare(settings: Settings) -> User | None:
    """See to it that there is a data directory and all that serving needs; Refused with what is in the way."""
    user = choose_user(settings)
    for tool in ("nginx", "setpriv") if user else ("nginx",):
        if shutil.which(tool) is None:
            raise Refused(f"{tool}: no such program here; expected it on PATH")
    _check_free(settings.host, settings.port)
    prepare(settings.data, owner=user)
    with locked(settings.data):
        pass  # nobody else serves it; from now on the indexer holds the lock
    return user


def _check_free(host: str, port: int) -> None:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except UnicodeError as error:
        raise Refused(f"cannot listen on {shown(host)}: it is no address") from error
    except OSError as error:
        hint = "; is another one running? --port N takes another" if error.errno == errno.EADDRINUSE else ""
        raise Refused(f"cannot listen on {host}:{port}: {error.strerror}{hint}") from error


def _check_ready(runtime: Runtime) -> None:
    """Refused unless the programs, as who they are and with what they may, can work here."""
    command = runtime.python("store.prepare")
    done = subprocess.run(command, env=runtime.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(done.stderr.strip().removeprefix("larder: ") or f"{command} ended with {done.returncode}")


def _say_who(runtime: Runtime) -> None:
    if runtime.user:
        past = f"; the first two with {READ_ALL}, to get past what only root may pass" if runtime.capabilities else ""
        log.info("indexer, uploader and nginx run as uid %d (gid %d)%s", *runtime.user, past)


if __name__ == "__main__":
    sys.exit(main())
