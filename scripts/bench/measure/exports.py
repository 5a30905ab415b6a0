"""An export as plain files: the first, and again with nothing changed; beside copying every file durably."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from scripts.bench import floor
from scripts.bench.larder import HERE
from scripts.bench.machine import Meter
from scripts.bench.measure.bench import Bench, timed
from scripts.bench.results import LARDER, LIMIT, Sample


def measure(bench: Bench) -> None:
    target = bench.work / "public"
    for _ in bench.rounds("exports"):
        _add(bench, "export-first", LIMIT, lambda: floor.copy_all(bench.larder.packages, target))
        shutil.rmtree(target)
        _add(bench, "export-first", LARDER, lambda: _export(bench, target))
        _add(bench, "export-again", LIMIT, lambda: floor.stat_all(bench.larder.packages))
        _add(bench, "export-again", LARDER, lambda: _export(bench, target))
        for each in (target, _state(bench)):
            shutil.rmtree(each)


def _add(bench: Bench, key: str, contestant: str, act: Callable[[], object]) -> None:
    meter = Meter()
    seconds = timed(act)
    bench.results.add(key, contestant, Sample(seconds, meter.foreign()))


def _state(bench: Bench) -> Path:
    """Apart from that of the Larder that runs meanwhile."""
    return bench.work / "state-of-export"


def _export(bench: Bench, target: Path) -> None:
    command = [sys.executable, "-P", "-m", "indexer.export", "--data", str(bench.larder.root), str(target)]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "LARDER_STATE": str(_state(bench))}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
