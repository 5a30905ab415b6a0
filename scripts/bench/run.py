"""One run: everything is laid out, measured and taken away again."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scripts.bench.bare import BareNginx
from scripts.bench.chosen import Chosen
from scripts.bench.dataset.make import cached
from scripts.bench.document import Run
from scripts.bench.larder import lay_out
from scripts.bench.machine import describe
from scripts.bench.measure import drops, exports, files, indexing, installs, memory, pages, peers, uploads
from scripts.bench.measure.bench import Bench, say
from scripts.bench.measure.indexing import SETTLED

MEASURES: dict[str, Callable[[Bench], None]] = {
    "indexing": indexing.measure,
    "pages": pages.measure,
    "files": files.measure,
    "uploads": uploads.measure,
    "drops": drops.measure,
    "installs": installs.measure,
    "exports": exports.measure,
    "memory": memory.measure,
}


def run(chosen: Chosen) -> Run:
    """Measure what is chosen; nothing of it is left but the cache."""
    with _laid_out(chosen) as bench:
        _start(bench)
        for group, measure in MEASURES.items():
            if group in chosen.groups and group != "indexing":
                bench.larder.rest(SETTLED)
                measure(bench)
        if chosen.peers:
            peers.measure(bench)
        return Run(chosen.files, chosen.rounds, describe(bench.work), bench.results)


@contextmanager
def _laid_out(chosen: Chosen) -> Iterator[Bench]:
    """A directory for all of it, and the contestants, who are stopped at the end."""
    say(f"data set of {chosen.files} files")
    dataset = cached(chosen.cache, chosen.files)
    with ExitStack() as stack:
        work = Path(tempfile.mkdtemp(prefix="run-", dir=chosen.cache))
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        work.chmod(0o755)  # Larder may run as somebody else
        larder, bare = lay_out(work / "data", sorted(dataset.iterdir())), BareNginx(work / "bare")
        stack.callback(larder.stop)
        stack.callback(bare.stop)
        try:
            yield Bench(chosen, work, larder, bare)
        except (OSError, RuntimeError) as error:
            raise RuntimeError(f"{error}\nLarder said last:\n{larder.last_words()}") from error


def _start(bench: Bench) -> None:
    """Both contestants run, and serve the same."""
    if "indexing" in bench.chosen.groups:
        indexing.measure(bench)
    else:
        bench.larder.start()
        bench.larder.wait_healthy()
    bench.bare.start()
    bench.bare.take(bench.larder, bench.asked_for)
