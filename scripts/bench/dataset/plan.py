"""Which projects, releases and sizes a data set of so many files has; pure, and the same every time."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

Kind = Literal["wheel", "sdist"]

LARGEST = 200  # files of the one large project
SAMPLE = 20  # files of the project whose page is measured
COUNTS = (4, 16, 10, 6, 14, 10, 2, 16, 10, 10)  # files of the others, over and over: with those two ten on average
HEAVY = 333  # one file in so many is of HEAVY_SIZE
HEAVY_SIZE = 5_000_000
MEDIAN, SIGMA = 25_000, 0.95  # of the sizes of all others: most lie between 10 and 60 KB
LEAST, MOST = 8_000, 1_000_000
GOLDEN = (math.sqrt(5) - 1) / 2  # its multiples fill 0…1 evenly, however many are taken

_FIRST = (
    *("amber", "brisk", "coral", "dusty", "early", "fancy", "gentle", "hollow"),
    *("ivory", "jolly", "keen", "lunar", "misty", "noble", "olive"),
)
_SECOND = (
    *("anchor", "beacon", "cipher", "delta", "engine", "falcon", "garden", "harbor"),
    *("island", "jigsaw", "kernel", "ladder", "magnet", "needle", "orbit"),
)


@dataclass(frozen=True)
class Distribution:
    """One file to be made, of about `size` bytes; `number` decides what is in it."""

    project: str
    version: str
    kind: Kind
    size: int
    number: int

    @property
    def module(self) -> str:
        return self.project.replace("-", "_")

    @property
    def stem(self) -> str:
        return f"{self.module}-{self.version}"

    @property
    def filename(self) -> str:
        return f"{self.stem}-py3-none-any.whl" if self.kind == "wheel" else f"{self.stem}.tar.gz"


def plan(files: int) -> list[Distribution]:
    """Every file of a data set of `files` files, a project's together, wheel and sdist of each release."""
    return list(itertools.islice(_distributions(files), files))


def projects(files: int) -> dict[str, int]:
    """Project → how many files it has, in the plan's order: the large one, the sample, then all others."""
    found: dict[str, int] = {}
    for distribution in plan(files):
        found[distribution.project] = found.get(distribution.project, 0) + 1
    return found


def project_name(number: int) -> str:
    """A normalized name; no two numbers have the same."""
    first, second = _FIRST[number % len(_FIRST)], _SECOND[number // len(_FIRST) % len(_SECOND)]
    return f"{first}-{second}-{number}"


def size_of(number: int) -> int:
    """The size of a file: many small ones, and a heavy tail."""
    if number % HEAVY == 7:
        return HEAVY_SIZE
    quantile = (number + 1) * GOLDEN % 1
    return int(min(MOST, max(LEAST, math.exp(NormalDist(math.log(MEDIAN), SIGMA).inv_cdf(quantile)))))


def _counts(files: int) -> Iterator[int]:
    """How many files each project has: even numbers, for a release is two files."""
    yield min(LARGEST, files // 10 * 2)
    yield min(SAMPLE, files // 10 * 2)
    yield from itertools.cycle(COUNTS)


def _distributions(files: int) -> Iterator[Distribution]:
    number = 0
    for index, count in enumerate(_counts(files)):
        for within in range(count):
            version = f"{1 + within // 20}.{within // 2 % 10}.0"
            kind: Kind = "sdist" if within % 2 else "wheel"
            yield Distribution(project_name(index), version, kind, size_of(number), number)
            number += 1
