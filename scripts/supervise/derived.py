"""Make the directories of what is derived again where they were deleted: the programs may not be able to.

`python -m scripts.supervise.derived [UID GID]`: for whom they are.
"""

import logging
import sys

from store.errors import Refused
from store.log import start_logging
from store.prepare import prepare_derived
from store.settings import read_settings


def main() -> int:
    try:
        settings = read_settings()
        uid, gid = (int(argument) for argument in sys.argv[1:]) if sys.argv[1:] else (-1, -1)
        prepare_derived(settings.data, owner=(uid, gid) if uid >= 0 else None)
    except Refused as error:
        start_logging("serve", "ERROR")
        logging.getLogger(__name__).error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
