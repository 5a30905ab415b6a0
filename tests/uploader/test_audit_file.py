"""`log/audit.jsonl` of a running Larder: a line for each change and refusal, and no password in any of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.archives import digest, make_wheel
from tests.running import PASSWORD, Larder, basic, running_in, wait_until

ANN = basic("ann", PASSWORD)
WRONG = "a-wrong-passw0rd"
POLICY = """audit = true
[repositories.default]
download = ["authenticated"]
delete = ["ann"]
[repositories.team]
"""


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    directory = tmp_path_factory.mktemp("audit")
    with running_in(directory) as found:
        found.add_user("ann")
        yield found


def records(larder: Larder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in larder.paths.audit.read_text().splitlines()]


def test_without_being_asked_for_there_is_none(larder: Larder, tmp_path: Path) -> None:
    assert larder.upload(make_wheel(tmp_path, "quiet", "1.0"), "/", ANN).status == 200
    assert not larder.paths.audit.exists()


def test_every_change_and_refusal_is_a_line(larder: Larder, tmp_path: Path) -> None:
    larder.rule(POLICY)
    wait_until(lambda: larder.get("/repositories/team/simple/", **ANN).status == 200)
    before = len(records(larder)) if larder.paths.audit.exists() else 0
    wheel = make_wheel(tmp_path, "told", "1.0")
    assert larder.upload(wheel, "/repositories/team/", ANN).status == 200
    assert larder.upload(wheel, "/", basic("ann", WRONG)).status == 401
    assert larder.get("/simple/", **basic("ann", WRONG)).status == 401
    assert larder.get("/simple/nope/", **ANN).status == 404
    assert larder.request("PUT", f"/repositories/team/packages/{wheel.name}.yanked", b"why", ANN).status == 200
    assert larder.request("DELETE", f"/repositories/team/packages/{wheel.name}", headers=ANN).status == 200
    found = records(larder)[before:]
    shown = [(each["method"], each["repository"], each["user"], each["status"], each["outcome"]) for each in found]
    assert shown == [
        ("POST", "team", "ann", 200, "stored"),
        ("POST", "default", "ann", 401, "wrong user name or password"),
        ("GET", "default", "ann", 401, "wrong user name or password"),
        ("PUT", "team", "ann", 200, "is yanked"),
        ("DELETE", "team", "ann", 200, "removed"),
    ]
    assert (found[0]["file"], found[0]["sha256"], found[0]["address"]) == (wheel.name, digest(wheel), "127.0.0.1")
    assert found[0]["path"] == "/repositories/team/"
    assert found[4]["sha256"] == digest(wheel)
    assert all(each["time"].endswith("+00:00") for each in found)
    everything = larder.log + larder.paths.audit.read_text()
    for secret in (PASSWORD, WRONG, ANN["Authorization"].split()[1], basic("ann", WRONG)["Authorization"].split()[1]):
        assert secret not in everything


def test_it_is_kept_across_rotation(larder: Larder, tmp_path: Path) -> None:
    larder.rule(POLICY)
    larder.upload(make_wheel(tmp_path, "before", "1.0"), "/", ANN)
    before = larder.paths.audit.rename(larder.paths.audit.with_suffix(".1")).read_text()
    larder.upload(make_wheel(tmp_path, "after", "1.0"), "/", ANN)
    assert larder.paths.audit.with_suffix(".1").read_text() == before
    assert [each["file"] for each in records(larder)] == ["after-1.0-py3-none-any.whl"]


def test_what_a_client_sends_is_in_one_line(larder: Larder) -> None:
    larder.rule(POLICY)
    count = len(records(larder)) if larder.paths.audit.exists() else 0
    assert larder.request("DELETE", "/packages/a%0ab%22%7d-1.0.tar.gz", headers=ANN).status in (400, 404)
    assert larder.request("DELETE", f"/packages/{'x' * 7000}", headers=basic("y" * 3000, "z")).status in (400, 401, 404)
    found = records(larder)
    assert len(found) == count + 2
    assert all(len(str(value)) <= 1000 for value in found[-1].values())


def test_where_it_cannot_be_written_changes_go_on_and_it_is_said(larder: Larder, tmp_path: Path) -> None:
    larder.rule(POLICY)
    larder.paths.audit.unlink(missing_ok=True)
    larder.paths.audit.symlink_to(tmp_path / "elsewhere")
    try:
        assert larder.upload(make_wheel(tmp_path, "anyway", "1.0"), "/", ANN).status == 200
        wait_until(lambda: f"{larder.paths.audit}: Too many levels" in larder.log)
    finally:
        larder.paths.audit.unlink()
    assert not (tmp_path / "elsewhere").exists()
