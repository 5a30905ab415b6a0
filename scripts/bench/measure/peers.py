"""The same pages, files, uploads and installs from other indexes."""

from contextlib import ExitStack
from functools import partial

from scripts.bench.chosen import MIDDLE, SMALL
from scripts.bench.dataset.fresh import Fresh
from scripts.bench.dataset.plan import plan
from scripts.bench.figures import PAGES, page_key
from scripts.bench.measure import installs, uploads
from scripts.bench.measure.bench import Bench
from scripts.bench.measure.loads import bearable, measure_load
from scripts.bench.measure.pages import path_of
from scripts.bench.peers import Peer, start_devpi, start_pypiserver
from scripts.bench.talk import HTML
from scripts.bench.uploads import Upload, post, upload_all
from scripts.bench.wrk import Load

FILLING = 4  # clients that fill devpi


def measure(bench: Bench) -> None:
    """One after the other, each by itself."""
    with ExitStack() as stack:
        dataset = sorted(bench.larder.packages.iterdir())
        pypiserver = start_pypiserver(bench.chosen.cache, bench.work, dataset)
        stack.callback(pypiserver.program.stop)
        _measure(bench, pypiserver)
    with ExitStack() as stack:
        devpi = start_devpi(bench.chosen.cache, bench.work)
        stack.callback(devpi.program.stop)
        _fill(bench, devpi)
        _measure(bench, devpi)


def _fill(bench: Bench, peer: Peer) -> None:
    """Upload what will be asked for: all of it would take devpi hours."""
    wanted = set(bench.asked_for)
    files = [
        Fresh(each, bench.larder.packages / each.filename)
        for each in plan(bench.chosen.files)
        if each.project in wanted
    ]
    upload_all(peer.port, [_request(peer, each) for each in files], FILLING)


def _measure(bench: Bench, peer: Peer) -> None:
    """All groups that it can be asked for and that are chosen."""
    for turn in bench.rounds(peer.name):
        if "pages" in bench.chosen.groups:
            _measure_pages(bench, peer)
        if "files" in bench.chosen.groups:
            _measure_files(bench, peer)
        if "installs" in bench.chosen.groups:
            installs.measure_from(bench, peer.name, peer.port, peer.simple)
        if "uploads" in bench.chosen.groups and turn == bench.chosen.rounds - 1:  # they stay, and would be installed
            uploads.measure_at(bench, uploads.Server(peer.name, peer.port, peer.pid, partial(_request, peer)))


def _measure_pages(bench: Bench, peer: Peer) -> None:
    for page in PAGES:
        _measure_path(bench, peer, page_key(page, "html", ""), path_of(bench, page).replace("/simple/", peer.simple))


def _measure_files(bench: Bench, peer: Peer) -> None:
    for key, size in (("file-20k", SMALL), ("file-5m", MIDDLE)):
        distribution = bench.distribution_of(size)
        length = (bench.larder.packages / distribution.filename).stat().st_size
        path = peer.file(distribution.project, distribution.filename)
        _measure_path(bench, peer, key, path, length / 1e6 if size > SMALL else 1)


def _measure_path(bench: Bench, peer: Peer, key: str, path: str, unit: float = 1) -> None:
    load = bearable(Load(peer.port, path, (f"Accept: {HTML}",), bench.chosen.seconds))
    bench.results.add(key, peer.name, measure_load(load, peer.pid, unit))


def _request(peer: Peer, fresh: Fresh) -> Upload:
    return post(fresh, peer.target, peer.login)
