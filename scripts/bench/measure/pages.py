"""Simple pages: open, and private with a cheap and a costly password hash."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product

from scripts.bench.figures import FORMS, PAGES, page_key
from scripts.bench.larder import LOGINS, Larder, lay_out
from scripts.bench.measure.bench import Bench
from scripts.bench.measure.indexing import SETTLED
from scripts.bench.measure.loads import Contestant, measure_loads
from scripts.bench.results import LARDER, LIMIT
from scripts.bench.talk import HTML, JSON, ask
from scripts.bench.wrk import Load


def measure(bench: Bench) -> None:
    """Each page open, private and from the limit in turn."""
    with _closed(bench) as closed:
        for _ in bench.rounds("pages"):
            for page, form in product(PAGES, FORMS):
                _measure_page(bench, closed, page, form)


@contextmanager
def _closed(bench: Bench) -> Iterator[Larder]:
    """A Larder with the same files, for users only, that runs beside the open one."""
    closed = lay_out(bench.work / "shut", sorted(bench.larder.packages.iterdir()))
    closed.start()
    try:
        closed.wait_healthy()
        closed.close()
        closed.rest(SETTLED)
        yield closed
    finally:
        closed.stop()


def _measure_page(bench: Bench, closed: Larder, page: str, form: str) -> None:
    """The limit of open reading is bare nginx, and that of private reading is open reading."""
    own = [_contestant(bench, closed if access else bench.larder, page, form, access) for access in LOGINS]
    samples = measure_loads([Contestant(LIMIT, _bare_load(bench, page, form), bench.bare.pid), *own])
    for access in LOGINS:
        key = page_key(page, form, access)
        bench.results.add(key, LARDER, samples[access])
        bench.results.add(key, LIMIT, samples["" if access else LIMIT])


def _contestant(bench: Bench, larder: Larder, page: str, form: str, access: str) -> Contestant:
    """A user's first request is not measured."""
    accept = f"Accept: {JSON if form == 'json' else HTML}"
    load = Load(larder.port, path_of(bench, page), (accept, *LOGINS[access]), bench.chosen.seconds)
    ask(load.port, load.path, *load.headers)
    return Contestant(access, _conditional(form, load), larder.pid)


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
