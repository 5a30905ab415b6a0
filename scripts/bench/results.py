"""What was measured: samples of each figure and contestant, their medians, ratios and spread; pure."""

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from scripts.bench.figures import FIGURES, Figure

LARDER, LIMIT = "larder", "limit"


@dataclass(frozen=True)
class Sample:
    """One round: a value in the figure's unit, and how many cores others kept busy meanwhile.

    `cpu` is what the measured programs spent, in seconds: on each request or file where those are counted, else on all
    of it; None where that was not looked at.
    """

    value: float
    foreign: float = 0.0
    cpu: float | None = None


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, and the least and most of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        return cls(median(values), min(values), max(values))


@dataclass
class Results:
    """Figure → contestant → its samples, one a round."""

    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)

    def add(self, key: str, contestant: str, sample: Sample) -> None:
        self.samples.setdefault(key, {}).setdefault(contestant, []).append(sample)

    def spread(self, key: str, contestant: str) -> Spread | None:
        samples = self.samples.get(key, {}).get(contestant)
        return Spread.of([sample.value for sample in samples]) if samples else None

    def ratio(self, key: str, contestant: str = LARDER) -> Spread | None:
        """How many times the limit, round by round; None where there is no limit, or it is too small to be told."""
        own, limit = (self.samples.get(key, {}).get(name, []) for name in (contestant, LIMIT))
        ratios = [one.value / other.value for one, other in zip(own, limit, strict=False) if other.value]
        return Spread.of(ratios) if ratios else None

    def cpu_ratio(self, key: str, contestant: str = LARDER) -> float | None:
        """How many times the limit's CPU; None where either is not known, or too little to be told."""
        own, limit = (self._cpu(key, name) for name in (contestant, LIMIT))
        return own / limit if own and limit else None

    def _cpu(self, key: str, contestant: str) -> float | None:
        found = [each.cpu for each in self.samples.get(key, {}).get(contestant, []) if each.cpu is not None]
        return median(found) if found else None

    def foreign(self, key: str) -> float:
        """Cores that others kept busy, in the middle of all rounds."""
        return median([each.foreign for every in self.samples.get(key, {}).values() for each in every] or [0.0])


def holds(figure: Figure, results: Results, files: int) -> bool | None:
    """Whether the figure is as good as is aimed at; None where nothing is, or nothing was measured."""
    if figure.aim is None:
        return None
    found = results.ratio(figure.key) if figure.aim.of == "ratio" else results.spread(figure.key, LARDER)
    if found is None:
        return None
    bound = figure.aim.bound(files)
    return found.median >= bound if figure.more else found.median <= bound


def to_json(results: Results, files: int) -> dict[str, Any]:
    """Figure → everything about it, in the order of the catalogue."""
    return {figure.key: _figure_json(figure, results, files) for figure in FIGURES if figure.key in results.samples}


def from_json(document: dict[str, Any]) -> Results:
    """The results of a run that was written by `to_json`."""
    return Results(
        {
            key: {name: [Sample(**each) for each in samples] for name, samples in figure["samples"].items()}
            for key, figure in document.items()
        }
    )


def _figure_json(figure: Figure, results: Results, files: int) -> dict[str, Any]:
    ratio = results.ratio(figure.key)
    contestants = results.samples[figure.key]
    return {
        "title": figure.title,
        "unit": figure.unit,
        "more_is_better": figure.more,
        "limit_is": figure.limit,
        "medians": {name: median(each.value for each in samples) for name, samples in contestants.items()},
        "ratio": asdict(ratio) if ratio else None,
        "cpu_ratio": results.cpu_ratio(figure.key),
        "aim": figure.aim.text(figure, files) if figure.aim else None,
        "holds": holds(figure, results, files),
        "foreign_cores": round(results.foreign(figure.key), 3),
        "samples": {name: [asdict(each) for each in samples] for name, samples in contestants.items()},
    }
