"""Workers: what one job does is that job's alone, and nothing of them is left."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store.errors import BadArchive
from store.process import Process
from store.workers import WorkerDied, WorkerKilled, Workers
from tests.running import HERE
from tests.store import jobs

Make = Callable[..., Workers]


@pytest.fixture
def make() -> Iterator[Make]:
    """Workers that are stopped after the test, and are gone."""
    made: list[Workers] = []

    def make(most: int, idle: float = 60) -> Workers:
        made.append(Workers(most, idle=idle))
        return made[-1]

    yield make
    for workers in made:
        workers.stop()
    assert processes() == set()


@pytest.fixture
def workers(make: Make) -> Workers:
    return make(2)


def processes(parent: int | None = None) -> set[int]:
    """Those that this one, or another, has started and that are there."""
    children = [path.read_text() for path in Path(f"/proc/{parent or os.getpid()}/task").glob("*/children")]
    return {int(pid) for text in children for pid in text.split()}


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_job_is_done_in_another_process(workers: Workers) -> None:
    assert workers.submit(os.getpid, seconds=5).result(20) in processes()
    assert workers.submit(divmod, 7, 2, seconds=5).result(20) == (3, 1)
    assert workers.submit(jobs.nice, seconds=5).result(20) == os.nice(0) + 5


def test_a_job_raises_what_its_function_raises(workers: Workers) -> None:
    with pytest.raises(ZeroDivisionError):
        workers.submit(divmod, 7, 0, seconds=5).result(20)
    with pytest.raises(BadArchive, match="reason"):
        workers.submit(jobs.refuse, "reason", seconds=5).result(20)


def test_thousands_of_small_jobs_are_done_in_their_order(workers: Workers) -> None:
    done: list[int] = []
    lock = threading.Lock()

    def note(number: int) -> None:
        with lock:
            done.append(number)

    futures = [workers.submit(abs, -number, seconds=5) for number in range(3000)]
    for number, future in enumerate(futures):
        future.add_done_callback(lambda _, number=number: note(number))  # type: ignore[misc]
    assert [future.result(60) for future in futures] == list(range(3000))
    wait_for(lambda: len(done) == 3000)
    assert len(processes()) == 2


def test_one_worker_does_jobs_in_their_order(make: Make) -> None:
    workers = make(1)
    futures = [workers.submit(time.monotonic_ns, seconds=5) for _ in range(100)]
    times = [future.result(20) for future in futures]
    assert times == sorted(times)


def test_no_more_processes_are_started_than_there_is_work_for(make: Make) -> None:
    workers = make(8, idle=60)
    for _ in range(20):
        workers.submit(abs, 1, seconds=5).result(20)
        wait_for(lambda: len(workers._free) == 1)
    assert len(processes()) == 1


def test_what_is_little_waits_for_a_process_that_is_there_and_for_nothing_else(make: Make) -> None:
    workers = make(3)
    little = [workers.submit(time.sleep, 0.05, seconds=5, most=1) for _ in range(4)]
    assert len(workers._hands) == 1
    much = workers.submit(time.monotonic, seconds=5)
    assert len(workers._hands) == 2
    assert much.result(20)
    for future in little:
        future.result(20)
    assert workers.submit(abs, 1, seconds=5, most=1).result(20) == 1
    assert len(processes()) == 2


def test_processes_without_work_end_and_leave_nothing(make: Make) -> None:
    workers = make(3, idle=0.2)
    assert processes() == set()
    for _ in range(2):
        for future in [workers.submit(time.sleep, 0.1, seconds=5) for _ in range(3)]:
            future.result(20)
        wait_for(lambda: processes() == set())
        wait_for(lambda: not any(thread.name == "worker" for thread in threading.enumerate()))


def test_a_trickle_of_work_keeps_one_process_only(make: Make) -> None:
    workers = make(3, idle=0.5)
    for future in [workers.submit(time.sleep, 0.1, seconds=5) for _ in range(3)]:
        future.result(20)

    def trickle() -> bool:
        workers.submit(abs, 1, seconds=5).result(20)
        return len(processes()) == 1

    wait_for(trickle)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_worker_that_is_killed_ends_its_own_job_alone(workers: Workers, number: signal.Signals) -> None:
    other = workers.submit(time.sleep, 1.0, seconds=5)
    wait_for(lambda: len(processes()) == 1)
    [innocent] = processes()
    suspect = workers.submit(time.sleep, 60, seconds=5)
    wait_for(lambda: len(processes()) == 2)
    time.sleep(0.2)
    [pid] = processes() - {innocent}
    os.kill(pid, number)
    with pytest.raises(WorkerDied, match=number.name) as died:
        suspect.result(20)
    assert isinstance(died.value, WorkerKilled) is (number != signal.SIGSEGV)  # which it brings about itself
    assert other.result(20) is None
    assert workers.submit(abs, -1, seconds=5).result(20) == 1


def test_a_worker_that_was_killed_while_it_had_nothing_to_do_harms_nobody(workers: Workers) -> None:
    for _ in range(3):
        os.kill(workers.submit(os.getpid, seconds=5).result(20), signal.SIGKILL)
        time.sleep(0.05)
        assert workers.submit(abs, -1, seconds=5).result(20) == 1


@pytest.mark.parametrize("job", [jobs.spin, jobs.ignore_and_spin])
def test_a_job_that_takes_too_much_cpu_is_ended_and_nobody_waits_for_it(
    workers: Workers, job: Callable[[], None]
) -> None:
    hanging = workers.submit(job, seconds=1)
    for number in range(20):
        assert workers.submit(abs, -number, seconds=5).result(20) == number
    assert not hanging.done()
    with pytest.raises(WorkerDied, match=r"more than 1 s of CPU"):
        hanging.result(20)


def test_cpu_is_counted_for_each_job_anew(make: Make) -> None:
    workers = make(1)
    for _ in range(4):
        assert workers.submit(jobs.burn, 0.4, seconds=1).result(20) is None
    assert len(processes()) == 1


def test_a_job_that_waits_without_end_is_ended(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.process.PATIENCE", 0.2)
    workers = make(1)
    with pytest.raises(WorkerDied, match=r"was not done after 0.4 s"):
        workers.submit(time.sleep, 60, seconds=1).result(20)


def test_what_a_job_may_take_does_not_count_while_there_is_none(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.process.PATIENCE", 0.2)
    workers = make(1)
    pid = workers.submit(os.getpid, seconds=1).result(20)
    time.sleep(0.6)
    assert workers.submit(os.getpid, seconds=1).result(20) == pid


def test_a_stopped_process_is_given_up(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.process.PATIENCE", 0.2)
    monkeypatch.setattr("store.process.GRACE", 0.2)
    workers = make(1)
    pid = workers.submit(os.getpid, seconds=1).result(20)
    with pytest.raises(WorkerDied, match=r"was not done after 0.4 s"):
        workers.submit(os.kill, pid, signal.SIGSTOP, seconds=1).result(20)
    assert workers.submit(os.getpid, seconds=5).result(20) != pid


def test_a_job_that_needs_too_much_memory_ends_alone(workers: Workers) -> None:
    assert workers.submit(jobs.grow, 50 << 20, seconds=5).result(20) == 50 << 20
    with pytest.raises(WorkerDied, match="more than 64 MiB of memory"):
        workers.submit(jobs.grow, 70 << 20, seconds=5).result(20)
    assert workers.submit(jobs.swallow, 70 << 20, seconds=5).result(20) == "refused"
    for _ in range(5):  # what is at rest stays what it was
        assert workers.submit(jobs.grow, 50 << 20, seconds=5).result(20) == 50 << 20


def test_a_process_that_ends_itself_ends_its_job_alone(workers: Workers) -> None:
    with pytest.raises(WorkerDied, match="ended with 3"):
        workers.submit(jobs.leave, seconds=5).result(20)
    with pytest.raises(WorkerDied, match="ended with 0"):
        workers.submit(os._exit, 0, seconds=5).result(20)
    with pytest.raises(WorkerDied, match="SIGABRT"):
        workers.submit(os.abort, seconds=5).result(20)
    assert workers.submit(abs, -1, seconds=5).result(20) == 1


def test_a_job_that_closes_all_it_has_ends_alone(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.process.GRACE", 0.2)
    with pytest.raises(WorkerDied):
        workers.submit(os.closerange, 0, 100, seconds=5).result(20)
    assert workers.submit(abs, -1, seconds=5).result(20) == 1


def test_what_cannot_be_sent_is_an_error_of_its_job(workers: Workers) -> None:
    with pytest.raises(RuntimeError, match="Picky: x=1"):
        workers.submit(jobs.raise_picky, seconds=5).result(20)
    with pytest.raises(RuntimeError, match=r"ValueError: .*no use"):
        workers.submit(jobs.raise_locked, seconds=5).result(20)
    with pytest.raises(TypeError, match="pickle"):
        workers.submit(threading.Lock, seconds=5).result(20)
    with pytest.raises(ValueError, match="not here"):
        workers.submit(jobs.Unwelcome, seconds=5).result(20)
    with pytest.raises(Exception, match="local object"):
        workers.submit(lambda: None, seconds=5)
    with pytest.raises(TypeError, match="pickle"):
        workers.submit(id, threading.Lock(), seconds=5)
    assert len(processes()) == 1


def test_large_arguments_and_results_arrive(workers: Workers) -> None:
    content = os.urandom(9 << 20)
    assert workers.submit(bytes, content, seconds=5).result(20) == content


def test_a_job_can_be_cancelled_before_it_is_begun(make: Make) -> None:
    workers = make(1)
    first = workers.submit(time.sleep, 0.3, seconds=5)
    second, third = workers.submit(os._exit, 1, seconds=5), workers.submit(abs, -1, seconds=5)
    assert second.cancel()
    assert third.result(20) == 1
    assert first.result(20) is None


def test_stopping_ends_all_at_once(make: Make, tmp_path: Path) -> None:
    workers = make(2)
    futures = [workers.submit(jobs.keep, str(tmp_path), str(number), 60.0, seconds=5) for number in range(10)]
    wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
    began = time.monotonic()
    workers.stop()
    assert time.monotonic() - began < 2
    assert processes() == set()
    for future in futures[:2]:
        with pytest.raises(WorkerDied):
            future.result(0)
    assert all(future.cancelled() for future in futures[2:])
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(RuntimeError, match="stopped"):
        workers.submit(abs, 1, seconds=5)


def test_stopping_while_processes_are_being_started_leaves_none(make: Make) -> None:
    for number in range(20):
        workers = make(3)
        for _ in range(5):
            workers.submit(time.sleep, 60, seconds=5)
        time.sleep(number / 500)
        workers.stop()
        assert processes() == set()


def test_none_is_started_that_was_stopped_before() -> None:
    process = Process(1 << 26)
    process.kill()
    with pytest.raises(WorkerDied, match="stopped"):
        process.do(b"", 5)
    assert processes() == set()


def test_a_callback_may_submit_and_stop(make: Make) -> None:
    workers = make(1)
    stopped = threading.Event()

    def stop(_: object) -> None:
        workers.stop()
        stopped.set()

    def again(_: object) -> None:
        workers.submit(abs, -1, seconds=5).add_done_callback(stop)

    workers.submit(abs, -1, seconds=5).add_done_callback(again)
    assert stopped.wait(20)
    wait_for(lambda: processes() == set())


PARENT = """
import sys, time
from store.workers import Workers
from tests.store import jobs
workers = Workers(2)
workers.submit(abs, 1, seconds=5).result(20)
if sys.argv[1] == "busy":
    workers.submit(jobs.keep, sys.argv[2], "begun", 60.0, seconds=5)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("state", ["busy", "idle"])
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path, state: str) -> None:
    command = [sys.executable, "-c", PARENT, state, str(tmp_path)]
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"ready\n"
        if state == "busy":
            wait_for(lambda: list(tmp_path.iterdir()))
        children = processes(parent.pid)
        assert children
        parent.kill()
    wait_for(lambda: not any(is_alive(pid) for pid in children))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_interrupt_from_the_keyboard_is_for_the_parent(workers: Workers, tmp_path: Path) -> None:
    sleeping = workers.submit(jobs.keep, str(tmp_path), "begun", 0.5, seconds=5)
    wait_for(lambda: list(tmp_path.iterdir()))
    for pid in processes():
        os.kill(pid, signal.SIGINT)
    assert sleeping.result(20) == "begun"


def test_an_open_file_without_a_name_can_be_read_by_its_descriptor(workers: Workers, tmp_path: Path) -> None:
    with tempfile.TemporaryFile(dir=tmp_path) as file:
        file.write(b"content")
        file.flush()
        path = f"/proc/{os.getpid()}/fd/{file.fileno()}"
        assert workers.submit(jobs.read_of, path, seconds=5).result(20) == b"content"


def test_a_worker_has_no_file_of_the_parents(workers: Workers, tmp_path: Path) -> None:
    with (tmp_path / "x").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        found = workers.submit(os.listdir, "/proc/self/fd", seconds=5).result(20)
    assert len(found) == 5  # three, its socket, and the directory being listed


def test_a_small_job_is_answered_soon(workers: Workers) -> None:
    def timed() -> float:
        began = time.perf_counter()
        workers.submit(abs, -1, seconds=5).result(20)
        return time.perf_counter() - began

    timed()
    assert sorted(timed() for _ in range(300))[30] < 0.003  # promised is a tenth: this is not the place to measure
