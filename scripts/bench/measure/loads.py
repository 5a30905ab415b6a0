"""Loads by wrk: each for a part of its time, in turn, so that what else the machine does meets all of them alike."""

import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

from scripts.bench.machine import metered
from scripts.bench.results import Sample
from scripts.bench.talk import ask
from scripts.bench.wrk import Load, rate

TURNS = 4  # for each,
SHORTEST = 0.2  # seconds, at least
SLOW = 0.05  # seconds of one request from which on it is not asked for on many connections
FEW = 2


class Contestant(NamedTuple):
    """Who is measured by which load; `pid` is the process whose CPU counts."""

    name: str
    load: Load
    pid: int


def measure_loads(contestants: Sequence[Contestant], unit: float = 1) -> dict[str, Sample]:
    """Requests in a second, or as many of a `unit` of each; the CPU is of a single request."""
    samples: dict[str, list[Sample]] = {contestant.name: [] for contestant in contestants}
    turns = min(TURNS, int(contestants[0].load.seconds / SHORTEST))
    for turn in range(turns):
        for contestant in contestants[:: -1 if turn % 2 else 1]:
            samples[contestant.name].append(_measure(contestant, turns, unit))
    return {name: _combine(found) for name, found in samples.items()}


def measure_load(load: Load, pid: int, unit: float = 1) -> Sample:
    """One alone."""
    return measure_loads([Contestant("", load, pid)], unit)[""]


def bearable(load: Load) -> Load:
    """On few connections, where a second request still takes long: what is queued would outlast the load."""
    ask(load.port, load.path, *load.headers)
    began = time.monotonic()
    ask(load.port, load.path, *load.headers)
    return replace(load, connections=FEW) if time.monotonic() - began > SLOW else load


def _measure(contestant: Contestant, turns: int, unit: float) -> Sample:
    load = replace(contestant.load, seconds=contestant.load.seconds / turns)
    sample = metered(lambda: rate(load), contestant.pid)
    requests = sample.value * load.seconds
    return replace(sample, value=sample.value * unit, cpu=(sample.cpu or 0) / requests if requests else None)


def _combine(samples: Sequence[Sample]) -> Sample:
    cpu = [sample.cpu for sample in samples if sample.cpu is not None]
    return Sample(
        fmean(sample.value for sample in samples),
        round(fmean(sample.foreign for sample in samples), 3),
        fmean(cpu) if cpu else None,
    )
