"""Simple pages: open, and private with a cheap and a costly password hash."""

from dataclasses import replace
from itertools import product

from scripts.bench.figures import FORMS, PAGES, page_key
from scripts.bench.larder import LOGINS
from scripts.bench.measure.bench import Bench
from scripts.bench.measure.loads import Contestant, bearable, measure_load, measure_loads
from scripts.bench.results import LARDER, LIMIT, Sample
from scripts.bench.talk import HTML, JSON, ask
from scripts.bench.wrk import Load


def measure(bench: Bench) -> None:
    """Each page open, and right after that private; reading is open again afterwards."""
    for _ in bench.rounds("pages"):
        for page, form in product(PAGES, FORMS):
            limit = _measure_open(bench, page, form)
            bench.larder.open_to("authenticated")
            for access in ("ssha", "bcrypt"):
                _measure_private(bench, page_key(page, form, access), _load(bench, page, form, access), limit)
            bench.larder.open_to("anonymous")


def _measure_open(bench: Bench, page: str, form: str) -> Sample:
    """Larder and the limit; Larder's sample, for it is the limit of private reading."""
    own = Contestant(LARDER, _load(bench, page, form), bench.larder.pid)
    limit = Contestant(LIMIT, _bare_load(bench, page, form), bench.bare.pid)
    samples = measure_loads([own, limit])
    for name, sample in samples.items():
        bench.results.add(page_key(page, form, ""), name, sample)
    return samples[LARDER]


def _measure_private(bench: Bench, key: str, load: Load, limit: Sample) -> None:
    bench.results.add(key, LARDER, measure_load(bearable(load), bench.larder.pid))
    bench.results.add(key, LIMIT, limit)


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
