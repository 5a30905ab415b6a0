"""Start the indexer: `python -m indexer`. LARDER_… variables say where; the README lists them."""

import contextlib
import os
import signal
import sys

from indexer.loop import Loop
from store import VERSION
from store.errors import Refused
from store.lock import locked
from store.log import start_logging
from store.prepare import check_writable, prepare_derived
from store.settings import read_settings

UNUSABLE = 78  # EX_CONFIG of sysexits.h: what no restart can mend


def main() -> int:
    if "--version" in sys.argv[1:]:
        print(f"larder {VERSION}")  # noqa: T201 - this is what was asked for
        return 0
    os.umask(0o022)  # pages are for nginx to read
    with contextlib.ExitStack() as stack:
        try:
            settings = read_settings()
            prepare_derived(settings.data)
            check_writable((settings.data.site, settings.data.state), settings.data.root)
            stack.enter_context(locked(settings.data))
        except Refused as error:
            print(f"indexer: {error}", file=sys.stderr)  # noqa: T201 - before logging is set up
            return UNUSABLE
        start_logging("indexer", settings.log_level)
        loop = Loop(settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.stop())
        loop.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
