"""What a run is asked to do: how many files, how many rounds, how long each."""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.figures import GROUPS

SMALL, MIDDLE = 20_000, 5_000_000  # bytes of an upload


@dataclass(frozen=True)
class Chosen:
    """The command line, and what follows from it."""

    files: int
    rounds: int
    out: Path | None
    peers: bool
    groups: tuple[str, ...]
    quick: bool
    cache: Path

    @property
    def is_whole(self) -> bool:
        """Whether it says enough to be published."""
        return not self.quick and set(self.groups) == set(GROUPS)

    @property
    def seconds(self) -> float:
        """Of load on one page."""
        return 0.2 if self.quick else 4.0

    @property
    def each_client(self) -> int:
        """Uploads of 20 KB that one of several clients sends."""
        return 4 if self.quick else 40

    @property
    def each_of_middle(self) -> int:
        """Uploads of 5 MB that one of several clients sends."""
        return 1 if self.quick else 3

    @property
    def large(self) -> int:
        """Bytes of the one large upload: 500 MB, or not for a quick look."""
        return 60_000_000 if self.quick else 500_000_000

    @property
    def drops(self) -> int:
        """Files that are dropped in each way, one after the other."""
        return 4 if self.quick else 40

    @property
    def at_once(self) -> int:
        return 20 if self.quick else 200

    @property
    def installed(self) -> int:
        return 3 if self.quick else 30

    @property
    def rest(self) -> float:
        """Seconds without work after which a program is at rest."""
        return 0.5 if self.quick else 5.0


def parse_arguments(arguments: Sequence[str] | None = None) -> Chosen:
    """What the command line says, or what is usual."""
    parser = argparse.ArgumentParser(
        prog="scripts/benchmark", description="Measure Larder beside the limits of this machine.", allow_abbrev=False
    )
    parser.add_argument("--files", metavar="N", type=int, default=10_000, help="size of the data set (10000)")
    parser.add_argument("--rounds", metavar="N", type=int, default=0, help="how often everything is measured (3)")
    parser.add_argument("--out", metavar="FILE", type=Path, help="where the JSON goes, instead of BENCHMARKS.md")
    parser.add_argument("--only", metavar="GROUP", nargs="+", choices=GROUPS, help=f"some of {', '.join(GROUPS)}")
    parser.add_argument("--peers", action="store_true", help="measure pypiserver and devpi as well")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    parser.add_argument("--cache", metavar="DIR", type=Path, help="where data sets are kept ($TMPDIR/larder-benchmark)")
    found = parser.parse_args(arguments)
    if found.files < 100:
        parser.error("--files has to be 100 or more: there are to be several projects")
    cache = found.cache or Path(tempfile.gettempdir()) / "larder-benchmark"
    groups = tuple(found.only or GROUPS)
    rounds = found.rounds or (1 if found.quick else 3)
    return Chosen(found.files, rounds, found.out, found.peers, groups, found.quick, cache.absolute())
