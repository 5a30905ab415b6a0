"""Give what root made meanwhile below `repositories/` and `files/` to who is to write there, and say that it is done.

`python -m scripts.supervise.ownership UID GID`: whenever the uploader has taken the sign away.
"""

import contextlib
import logging
import os
import sys
from pathlib import Path

from store.errors import Refused
from store.log import start_logging
from store.prepare import hand_over_made
from store.settings import read_settings


def main() -> int:
    data = read_settings().data
    _give_sign(data.handed_over)  # first: what is made from now on is asked for again
    try:
        hand_over_made(data, (int(sys.argv[1]), int(sys.argv[2])))
    except Refused as error:
        start_logging("serve", "ERROR")
        logging.getLogger(__name__).error("%s", error)
        return 1
    return 0


def _give_sign(path: Path) -> None:
    """Follows no link: the directory is somebody else's."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644))


if __name__ == "__main__":
    sys.exit(main())
