"""Say what is wrong in a data directory: `python -m indexer.verify`, behind `scripts/larder verify`."""

import argparse
import sys
from collections.abc import Iterable

from indexer.pages.text import render_printable
from indexer.verification import Finding, Verification
from store import files
from store.errors import Refused
from store.settings import read_settings


def main() -> int:
    """0 where nothing is wrong, 1 where something is, 2 where it cannot be told."""
    parser = argparse.ArgumentParser(prog="larder verify", description="Compare every file and page with everything.")
    parser.add_argument("--data", metavar="DIR", help="the data directory; LARDER_DATA says it too")
    parser.add_argument("--repair", action="store_true", help="remove derived files that are wrong: they are made anew")
    arguments = parser.parse_args()
    try:
        data = read_settings(options={"LARDER_DATA": ("--data", arguments.data)}).data
        findings = [finding for repository in data.repositories() for finding in Verification(repository).run()]
    except (Refused, OSError) as error:
        print(f"larder: {error}", file=sys.stderr)  # noqa: T201
        return 2
    for finding in findings:
        print(render_printable(str(finding)))  # noqa: T201 - this is what was asked for
    if arguments.repair:
        repair(findings)
    return 1 if findings else 0


def repair(findings: Iterable[Finding]) -> None:
    """Remove what is derived and wrong. A running Larder makes it anew within seconds, any other when it starts."""
    for path in dict.fromkeys(finding.derived for finding in findings if finding.derived):
        files.remove(path)
        print(render_printable(f"{path}: removed, to be made anew"))  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
