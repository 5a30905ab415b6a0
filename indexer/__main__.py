"""Start the indexer: `python -m indexer`. LARDER_… variables say where; the README lists them."""

import logging
import signal
import sys

from indexer.indexer import Indexer
from indexer.settings import read_settings
from store.errors import Refused
from store.layout import prepare


def main() -> int:
    try:
        settings = read_settings()
        prepare(settings.layout, settings.layout.site, settings.layout.state)
    except Refused as error:
        print(f"indexer: {error}", file=sys.stderr)  # noqa: T201 - before logging is set up
        return 1
    logging.basicConfig(level=settings.log_level, format="indexer: %(levelname)s %(message)s")
    logging.getLogger("watchdog").setLevel(logging.WARNING)
    indexer = Indexer(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: indexer.stop())
    indexer.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
