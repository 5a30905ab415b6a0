"""Simple pages: open, and private with a cheap and a costly password hash."""

import time
from dataclasses import replace

from scripts.bench.figures import FORMS, PAGES, page_key
from scripts.bench.larder import LOGINS
from scripts.bench.machine import metered
from scripts.bench.measure.bench import Bench
from scripts.bench.results import LARDER, LIMIT, Sample
from scripts.bench.talk import HTML, JSON, ask
from scripts.bench.wrk import Load, rate

SLOW = 0.05  # seconds of one request from which on it is not asked for on many connections
FEW = 2


def measure(bench: Bench) -> None:
    """Open and private in turn; reading is open again afterwards."""
    for turn in bench.rounds("pages"):
        found = {(page, form): _measure_open(bench, page, form, turn) for page in PAGES for form in FORMS}
        bench.larder.open_to("authenticated")
        for access in ("ssha", "bcrypt"):
            for (page, form), limit in found.items():
                _measure_private(bench, page_key(page, form, access), _load(bench, page, form, access), limit)
        bench.larder.open_to("anonymous")


def _measure_open(bench: Bench, page: str, form: str, turn: int) -> Sample:
    """Larder and the limit, the one or the other first; Larder's sample, for it is the limit of private reading."""
    loads = [
        (LARDER, _load(bench, page, form), bench.larder.pid),
        (LIMIT, _bare_load(bench, page, form), bench.bare.pid),
    ]
    samples = {}
    for name, load, pid in loads[:: -1 if turn % 2 else 1]:
        samples[name] = measure_load(load, pid)
        bench.results.add(page_key(page, form, ""), name, samples[name])
    return samples[LARDER]


def _measure_private(bench: Bench, key: str, load: Load, limit: Sample) -> None:
    bench.results.add(key, LARDER, measure_load(bearable(load), bench.larder.pid))
    bench.results.add(key, LIMIT, limit)


def measure_load(load: Load, pid: int, unit: float = 1) -> Sample:
    """Requests in a second, or as many of a `unit` of each; the CPU is of a single request."""
    sample = metered(lambda: rate(load), pid)
    requests = sample.value * load.seconds
    return replace(sample, value=sample.value * unit, cpu=(sample.cpu or 0) / requests if requests else None)


def bearable(load: Load) -> Load:
    """On few connections, where a second request still takes long: what is queued would outlast the load."""
    ask(load.port, load.path, *load.headers)
    began = time.monotonic()
    ask(load.port, load.path, *load.headers)
    return replace(load, connections=FEW) if time.monotonic() - began > SLOW else load


def _load(bench: Bench, page: str, form: str, access: str = "") -> Load:
    accept = f"Accept: {JSON if form == 'json' else HTML}"
    return _conditional(
        form, Load(bench.larder.port, path_of(bench, page), (accept, *LOGINS[access]), bench.chosen.seconds)
    )


def _bare_load(bench: Bench, page: str, form: str) -> Load:
    path = f"{path_of(bench, page)}index.{'json' if form == 'json' else 'html'}"
    return _conditional(form, Load(bench.bare.port, path, (), bench.chosen.seconds))


def _conditional(form: str, load: Load) -> Load:
    """For what has not changed: with the tag it has."""
    if form != "304":
        return load
    tag = ask(load.port, load.path, *load.headers).header("ETag")
    return replace(load, headers=(*load.headers, f"If-None-Match: {tag}"))


def path_of(bench: Bench, page: str) -> str:
    """Of the sample, of the largest project, or of the list."""
    if page == "list":
        return "/simple/"
    largest, sample = list(bench.projects)[:2]
    return f"/simple/{largest if page == '200' else sample}/"
