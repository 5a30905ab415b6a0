"""What every measurement has at hand: the contestants, the files, and where its samples go."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench.bare import BareNginx
from scripts.bench.chosen import MIDDLE, SMALL, Chosen
from scripts.bench.dataset.plan import Distribution, plan, projects
from scripts.bench.larder import Larder
from scripts.bench.results import Results

TEN = 10  # files of the projects that are uploaded to


@dataclass(frozen=True)
class Bench:
    """One run. Whoever measures leaves the data directory as it was."""

    chosen: Chosen
    work: Path
    larder: Larder
    bare: BareNginx
    results: Results = field(default_factory=Results)
    peaks: dict[str, int] = field(default_factory=dict)

    @property
    def projects(self) -> dict[str, int]:
        """Project → how many files it has: the large one, the sample, then all others."""
        return projects(self.chosen.files)

    @property
    def of_ten(self) -> list[str]:
        """The projects of ten files, into which files are uploaded and dropped."""
        found = [project for project, count in self.projects.items() if count == TEN]
        return found or list(self.projects)

    @property
    def installed(self) -> list[str]:
        """Projects that have a wheel, and are installed."""
        return list(self.projects)[2 : 2 + self.chosen.installed]

    @property
    def asked_for(self) -> list[str]:
        """The projects whose pages and files are asked for, each once."""
        files = [self.distribution_of(size).project for size in (SMALL, MIDDLE)]
        return list(dict.fromkeys([*list(self.projects)[:2], *self.installed, *files]))

    def distribution_of(self, size: int) -> Distribution:
        """The file of the data set that is nearest in size."""
        return min(plan(self.chosen.files), key=lambda each: abs(each.size - size))

    def rounds(self, what: str) -> range:
        say(what)
        return range(self.chosen.rounds)


def say(what: str) -> None:
    print(f"benchmark: {what}", file=sys.stderr, flush=True)


def timed(action: Callable[[], object]) -> float:
    """The seconds it takes."""
    began = time.monotonic()
    action()
    return time.monotonic() - began
