"""Words → the projects that they fit, the best first. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence

from store.searched import Searched

WORDS = 20  # that are looked for
LENGTH = 100  # characters of each
FOUND = 100  # projects that are answered

_SEPARATORS = re.compile("[-_.]+")


class Subject:
    """A project as it is compared with words."""

    def __init__(self, project: Searched) -> None:
        self.project = project
        self.summary = project.summary.lower()
        self.parts = project.name.split("-")


def find(
    words: Iterable[str], subjects: Iterable[Subject], fits: Callable[[Iterable[bool]], bool] = all
) -> list[Searched]:
    """The best of what they fit: each of them (`all`), or one at least (`any`); nothing without any word."""
    wanted = [normalize(word) for word in list(words)[:WORDS]]
    scored = ((_rate_all(wanted, subject, fits), subject.project) for subject in subjects)
    found = sorted((-score, project) for score, project in scored if score)
    return [project for _, project in found[:FOUND]]


def normalize(word: str) -> str:
    return _SEPARATORS.sub("-", word[:LENGTH].strip().lower())


def _rate_all(words: Sequence[str], subject: Subject, fits: Callable[[Iterable[bool]], bool]) -> int:
    scores = [_rate(word, subject) for word in words if word]
    return sum(scores) if scores and fits(map(bool, scores)) else 0


def _rate(word: str, subject: Subject) -> int:
    """How well the word fits; 0 where it does not."""
    name = subject.project.name
    if name == word:
        return 1000
    if word in subject.parts:
        return 120
    if word in name:
        return 100 if name.startswith(word) else 60
    return 10 if word in subject.summary else 0
