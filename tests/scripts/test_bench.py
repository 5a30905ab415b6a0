"""`scripts/benchmark`: a short run of it, with real servers and clients, and nothing left of it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.bench import floor
from scripts.bench.chosen import parse_arguments
from scripts.bench.dataset.archives import make_archive
from scripts.bench.dataset.plan import plan
from scripts.bench.figures import FIGURES, GROUPS, Figure
from scripts.bench.machine import Meter
from scripts.bench.measure.drops import high, middle
from scripts.bench.measure.installs import command_of
from scripts.bench.processes import Program, bytes_written, cpu_seconds, descendants, pss, wait_for
from tests.running import HERE, let_others_pass

NOTHING_TO_SAY = ("restart-reconciled",)  # known only where the indexer says it

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("benchmark") / "cache"
    let_others_pass(found)
    return found


@pytest.fixture(scope="module")
def document(cache: Path) -> Any:
    """The JSON of a short run of everything."""
    out = cache.with_name("out.json")
    command = [str(HERE / "scripts/benchmark"), "--files", "100", "--quick", "--cache", str(cache), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "cold index, until all is listed" in done.stdout
    return json.loads(out.read_text())


def ratio(document: Any, key: str) -> float:
    return float(document["figures"][key]["ratio"]["median"])


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: str(figure.key))
def test_every_figure_is_measured_beside_its_limit(document: Any, figure: Figure) -> None:
    if figure.key in NOTHING_TO_SAY:
        return
    medians = document["figures"][figure.key]["medians"]
    assert medians["larder"] >= 0
    assert ("limit" in medians) == bool(figure.limit)


def test_what_was_measured_is_plausible(document: Any) -> None:
    assert 0.1 < ratio(document, "page-20-html") < 20
    assert 0.1 < ratio(document, "file-20k") < 20
    assert ratio(document, "upload-20k-8") < 1
    assert ratio(document, "index-cold") > 1
    assert 0.1 < ratio(document, "install-uv-cold") < 10
    medians = {key: figure["medians"]["larder"] for key, figure in document["figures"].items()}
    assert 0 < medians["index-first"] <= medians["index-cold"]
    assert 0 < medians["drop-rename-p50"] <= medians["drop-rename-p95"]
    assert medians["upload-20k-written"] >= 1
    assert 10 < medians["memory-rest"] <= medians["memory-peak"] < 1000


def test_a_run_says_of_what_and_on_which_machine(document: Any) -> None:
    assert (document["files"], document["rounds"]) == (100, 1)
    assert {"when", "cpu", "memory", "kernel", "filesystem", "python", "nginx"} == set(document["machine"])
    assert all(document["machine"].values())


def test_nothing_is_left_but_what_is_kept_for_the_next_run(document: Any, cache: Path) -> None:
    assert {path.name.partition("-")[0] for path in cache.iterdir()} == {"files", "fresh"}
    assert not list(cache.rglob("*.part"))
    running = subprocess.check_output(["ps", "-eo", "args="], text=True)
    assert str(cache) not in running


def test_a_number_of_files_that_makes_no_projects_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["--files", "10"])
    assert "--files has to be 100 or more" in capsys.readouterr().err


def test_a_run_of_some_figures_or_a_quick_one_is_not_published() -> None:
    assert parse_arguments([]).is_whole
    assert parse_arguments([]).groups == tuple(GROUPS)
    assert not parse_arguments(["--quick"]).is_whole
    assert not parse_arguments(["--only", "pages"]).is_whole


def test_the_limit_of_indexing_reads_what_an_index_has_to_know(tmp_path: Path) -> None:
    for distribution in plan(100)[:2]:
        file = tmp_path / distribution.filename
        file.write_bytes(make_archive(distribution))
        digest, name, version = floor.read_one(file)
        assert (len(digest), name, version) == (64, distribution.project, distribution.version)


def test_own_work_is_not_foreign() -> None:
    """Two cores' work of one's own is not taken for others', whatever these do meanwhile."""
    work = "import time; began = time.monotonic()\nwhile time.monotonic() - began < 0.6: pass"
    meter, before = Meter(), cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", work], check=True)
    spent, foreign = cpu_seconds(os.getpid()) - before, meter.foreign()
    assert spent > 0.1
    assert foreign <= (os.cpu_count() or 1) - spent / 0.7 + 0.3


def test_a_program_is_known_with_all_that_it_started(tmp_path: Path) -> None:
    program = Program(tmp_path / "log")
    program.start(
        ["sh", "-c", f"i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; sleep 60 & echo x >{tmp_path}/x; wait"]
    )
    try:
        wait_for("a child", lambda: len(descendants(program.pid)) == 2, 10)
        assert pss(descendants(program.pid)) > 0
        assert cpu_seconds(program.pid) > 0
        assert bytes_written(program.pid) >= 0
    finally:
        program.stop()
    with pytest.raises(RuntimeError, match="does not run"):
        program.pid  # noqa: B018 - asking is enough


def test_quantiles_are_of_what_was_seen() -> None:
    assert middle([1.0, 2.0, 9.0]) == 2.0
    assert 8.0 < high([float(each) for each in range(10)]) <= 9.0


@pytest.mark.parametrize("client", ["pip", "uv"])
def test_an_install_asks_this_index_and_no_other(client: str, tmp_path: Path) -> None:
    command = command_of(client, tmp_path, "http://127.0.0.1:1/simple/", ["a", "b"])
    assert command[-2:] == ["a", "b"]
    assert command[command.index("--index-url") + 1] == "http://127.0.0.1:1/simple/"
    assert not [part for part in command if "extra-index" in part]
