"""Start the uploader: `python -m uploader`. LARDER_… variables say where; the README lists them."""

import logging
import sys

from aiohttp import web

from store.errors import Refused
from store.layout import prepare
from store.place import sweep
from uploader.app import create_app
from uploader.settings import read_settings

SHUTDOWN = 1.0  # seconds that running uploads have


def main() -> int:
    try:
        settings = read_settings()
        prepare(settings.layout, settings.layout.packages, settings.layout.incoming)
    except Refused as error:
        print(f"uploader: {error}", file=sys.stderr)  # noqa: T201 - before logging is set up
        return 1
    logging.basicConfig(level=settings.log_level, format="uploader: %(levelname)s %(message)s")
    sweep(settings.layout.incoming)
    settings.socket.unlink(missing_ok=True)
    app = create_app(settings)
    web.run_app(app, path=str(settings.socket), print=None, access_log=None, shutdown_timeout=SHUTDOWN)
    return 0


if __name__ == "__main__":
    sys.exit(main())
