"""Say what is wrong in a data directory: `python -m indexer.verify`, behind `scripts/larder verify`."""

import argparse
import sys
from collections.abc import Iterable

from indexer.doubted import doubt
from indexer.verification import Verification
from indexer.verified_pages import Finding
from store import files
from store.errors import Refused
from store.repository import Repository
from store.settings import read_settings
from store.text import render_printable


def main() -> int:
    """0 where nothing is wrong, 1 where something is, 2 where it cannot be told."""
    parser = argparse.ArgumentParser(prog="larder verify", description="Compare every file and page with everything.")
    parser.add_argument("--data", metavar="DIR", help="the data directory; LARDER_DATA says it too")
    parser.add_argument("--repair", action="store_true", help="have what is derived and wrong made anew")
    arguments = parser.parse_args()
    try:
        data = read_settings(options={"LARDER_DATA": ("--data", arguments.data)}).data
        found = [_verify(repository, repairs=arguments.repair) for repository in data.repositories()]
    except (Refused, OSError) as error:
        print(f"larder: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 1 if any(found) else 0


def _verify(repository: Repository, *, repairs: bool) -> bool:
    """Whether anything is wrong; it is said."""
    findings = Verification(repository).run()
    for finding in findings:
        print(render_printable(str(finding)))  # noqa: T201 - this is what was asked for
    if repairs:
        repair(repository, findings)
    return bool(findings)


def repair(repository: Repository, findings: Iterable[Finding]) -> None:
    """Remove what is derived and wrong, and have files read again that are known wrongly.

    A running Larder does that, and makes anew what is gone, within seconds; any other when it starts.
    """
    found = list(findings)
    if doubted := {path for finding in found for path in finding.doubted}:
        doubt(repository, doubted)
        print(f"{repository.packages}: {len(doubted)} to be read again")  # noqa: T201
    for derived in dict.fromkeys(finding.derived for finding in found if finding.derived):
        files.remove_at_once(derived)
        print(render_printable(f"{derived}: removed, to be made anew"))  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
