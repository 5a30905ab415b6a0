"""Programs kept running: started in order, again when they die, and not again where that mends nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.supervise import keep
from tests.running import HERE, wait_until

SLEEP = "exec sleep 60"


class Kept:
    """Shell scripts in the place of indexer, uploader and nginx, kept running by the real thing."""

    def __init__(self, path: Path, *scripts: str, helpers: list[dict[str, Any]] | None = None) -> None:
        self.path = path
        self.directory = path / "runtime"
        self.directory.mkdir()
        names = ("indexer", "uploader", "nginx")
        programs: list[dict[str, Any]] = [
            {"name": name, "command": ["sh", "-c", script], "cwd": str(path)}
            for name, script in zip(names, scripts, strict=True)
        ]
        programs[-1]["after"] = str(path / "policy")
        plan = {"programs": programs, "helpers": helpers or [], "environment": dict(os.environ), "quiet": False}
        (self.directory / "plan.json").write_text(json.dumps({**plan, "directory": str(self.directory)}))
        command = [sys.executable, "-IS", str(HERE / "scripts/supervise/keep.py"), str(self.directory / "plan.json")]
        with (path / "log").open("w") as log:
            self.process = subprocess.Popen(command, stderr=log)

    def said(self, name: str = "said") -> str:
        return (self.path / name).read_text() if (self.path / name).exists() else ""

    def wait(self) -> tuple[int, str]:
        """How it ended, and what it wrote to the log; nothing is left."""
        code = self.process.wait(timeout=20)
        assert not self.directory.exists()
        return code, self.said("log")

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        return self.wait()


def test_what_no_restart_can_mend_ends_everything(tmp_path: Path) -> None:
    kept = Kept(tmp_path, f"echo $$ > pid; {SLEEP}", "while [ ! -s pid ]; do sleep 0.01; done; exit 78", SLEEP)
    assert kept.wait()[0] == 78
    assert not Path(f"/proc/{kept.said('pid').strip()}").exists()


def test_a_program_that_keeps_dying_is_started_ever_more_slowly(tmp_path: Path) -> None:
    kept = Kept(tmp_path, SLEEP, "echo x >> deaths; exit 3", SLEEP)
    wait_until(lambda: kept.said("log").count("starts again") == 3)
    code, log = kept.stop()
    assert code == 0
    assert kept.said("deaths") == "x\n" * 3
    said = re.findall(r"^20\S+ \S+,\d{3} serve: WARNING uploader ended with 3; it starts again in (.*) s$", log, re.M)
    assert said == ["0.1", "0.5", "1"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_its_own_way(tmp_path: Path, number: signal.Signals) -> None:
    ending = "trap 'echo ended >> said; exit' TERM; echo $$ >> pids; while :; do sleep 0.01; done"
    (tmp_path / "policy").touch()
    kept = Kept(tmp_path, ending, ending, ending)
    wait_until(lambda: kept.said("pids").count("\n") == 3)
    assert kept.stop(number) == (0, "")
    assert kept.said() == "ended\n" * 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in kept.said("pids").split())


def test_what_does_not_end_by_itself_is_ended_with_all_it_started(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; sh -c 'echo $$ >> pids; sleep 60' & echo $$ >> pids; while :; do sleep 1; done"
    kept = Kept(tmp_path, stubborn, SLEEP, SLEEP)
    wait_until(lambda: kept.said("pids").count("\n") == 2)
    began = time.monotonic()
    assert kept.stop()[0] == 0
    assert time.monotonic() - began >= keep.PATIENCE
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in kept.said("pids").split()))


def test_what_a_program_that_died_had_started_goes_with_it(tmp_path: Path) -> None:
    kept = Kept(tmp_path, "sh -c 'echo $$ > pid; sleep 60' & while [ ! -s pid ]; do :; done; exit 1", SLEEP, SLEEP)
    pid = wait_until(lambda: kept.said("pid").strip())
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    kept.stop()


def test_nginx_is_started_once_there_is_a_policy_in_force(tmp_path: Path) -> None:
    kept = Kept(
        tmp_path, f"sleep 0.3; echo decided >> said; touch policy; {SLEEP}", SLEEP, f"echo nginx >> said; {SLEEP}"
    )
    wait_until(lambda: "nginx" in kept.said())
    kept.stop()
    assert kept.said() == "decided\nnginx\n"


def test_nginx_is_started_closed_where_no_policy_comes() -> None:
    program = keep.Program("nginx", ["true"], "/", "/nowhere/policy")
    assert not program.is_due(program.due + keep.UNDECIDED / 2)
    assert program.is_due(program.due + keep.UNDECIDED)


def test_a_helper_is_run_once_where_something_is_there_and_as_often_as_it_is_missing(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    make = {"command": ["sh", "-c", f"cd {tmp_path}; echo made >> said; mkdir site"], "when": [str(tmp_path / "site")]}
    greet = {"command": ["sh", "-c", f"cd {tmp_path}; echo greeted >> said"], "when": [str(tmp_path / "socket")]}
    kept = Kept(tmp_path, SLEEP, SLEEP, SLEEP, helpers=[{**make, "there": False}, {**greet, "there": True}])
    for _ in range(2):
        (tmp_path / "site").rmdir()
        wait_until((tmp_path / "site").is_dir)
    (tmp_path / "socket").touch()
    wait_until(lambda: "greeted" in kept.said())
    kept.stop()
    assert kept.said() == "made\nmade\ngreeted\n"


def test_a_program_that_cannot_be_started_is_said_and_tried_again(tmp_path: Path) -> None:
    program = keep.start(["/nowhere/nginx"], "/", {})
    assert os.waitstatus_to_exitcode(os.waitpid(program, 0)[1]) == 127


def test_it_needs_next_to_nothing() -> None:
    script = f"import sys; sys.path[0] = {str(HERE / 'scripts/supervise')!r}; import keep; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-IS", "-c", script], text=True).split()
    assert not {"asyncio", "logging", "pathlib", "subprocess", "store", "re"} & {*modules} - {"re"}
