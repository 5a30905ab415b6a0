"""Which policy is in force, decided with the test's clock: closed never opens by accident."""

import os
import random
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from store.current import SETTLED, UNSURE, CurrentPolicy, read_in_force
from store.data import Data
from store.policy import Policies

OPEN = b"[repositories.default]\nupload = ['anonymous']\n"
SHUT = b"[repositories.default]\ndownload = ['authenticated']\nupload = []\n"

ANYBODY = {"asked/pages", "asked/packages", "anonymous/pages", "anonymous/packages"}
USERS = {"asked/pages", "asked/packages", "authenticated/pages", "authenticated/packages", "readers"}


@pytest.fixture
def data(tmp_path: Path) -> Data:
    found = Data.at(tmp_path / "data", tmp_path / "run")
    for directory in (found.root, found.state, found.policy_in_force.parent):
        directory.mkdir(parents=True)
    return found


class Looks:
    """One run of Larder, looked at after as much time as a test wants."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.current = CurrentPolicy(data)
        self.now = 100.0

    def __call__(self, seconds: float = 0.0) -> Policies | None:
        """What is in force for the others after so many seconds, in which it was looked at often."""
        for _ in range(10):
            self.current.look(self.now)
            self.now += seconds / 10
        self.current.look(self.now)
        return read_in_force(self.data)

    def ways(self) -> set[str]:
        link = self.data.policy_in_force / "default"
        found = (path for path in link.rglob("*") if path.is_symlink())
        return (
            {re.sub("-[0-9a-f]{16}/", "/", str(path.relative_to(link))) for path in found} if link.exists() else set()
        )


def is_open(policies: Policies | None) -> bool:
    assert policies is not None
    return "anonymous" in policies.of("default").upload


def start(data: Data) -> Looks:
    """As after a start of the machine: nothing in `run/` is left."""
    shutil.rmtree(data.run)
    data.policy_in_force.parent.mkdir(parents=True)
    return Looks(data)


def settle(data: Data, content: bytes) -> Looks:
    data.policy.write_bytes(content)
    looks = Looks(data)
    looks(2 * UNSURE)
    return looks


def test_without_a_file_the_defaults_are_in_force_at_the_first_look(data: Data) -> None:
    looks = Looks(data)
    assert looks() == Policies({"default": looks.current.policies.of("default")})
    assert looks.ways() == ANYBODY
    assert looks.current.problem == ""


def test_what_is_new_counts_once_it_has_lasted(data: Data) -> None:
    looks = settle(data, OPEN)
    assert looks.ways() == ANYBODY
    data.policy.write_bytes(SHUT)
    assert is_open(looks(SETTLED / 2))
    assert not is_open(looks(SETTLED))
    assert looks.ways() == USERS


def test_an_unchanged_file_is_in_force_at_the_first_look_of_the_next_start(data: Data) -> None:
    settle(data, SHUT)
    looks = start(data)
    assert read_in_force(data) is None
    assert not is_open(looks())


def test_a_file_changed_while_larder_was_stopped_is_in_force_before_anything_is(data: Data) -> None:
    settle(data, OPEN)
    data.policy.write_bytes(SHUT)
    looks = start(data)
    assert looks(SETTLED / 2) is None
    assert not is_open(looks(SETTLED))


def empty(policy: Path) -> None:
    policy.write_bytes(b"")


def blank(policy: Path) -> None:
    policy.write_bytes(b"\xef\xbb\xbf \n\t\n")


def remove(policy: Path) -> None:
    policy.unlink()


def dangle(policy: Path) -> None:
    policy.unlink()
    policy.symlink_to("nowhere")


def make_directory(policy: Path) -> None:
    policy.unlink()
    policy.mkdir()


def make_pipe(policy: Path) -> None:
    policy.unlink()
    os.mkfifo(policy)


def garble(policy: Path) -> None:
    policy.write_bytes(b"download = [")


def grow(policy: Path) -> None:
    policy.write_bytes(OPEN + b"#" * (2 << 20))


LOSSES = [empty, blank, remove, dangle, make_directory, make_pipe, garble, grow]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_policy_that_is_lost_stays_in_force_and_is_said_also_after_a_restart(
    data: Data, lose: Callable[[Path], None]
) -> None:
    looks = settle(data, SHUT)
    lose(data.policy)
    for again in (looks, start(data), start(data)):
        assert not is_open(again(2 * UNSURE))
        assert "what was in force stays" in again.current.problem
        assert again.ways() == USERS


@pytest.mark.parametrize("lose", [each for each in LOSSES if each is not remove])
def test_where_nothing_was_ever_in_force_all_is_closed(data: Data, lose: Callable[[Path], None]) -> None:
    data.policy.write_bytes(OPEN)
    lose(data.policy)
    looks = Looks(data)
    assert not is_open(looks(2 * UNSURE))
    assert "so all is closed" in looks.current.problem
    assert looks.ways() == USERS


def test_a_lone_comment_brings_the_defaults_back(data: Data) -> None:
    looks = settle(data, SHUT)
    data.policy.write_bytes(b"# open again\n")
    looks(2 * UNSURE)
    assert looks.ways() == ANYBODY
    assert looks.current.problem == ""


def test_a_file_that_is_still_being_written_does_not_count_however_long_that_takes(data: Data) -> None:
    looks = settle(data, SHUT)
    with data.policy.open("wb") as file:
        file.write(OPEN)
        file.flush()
        assert not is_open(looks(100 * SETTLED))
    assert is_open(looks(2 * UNSURE))


def test_where_the_kernel_does_not_tell_of_writers_a_change_has_to_last_longer(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = settle(data, OPEN)
    monkeypatch.setattr("store.current.files.is_being_written", lambda _: None)
    data.policy.write_bytes(SHUT)
    assert is_open(looks(UNSURE - 0.1))
    assert not is_open(looks(0.2))


def test_what_is_in_force_is_switched_in_one_step(data: Data) -> None:
    looks = settle(data, OPEN)
    before = data.policy_in_force.stat().st_ino
    data.policy.write_bytes(SHUT + b"overwrite = true\n")
    looks(2 * UNSURE)
    assert data.policy_in_force.stat().st_ino != before
    assert looks.ways() == {way.replace("packages", "overwritten/packages") for way in USERS}


@pytest.mark.parametrize(
    "part", ["policy", "policy/default", "policy/default/anonymous/packages", "policy/larder.toml"]
)
def test_whatever_is_deleted_of_what_is_in_force_comes_back(data: Data, part: str) -> None:
    looks = settle(data, OPEN)
    path = data.run / "indexer" / part
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    assert is_open(looks())
    assert looks.ways() == ANYBODY


def test_what_was_kept_comes_back_when_the_state_is_deleted(data: Data) -> None:
    looks = settle(data, SHUT)
    shutil.rmtree(data.state)
    data.state.mkdir()
    looks()
    data.policy.unlink()
    assert not is_open(start(data)(2 * UNSURE))


def test_where_it_cannot_be_put_in_force_nothing_is_given_away(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = settle(data, OPEN)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    data.policy.write_bytes(SHUT)
    with monkeypatch.context() as broken:
        broken.setattr(CurrentPolicy, "_write", refuse)
        with pytest.raises(OSError, match="No space"):
            looks(2 * UNSURE)
        assert read_in_force(data) is None
        assert looks.ways() == set()
    assert not is_open(looks())


def truncate_and_write(policy: Path, content: bytes) -> None:
    policy.write_bytes(content)


def rename_over(policy: Path, content: bytes) -> None:
    policy.with_suffix(".new").write_bytes(content)
    policy.with_suffix(".new").replace(policy)


def unlink_and_create(policy: Path, content: bytes) -> None:
    policy.unlink(missing_ok=True)
    policy.write_bytes(content)


def write_slowly(policy: Path, content: bytes) -> None:
    with policy.open("wb") as file:
        for line in content.splitlines(keepends=True):
            file.write(line)
            file.flush()


def link_to_it(policy: Path, content: bytes) -> None:
    other = policy.with_suffix(f".{time.monotonic_ns()}")
    policy.unlink(missing_ok=True)
    policy.symlink_to(other.name)
    other.write_bytes(content)


def test_no_replacement_puts_in_force_what_nobody_wrote(data: Data) -> None:
    """Looked at between any two steps of it, by a clock that jumps."""
    looks, chance = settle(data, SHUT), random.Random(2)
    ways = [truncate_and_write, rename_over, unlink_and_create, write_slowly, link_to_it]
    for number in range(300):
        chance.choice(ways)(data.policy, SHUT + f"# {number}\n".encode())
        if chance.random() < 0.5:
            chance.choice([empty, dangle])(data.policy) if data.policy.exists() else None
        looks.now += chance.random()
        assert not is_open(looks())
        assert looks.ways() == USERS


def test_what_is_in_force_stays_also_where_it_could_not_be_kept(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = settle(data, OPEN)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("store.current.files.write", refuse)
        data.policy.write_bytes(SHUT)
        assert not is_open(looks(2 * UNSURE))
        assert "cannot be kept" in looks.current.unkept
        data.policy.unlink()
        assert not is_open(looks(2 * UNSURE))
    assert not is_open(looks())
    assert looks.current.unkept == ""
    assert not is_open(start(data)(2 * UNSURE))
