"""What the files hold: source as long as it is asked for, machine code, and core metadata; pure, from a seed."""

import random
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from scripts.bench.dataset.plan import Distribution

FUNCTIONS = 6_000  # of source to choose from, of 500 bytes each
CODE = 12_000_000  # bytes of machine code to choose from

_FUNCTION = '''

def {0}_{1}({2}, {3}_or=None, *, {4}_in={n}):
    """{5} the {6} {7} of a {2}, {8} {9} where {3}_or is not {10}."""
    {11} = {2}.{12}({3}_or, {4}_in={4}_in + {m})
    if {11} is None or {11}.{13} > {n}:
        raise ValueError(f"{14} {{{2}!r}} has no {15}; expected {16} or {17}")
    for {18} in {11}.{19}("{20}"):
        {3}_or = self._{21}.get({18}, {22}) or {18}[{m}]
    return {23}({11}, {2}, {24}={3}_or)
'''
_WORDS_EACH = 25

_CLASSIFIERS = """\
Classifier: Development Status :: 5 - Production/Stable
Classifier: Intended Audience :: Developers
Classifier: License :: OSI Approved :: MIT License
Classifier: Operating System :: OS Independent
Classifier: Programming Language :: Python :: 3
Classifier: Programming Language :: Python :: 3 :: Only
Classifier: Programming Language :: Python :: 3.9
Classifier: Programming Language :: Python :: 3.10
Classifier: Programming Language :: Python :: 3.11
Classifier: Programming Language :: Python :: 3.12
Classifier: Programming Language :: Python :: Implementation :: CPython
Classifier: Topic :: Software Development :: Libraries
Classifier: Typing :: Typed
"""
_REQUIRES = (">=3.7", ">=3.8", ">=3.9", ">=3.10", ">=3.11")

LICENSE = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software.\n" * 11
).encode()


@dataclass(frozen=True)
class Pool:
    """Pieces to take from; `ends` are where they end in all of them joined."""

    pieces: list[bytes]
    ends: list[int]

    def take(self, seed: int, length: int) -> bytes:
        """Whole pieces of `length` bytes or a little more, beginning somewhere."""
        found: list[bytes] = []
        have, index = 0, seed * 7919 % len(self.pieces)
        while have < length:
            end = bisect_left(self.ends, self.ends[index] + length - have, index)
            taken = self.pieces[index : end + 1]
            found, have, index = found + taken, have + sum(map(len, taken)), 0
        return b"".join(found)


@cache
def source() -> Pool:
    """Functions of Python that compiles, no two alike, which gzip makes about four times smaller."""
    random_ = random.Random(6)  # noqa: S311 - the same every time
    words = _vocabulary(random_)
    weights = [1 / (rank + 10) for rank in range(len(words))]
    pieces: list[bytes] = []
    for _ in range(FUNCTIONS):
        picked = random_.choices(words, weights, k=_WORDS_EACH)
        text = _FUNCTION.format(*picked, n=random_.randrange(1000), m=random_.randrange(10))
        pieces.append(text.encode())
    return Pool(pieces, list(accumulate(map(len, pieces))))


def _vocabulary(random_: random.Random) -> list[str]:
    syllables = [a + b for a in "bcdfglmnprstv" for b in ("a", "e", "i", "o", "u", "er", "in")]
    return ["".join(random_.choices(syllables, k=random_.choice((2, 2, 3, 4)))) + "x" for _ in range(3000)]


@cache
def code() -> bytes:
    """What compiled extensions look like to gzip: about half of it is noise."""
    random_ = random.Random(7)  # noqa: S311
    known = [random_.randbytes(24) for _ in range(64)]
    return b"".join(random_.randbytes(24) + random_.choice(known) for _ in range(CODE // 48))


def take_code(seed: int, length: int) -> bytes:
    """`length` bytes of machine code, beginning somewhere."""
    start = seed * 104_729 % (CODE // 2)
    found = code()[start : start + length]
    return found if len(found) == length else (found + code() * (length // CODE + 1))[:length]


def requires_python(distribution: Distribution) -> str:
    """The same for most files of a project, as it is with real ones."""
    return ">=3.6" if distribution.number % 10 == 0 else _REQUIRES[hash_of(distribution.project) % len(_REQUIRES)]


def hash_of(text: str) -> int:
    """A number that differs between texts, and not between runs."""
    return sum((index + 1) * byte for index, byte in enumerate(text.encode()))


def core_metadata(distribution: Distribution) -> bytes:
    """METADATA or PKG-INFO of 2 to 6 KB, as setuptools writes it with a README."""
    project = distribution.project
    head = (
        f"Metadata-Version: 2.1\nName: {project}\nVersion: {distribution.version}\n"
        f"Summary: The {project.replace('-', ' ')} of a benchmark\nAuthor-email: Ann <ann@example.org>\n"
        f"License: MIT\nProject-URL: Source, https://example.org/{project}\nKeywords: {','.join(project.split('-'))}\n"
    )
    tail = (
        f"Requires-Python: {requires_python(distribution)}\nDescription-Content-Type: text/markdown\n"
        "License-File: LICENSE\nProvides-Extra: test\nRequires-Dist: pytest>=7; extra == 'test'\n"
    )
    return (head + _CLASSIFIERS + tail + "\n").encode() + readme(distribution)


def readme(distribution: Distribution) -> bytes:
    length = 500 + hash_of(distribution.stem) * 37 % 3500
    return b"# " + distribution.project.encode() + b"\n" + source().take(hash_of(distribution.project), length)
