"""Give what root made meanwhile below `repositories/` to who is to write there, and say that it is done.

`python -m scripts.supervise.ownership UID GID`: whenever the uploader has taken the sign away.
"""

import logging
import sys

from store.errors import Refused
from store.log import start_logging
from store.prepare import hand_over_repositories
from store.settings import read_settings


def main() -> int:
    data = read_settings().data
    try:
        hand_over_repositories(data, (int(sys.argv[1]), int(sys.argv[2])))
    except Refused as error:
        start_logging("serve", "ERROR")
        logging.getLogger(__name__).error("%s", error)
        return 1
    finally:
        data.handed_over.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
