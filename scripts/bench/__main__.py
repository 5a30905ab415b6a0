"""scripts/benchmark: measure, print the table, write the JSON and, where all was measured, BENCHMARKS.md."""

import signal
import sys

from scripts.bench.chosen import Chosen, parse_arguments
from scripts.bench.document import Run, write_document, write_run
from scripts.bench.larder import HERE
from scripts.bench.run import run
from scripts.bench.table import HEAD, render_peers, render_rows, render_text


def main() -> None:
    chosen = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ctrl-C does: what was started is stopped
    found = run(chosen)
    write(chosen, found)
    print(render_text([HEAD, *render_rows(found.results, found.files)]), end="")
    if others := render_peers(found.results):
        print("\n" + render_text(others), end="")


def write(chosen: Chosen, found: Run) -> None:
    """Into the file that is named; or else, if it was a whole run, into the project's own pages."""
    if chosen.out:
        write_run(found, chosen.out)
    elif chosen.is_whole:
        write_run(found, HERE / "benchmarks" / f"{chosen.files}.json")
        write_document(HERE / "benchmarks", HERE / "BENCHMARKS.md")


main()
