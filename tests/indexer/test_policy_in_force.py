"""`larder.toml` on a running Larder: closed never opens by accident, whatever becomes of the file."""

import os
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archives import make_wheel
from tests.conftest import Start
from tests.running import PASSWORD, USER, Larder, basic, form, running_in, wait_until

SHUT = '[repositories.default]\ndownload = ["authenticated"]\nupload = []\n'
ANN = basic(USER, PASSWORD)


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    """With one user and one wheel."""
    directory = tmp_path_factory.mktemp("policy")
    with running_in(directory) as found:
        found.add_user()
        found.wait_listed("demo", make_wheel(found.packages, "demo", "1.0"))
        yield found


@pytest.fixture
def closed(larder: Larder) -> Iterator[Path]:
    """The policy file of a Larder that gives nothing away; open again afterwards."""
    policy = larder.data / "larder.toml"
    policy.write_text(SHUT)
    wait_until(lambda: larder.get("/simple/").status == 401)
    yield policy
    if policy.is_symlink():
        policy.unlink()
    policy.write_text("# every default\n")
    wait_until(lambda: larder.get("/simple/").status == 200)


def upload_status(larder: Larder, wheel: Path, headers: dict[str, str]) -> int:
    body, kind = form(wheel)
    return larder.request("POST", "/", body, kind | headers).status


def truncate_and_write(policy: Path, content: str) -> None:
    policy.write_text(content)


def rename_over(policy: Path, content: str) -> None:
    policy.with_suffix(".new").write_text(content)
    policy.with_suffix(".new").replace(policy)


def unlink_and_create(policy: Path, content: str) -> None:
    policy.unlink(missing_ok=True)
    policy.write_text(content)


def move_aside_and_create(policy: Path, content: str) -> None:
    policy.rename(policy.with_suffix(".toml~"))
    policy.write_text(content)


def write_slowly(policy: Path, content: str) -> None:
    with policy.open("w") as file:
        for line in content.splitlines(keepends=True):
            file.write(line)
            file.flush()
            os.sched_yield()


def dangle_then_write(policy: Path, content: str) -> None:
    policy.unlink()
    policy.symlink_to("larder.toml.elsewhere")
    rename_over(policy, content)


def fail_and_write_again(policy: Path, content: str) -> None:
    """As on a full disk: the file is truncated, and nothing more."""
    policy.write_text("")
    policy.write_text(content)


WAYS: list[Callable[[Path, str], None]] = [
    truncate_and_write,
    rename_over,
    unlink_and_create,
    move_aside_and_create,
    write_slowly,
    dangle_then_write,
    fail_and_write_again,
]


def test_a_thousand_replacements_under_load_open_nothing(larder: Larder, closed: Path, tmp_path: Path) -> None:
    wheel, over, seen = make_wheel(tmp_path, "never", "1.0"), threading.Event(), set()

    def ask() -> None:
        while not over.is_set():
            seen.add(("read", larder.get("/simple/demo/").status))
            seen.add(("upload", upload_status(larder, wheel, ANN)))

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    chance = random.Random(3)
    for number in range(1000):
        chance.choice(WAYS)(closed, f"{SHUT}# {number}\n")
    over.set()
    for asker in askers:
        asker.join()
    assert seen == {("read", 401), ("upload", 403)}
    assert larder.get("/simple/demo/", **ANN).status == 200
    assert not (larder.packages / wheel.name).exists()


@pytest.mark.parametrize("lost", ["empty", "gone", "torn"])
def test_a_lost_policy_stays_in_force_and_is_said_everywhere(larder: Larder, closed: Path, lost: str) -> None:
    closed.unlink() if lost == "gone" else closed.write_text("" if lost == "empty" else "download = [")
    wait_until(lambda: "what was in force stays" in larder.get("/health").text)
    wait_until(lambda: "what was in force stays" in larder.get("/", **ANN).text)
    assert larder.get("/health").status == 200
    assert f"indexer: ERROR {closed}, " in larder.log
    assert larder.get("/simple/").status == 401
    closed.write_text("# a lone comment will do\n")
    wait_until(lambda: larder.get("/simple/").status == 200)
    wait_until(lambda: larder.get("/health").text == "ok\n")


def test_a_policy_closed_while_larder_was_stopped_is_closed_from_the_first_request_on(
    start_larder: Start,
) -> None:
    larder = start_larder()
    larder.wait_listed("demo", make_wheel(larder.packages, "demo", "1.0"))
    larder.stop()
    (larder.data / "larder.toml").write_text(SHUT)
    seen, over = set(), threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                seen.add(larder.get("/simple/demo/").status)
            except OSError:
                continue

    asker = threading.Thread(target=ask)
    asker.start()
    larder.start()
    over.set()
    asker.join()
    assert seen == {401}


def test_a_closed_larder_stays_closed_while_its_pages_are_gone(start_larder: Start) -> None:
    larder = start_larder()
    (larder.data / "larder.toml").write_text(SHUT)
    wheel = make_wheel(larder.packages, "demo", "1.0")
    wait_until(lambda: larder.get("/simple/").status == 401)
    larder.stop()
    for name in ("site", "state"):
        subprocess.run(["rm", "-r", str(larder.data / name)], check=True)
    (larder.data / "larder.toml").write_text("download = [\n")
    larder.start()
    assert larder.get(f"/packages/{wheel.name}").status == 401
    assert larder.get("/simple/").status == 401
    assert "so all is closed" in larder.get("/health").text
