"""Prepare the data directory: `python -m store` creates what is missing in LARDER_DATA, or says what is in the way."""

import os
import sys
from pathlib import Path

from store.errors import BadDirectory
from store.layout import Layout, prepare


def main() -> int:
    try:
        prepare(Layout(Path(os.environ.get("LARDER_DATA", "data")).absolute()))
    except BadDirectory as error:
        print(f"larder: {error}", file=sys.stderr)  # noqa: T201 - a command speaks to a person
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
