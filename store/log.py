"""How every program writes its log: one line a fact, with the time."""

import logging

FORMAT = "%(asctime)s {name}: %(levelname)s %(message)s"


def start_logging(name: str, level: str) -> None:
    logging.basicConfig(level=level, format=FORMAT.format(name=name), force=True)
    logging.getLogger("watchdog").setLevel(logging.WARNING)
