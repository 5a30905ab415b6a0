"""As whom the programs run, and what they keep of root's power."""

import dataclasses
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.supervise import limits
from scripts.supervise.limits import (
    BIND,
    READ_ALL,
    User,
    barrier,
    capabilities_to_reach,
    choose_user,
    limited,
)
from store.data import Data
from store.errors import Refused
from store.settings import Settings, read_settings
from tests.running import alive, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives anything up")
OTHER = User(4321, 4322)


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory that everybody may pass, wherever pytest's own lies."""
    with tempfile.TemporaryDirectory(prefix="larder-open-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def settings_at(root: Path, **variables: str) -> Settings:
    return read_settings({"LARDER_DATA": str(root), **variables})


def test_root_runs_the_programs_as_the_one_who_is_named(tmp_path: Path) -> None:
    os.chown(tmp_path, 1, 1)
    assert choose_user(settings_at(tmp_path, LARDER_UID="4321", LARDER_GID="4322")) == OTHER


def test_else_as_the_owner_of_the_data_directory(tmp_path: Path) -> None:
    os.chown(tmp_path, *OTHER)
    assert choose_user(settings_at(tmp_path)) == OTHER
    assert choose_user(settings_at(tmp_path / "new" / "data")) == OTHER
    os.chown(tmp_path, 4321, 0)
    assert choose_user(settings_at(tmp_path)) == (4321, 4321)


def test_and_never_as_root(tmp_path: Path) -> None:
    user = choose_user(settings_at(tmp_path))
    assert user is not None
    assert user.uid != 0
    assert user.gid != 0


def test_nobody_but_root_runs_them_as_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1000)
    assert choose_user(settings_at(tmp_path)) is None
    assert choose_user(settings_at(tmp_path, LARDER_UID="1000")) is None
    with pytest.raises(Refused, match="LARDER_UID=4321 LARDER_GID=4321; only root can"):
        choose_user(settings_at(tmp_path, LARDER_UID="4321"))


def status_under(user: User | None, *capabilities: str) -> dict[str, str]:
    status = subprocess.check_output([*limited(user, capabilities), "cat", "/proc/self/status"], text=True)
    return {name: " ".join(value.split()) for name, _, value in (line.partition(":") for line in status.splitlines())}


def test_nothing_is_left_of_root() -> None:
    status = status_under(OTHER)
    assert (status["Uid"], status["Gid"], status["Groups"]) == (" ".join(["4321"] * 4), " ".join(["4322"] * 4), "")
    assert {int(value, 16) for name, value in status.items() if name.startswith("Cap")} == {0}
    assert status["NoNewPrivs"] == "1"


def test_nothing_is_left_but_what_is_needed() -> None:
    status = status_under(OTHER, BIND)
    assert {int(value, 16) for name, value in status.items() if name.startswith("Cap")} == {1 << 10}


def test_whoever_is_not_root_gains_nothing() -> None:
    assert status_under(None)["NoNewPrivs"] == "1"


def test_a_program_ends_with_the_one_that_started_it() -> None:
    command = " ".join([*limited(OTHER), "sh", "-c", "'echo $$; exec sleep 60'"])
    with subprocess.Popen(["sh", "-c", f"{command} & wait"], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    wait_until(lambda: not alive(child))


def test_what_is_in_the_way_is_found(open_path: Path) -> None:
    below = open_path / "a" / "b" / "c"
    below.mkdir(parents=True)
    assert barrier(OTHER, below) is None
    (open_path / "a" / "b").chmod(0o700)
    assert barrier(OTHER, open_path, below) == open_path / "a" / "b"


def data_below(closed: Path) -> Data:
    data = Data.at(closed / "data", closed / "run")
    data.site.mkdir(parents=True)
    data.state.mkdir()
    closed.chmod(0o700)
    return data


def test_past_what_only_root_may_pass_goes_one_capability(open_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_code", lambda: ())
    monkeypatch.setattr(limits, "can_give", lambda name: name == READ_ALL)
    data = data_below(open_path / "closed")
    assert capabilities_to_reach(OTHER, data) == (READ_ALL,)
    (open_path / "closed").chmod(0o711)
    assert capabilities_to_reach(OTHER, data) == ()


def test_where_it_is_not_to_be_had_the_directory_is_named(open_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_code", lambda: ())
    monkeypatch.setattr(limits, "can_give", lambda _: False)
    expected = f"{open_path}/closed: uid 4321 \\(gid 4322\\) may not pass here: it belongs to 0:0, mode 0700; mend it"
    with pytest.raises(Refused, match=expected):
        capabilities_to_reach(OTHER, data_below(open_path / "closed"))


def test_a_data_directory_closed_to_its_programs_is_refused(open_path: Path) -> None:
    data = data_below(open_path / "closed")
    closed = dataclasses.replace(data, root=open_path / "closed")
    with pytest.raises(Refused, match=f"{open_path}/closed: uid 4321"):
        capabilities_to_reach(OTHER, closed)
