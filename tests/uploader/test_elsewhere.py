"""Users from elsewhere: real commands and a real address are asked, and what they may answer."""

import base64
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import make_wheel
from tests.authority import answering
from tests.running import basic, wait_until
from tests.uploader.room import AUTH, PASSWORD, USER, Room, serving
from uploader.auth import elsewhere

BOB = basic("bob", "s3cret")
SCRIPT = """#!/bin/sh
IFS= read -r name; IFS= read -r password
echo "$name" >>{calls}
{body}
"""
KNOWS_BOB = 'case $name:$password in bob:s3cret) echo team; echo "  others " ;; eve:*) echo team ;; *) exit 1 ;; esac'


class Script:
    """A command that is asked; every name that it was asked about is kept."""

    def __init__(self, directory: Path) -> None:
        self.path, self.calls = directory / "who", directory / "calls"
        self.write(KNOWS_BOB)

    def write(self, body: str) -> None:
        self.path.write_text(SCRIPT.format(calls=self.calls, body=body))
        self.path.chmod(0o755)

    def asked(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return Script(tmp_path)


@pytest.fixture
def room(tmp_path: Path, script: Script, caplog: pytest.LogCaptureFixture) -> Iterator[Room]:
    """An uploader that asks the script about whom it does not know; only its group may upload."""
    caplog.set_level("INFO")
    found = Room(tmp_path / "room")
    trust(found, f"command = ['{script.path}']")
    found.beat()
    with serving(found) as running:
        yield running


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """An authority that does not answer is given up soon."""
    monkeypatch.setattr(elsewhere, "PATIENCE", 1.0)


def trust(room: Room, authority: str, rights: str = 'download = ["authenticated"]\nupload = ["@team"]') -> None:
    room.set_policy(f"{rights}\n[authentication]\n{authority}\n")


def test_a_command_says_who_is_a_user_and_in_which_groups(room: Room, script: Script, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    assert room.read(BOB) == "204"
    assert room.upload_as(BOB, wheel).status in (200, 503)  # stored, whether or not an indexer lists it
    assert room.stored() == [wheel.name]
    assert room.read(basic("bob", "wrong")) == room.read(basic("nobody", "x")) == "401"
    assert room.upload_as(basic("bob", "wrong"), wheel).status == 401
    assert script.asked() == ["bob", "bob", "nobody"]  # each password once


def test_without_the_group_there_is_no_right(room: Room, script: Script, tmp_path: Path) -> None:
    trust(room, f"command = ['{script.path}']", 'download = ["@readers"]\nupload = ["@team"]')
    assert room.read(BOB) == "403"
    answer = room.upload_as(AUTH, make_wheel(tmp_path, "demo", "1.0"))
    assert (answer.status, answer.text) == (403, f"{USER!r} may not upload here\n")
    assert room.stored() == []


def test_members_of_larder_toml_and_groups_from_elsewhere_are_one(room: Room, script: Script, tmp_path: Path) -> None:
    room.set_policy(f"upload = ['@team']\n[groups]\nteam = ['{USER}']\n[authentication]\ncommand = ['{script.path}']")
    for number, login in enumerate((BOB, AUTH)):
        room.upload_as(login, make_wheel(tmp_path, f"demo{number}", "1.0"))
    assert len(room.stored()) == 2


def test_whom_htpasswd_has_is_never_asked_about(room: Room, script: Script) -> None:
    assert (room.read(AUTH), room.read(basic(USER, "s3cret"))) == ("204", "401")
    room.data.htpasswd.write_text("zo\u00eb:{PLAIN}x\n")
    for spelling in ("utf-8", "latin-1"):
        login = {"Authorization": "Basic " + base64.b64encode("zo\u00eb:y".encode(spelling)).decode()}
        assert room.read(login) == "401"
    assert script.asked() == []


def test_whom_htpasswd_disables_nobody_lets_in(room: Room, script: Script) -> None:
    script.write("exit 0")
    room.data.htpasswd.write_text("bob:!\nrob:nonsense\n")
    assert {room.read(basic(name, "s3cret")) for name in ("bob", "Bob", " bob", "b\u00adob", "rob")} == {"401"}
    assert script.asked() == []
    assert room.read(basic("eve", "x")) == "204"
    assert f"{room.data.htpasswd}, line 2: no user" in room.request("GET", "/health").text  # a lock is no mistake


def test_whom_htpasswd_disables_is_out_at_once(room: Room) -> None:
    assert room.read(BOB, "1" * 32) == "204"
    with room.data.htpasswd.open("a") as file:
        file.write("BOB:!\n")
    wait_until(lambda: not list(room.data.admitted.glob("*@*")), 1.0)


@pytest.mark.parametrize("wants_to", ["read", "upload"])
def test_what_comes_into_force_while_it_is_asked_counts(
    room: Room, script: Script, tmp_path: Path, wants_to: str
) -> None:
    script.write("sleep 1; echo team")
    wheel, found = make_wheel(tmp_path, "demo", "1.0"), list[object]()

    def ask() -> None:
        login = basic("eve", "x")
        found.append(room.read(login) if wants_to == "read" else str(room.upload_as(login, wheel).status))

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(script.asked)
    room.set_policy(f'download = ["{USER}"]\nupload = []')
    thread.join()
    assert (found, room.stored()) == (["503"], [])


def test_who_is_disabled_while_it_is_asked_is_not_let_in(room: Room, script: Script) -> None:
    script.write("sleep 0.5")
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(room.read(BOB)))
    thread.start()
    wait_until(script.asked)
    room.data.htpasswd.write_text("bob:!\n")
    thread.join()
    assert found == ["401"]


def test_a_line_is_one_group(room: Room, script: Script) -> None:
    trust(room, f"command = ['{script.path}']", 'download = ["@team"]')
    script.write("printf 'my\\013team\\n\\342\\200\\250team\\n'")
    assert room.read(BOB) == "403"


def test_another_group_is_another_proof(room: Room, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was let in by a group is not by the password alone."""
    monkeypatch.setattr(elsewhere, "RIGHT", 0.2)
    trust(room, f"command = ['{script.path}']", 'download = ["@team"]')
    assert room.read(BOB) == "204"
    time.sleep(0.3)
    script.write("exit 0")
    assert room.read(BOB, "1" * 32) == "403"
    wait_until(lambda: not list(room.data.admitted.glob("*@*")))


def test_what_is_no_answer_is_slowed_down_as_well(room: Room, script: Script) -> None:
    """Or somebody would guess where a command has another code for a no."""
    script.write("exit 2")
    answers = [room.read(basic(f"user{number}", "x")) for number in range(32)]
    assert answers == ["503"] * 30 + ["429"] * 2


def test_a_problem_ends_with_the_authority_that_had_it(room: Room, script: Script) -> None:
    script.write("exit 2")
    assert room.read(BOB) == "503"
    assert "elsewhere" in room.request("GET", "/health").text
    room.set_policy("")
    wait_until(lambda: "elsewhere" not in room.request("GET", "/health").text)


@pytest.mark.parametrize("spelling", ["utf-8", "latin-1"])
def test_it_is_asked_in_utf8_however_it_came(room: Room, script: Script, spelling: str) -> None:
    script.write('[ "$name:$password" = "zo\u00eb:p\u00e4ss" ]')
    login = {"Authorization": "Basic " + base64.b64encode("zo\u00eb:p\u00e4ss".encode(spelling)).decode()}
    assert room.read(login) == "204"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("bob", ""),
        ("", "x"),
        ("@team", "x"),
        ("authenticated", "x"),
        ("a\nb", "x"),
        ("b", "x\ny"),
        ("b", "\0"),
        ("b", "x\0"),
    ],
)
def test_what_can_be_nobody_is_not_asked_about(room: Room, script: Script, name: str, password: str) -> None:
    script.write("exit 0")
    assert room.read(basic(name, password)) == "401"
    assert script.asked() == []


def test_a_user_without_any_in_htpasswd_is_one(room: Room) -> None:
    room.data.htpasswd.unlink()
    assert (room.read(BOB), room.read(AUTH)) == ("204", "401")


def test_who_is_let_in_is_so_until_the_authority_is_another(room: Room, script: Script) -> None:
    assert room.read(BOB, "1" * 32) == "204"
    [link] = room.data.admitted.glob("*@*")
    assert link.exists()
    trust(room, f"command = ['{script.path}', 'of another place']")
    assert not link.exists()  # before anybody did anything about it
    wait_until(lambda: not link.is_symlink())
    room.set_policy('download = ["authenticated"]')
    assert room.read(BOB) == "401"


def test_an_answer_counts_for_a_while(room: Room, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "RIGHT", 0.5)
    monkeypatch.setattr(elsewhere, "WRONG", 0.5)
    assert (room.read(BOB), room.read(basic("dan", "x"))) == ("204", "401")
    script.write("[ $name = dan ]")
    time.sleep(0.6)
    assert (room.read(BOB), room.read(basic("dan", "x"))) == ("401", "204")
    wait_until(lambda: not list(room.data.admitted.glob("*@*")))  # whoever was let in is to be asked about again


def test_a_new_password_ends_the_one_before(room: Room, script: Script) -> None:
    assert room.read(BOB, "1" * 32) == "204"
    script.write('[ "$password" = another ]')
    assert room.read(basic("bob", "another"), "2" * 32) == "204"
    wait_until(lambda: [link.name[-1] for link in room.data.admitted.glob("*@*")] == ["2"])
    assert room.read(BOB) == "401"


@pytest.mark.parametrize("names", [("bob",), ("bob", "Bob", "BOB", " bob")])
def test_guessing_is_slowed_down(room: Room, script: Script, names: tuple[str, ...]) -> None:
    """At a user, however the name is spelt: a directory service takes no account of that."""
    script.write("exit 1")
    answers = [room.read(basic(names[number % len(names)], str(number))) for number in range(8)]
    assert answers == ["401"] * 5 + ["429"] * 3
    assert len(script.asked()) == 5


@pytest.mark.parametrize(
    "answer",
    [
        ("exit 2", "exited with 2; expected 0 or 1"),
        ("kill -9 $$", "exited with -9"),
        ("exec cat /dev/zero", "said more than 65536 bytes"),
        ("sleep 60 & wait", "no answer within 1 s"),
        ("sleep 60 & exit 0", "no answer within 1 s"),  # which keeps the other end of its output
    ],
)
def test_no_answer_is_neither_right_nor_wrong(
    room: Room, script: Script, soon: None, caplog: pytest.LogCaptureFixture, answer: tuple[str, str]
) -> None:
    body, said = answer
    script.write(body)
    began = time.monotonic()
    assert [room.read(basic("bob", str(number))) for number in range(3)] == ["503"] * 3  # no guesses
    assert time.monotonic() - began < 6
    assert [record.message for record in caplog.records if said in record.message and record.levelname == "ERROR"]
    assert "users from elsewhere cannot be checked; the log says why" in room.request("GET", "/health").text
    assert room.read(AUTH) == "204"  # others wait for nothing
    script.write(KNOWS_BOB)
    assert room.read(BOB) == "204"
    assert "elsewhere" not in room.request("GET", "/health").text
    assert "s3cret" not in caplog.text


def test_what_a_command_started_ends_with_it(room: Room, script: Script, soon: None, tmp_path: Path) -> None:
    script.write(f"sleep 60 & echo $! >{tmp_path}/child; wait")
    assert room.read(BOB) == "503"
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text())


@pytest.mark.parametrize("path", ["/nonexistent/who", "/etc/passwd", "/"])
def test_a_command_that_cannot_be_run_lets_nobody_in(room: Room, caplog: pytest.LogCaptureFixture, path: str) -> None:
    trust(room, f"command = ['{path}']")
    assert room.read(BOB) == "503"
    assert f"users from elsewhere: {path}: " in caplog.text


def test_many_at_once_are_asked_about_once_and_a_few_at_a_time(
    room: Room, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.write('sleep 0.3; [ "$password" = s3cret ]')
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(room.read(BOB))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, script.asked()) == (["204"] * 20, ["bob"])


@pytest.fixture
def address() -> Iterator[str]:
    with answering() as found:
        yield found


def test_an_address_says_it_as_well(room: Room, address: str, tmp_path: Path) -> None:
    trust(room, f"url = '{address}'")
    assert (room.read(BOB), room.read(basic("bob", "wrong")), room.read(AUTH)) == ("204", "401", "204")
    room.upload_as(BOB, make_wheel(tmp_path, "demo", "1.0"))
    assert len(room.stored()) == 1
    said = {status: room.read(basic(str(status), "x")) for status in (403, 302, 204, 404, 500)}
    assert said == {403: "401", 302: "503", 204: "503", 404: "503", 500: "503"}


def test_an_address_may_have_a_name(room: Room, address: str, caplog: pytest.LogCaptureFixture) -> None:
    trust(room, f"url = '{address.replace('127.0.0.1', 'localhost')}'")
    assert (room.read(BOB), room.read(basic("bob", "wrong"))) == ("204", "401")
    for name in ("nowhere.invalid", "x" * 64 + ".invalid"):
        trust(room, f"url = 'http://{name}/'")
        assert room.read(BOB) == "503"
        assert f"users from elsewhere: http://{name}/: " in caplog.text


def test_an_address_where_nobody_is_lets_nobody_in(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    trust(room, "url = 'http://127.0.0.1:9/'")
    assert (room.read(BOB), room.read(AUTH)) == ("503", "204")
    assert "users from elsewhere: http://127.0.0.1:9/: " in caplog.text


def test_no_descriptor_and_no_process_is_left(room: Room, script: Script) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(5):
        room.read(basic(f"user{number}", PASSWORD))
    wait_until(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before)
