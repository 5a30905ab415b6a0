"""Three programs kept running: started in order, again when they die, and not again where that mends nothing."""

import asyncio
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scripts.supervise import programs
from scripts.supervise.runtime import Program, Runtime
from store.settings import read_settings
from tests.running import free_port

SLEEP = "exec sleep 60"


@dataclass(frozen=True)
class Stubs(Runtime):
    """Shell scripts in the place of indexer, uploader and nginx."""

    scripts: tuple[str, str, str] = field(default=(SLEEP, SLEEP, SLEEP))

    def programs(self) -> tuple[Program, Program, Program]:
        one, two, three = (
            Program(name, ["sh", "-c", script], self.directory)
            for name, script in zip(("indexer", "uploader", "nginx"), self.scripts, strict=True)
        )
        return one, two, three


def stubs(path: Path, *scripts: str) -> Stubs:
    one, two, three = scripts
    settings = read_settings({"LARDER_DATA": str(path), "LARDER_RUN": str(path), "LARDER_PORT": str(free_port())})
    return Stubs(path, settings, None, (), (one, two, three))


def test_what_no_restart_can_mend_ends_everything(tmp_path: Path) -> None:
    runtime = stubs(tmp_path, f"echo $$ > pid; {SLEEP}", "while [ ! -s pid ]; do sleep 0.01; done; exit 78", SLEEP)
    assert asyncio.run(programs.serve(runtime)) == 78
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_a_program_that_keeps_dying_is_started_ever_more_slowly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dying = f"echo x >> deaths; [ $(wc -l < deaths) != 3 ] || kill -TERM {os.getpid()}; exit 3"
    assert asyncio.run(programs.serve(stubs(tmp_path, SLEEP, dying, SLEEP))) == 0
    assert [text for text in caplog.messages if "it starts again in 0.1 s" in text] == [
        "uploader ended with 3; it starts again in 0.1 s"
    ]
    assert "uploader ended with 3; it starts again in 0.5 s" in caplog.messages


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_in_order(tmp_path: Path, number: signal.Signals) -> None:
    ending = "trap 'echo ended >> said; exit' TERM; while :; do sleep 0.01; done"
    last = f"kill -{number.value} {os.getpid()}; {SLEEP}"
    (tmp_path / "indexer").mkdir()
    (tmp_path / "indexer" / "policy").touch()
    assert asyncio.run(programs.serve(stubs(tmp_path, ending, "sleep 0.2; " + last, ending))) == 0
    assert (tmp_path / "said").read_text() == "ended\nended\n"


def test_nginx_is_started_once_there_is_a_policy_in_force(tmp_path: Path) -> None:
    deciding = f"sleep 0.3; echo decided >> said; mkdir -p indexer; mkdir indexer/policy; {SLEEP}"
    nginx = f"echo nginx >> said; kill -TERM {os.getpid()}; {SLEEP}"
    asyncio.run(programs.serve(stubs(tmp_path, deciding, SLEEP, nginx)))
    assert (tmp_path / "said").read_text() == "decided\nnginx\n"


def test_nginx_is_started_closed_where_no_policy_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "UNDECIDED", 0.1)
    asyncio.run(programs.serve(stubs(tmp_path, SLEEP, SLEEP, f"touch said; kill -TERM {os.getpid()}; {SLEEP}")))
    assert (tmp_path / "said").exists()
