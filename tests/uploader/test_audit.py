"""The log: one line for each upload and each refusal, which fail2ban can use and nobody can forge."""

import re
from pathlib import Path

import pytest

from tests.archives import digest, make_wheel
from tests.running import basic, form
from tests.uploader.room import AUTH, USER, Room

FAIL2BAN = re.compile(r"^refused POST \S+ from (?P<address>\S+) user .*: 401 ")


def test_an_upload_is_one_line(room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    room.upload(wheel, "/legacy/")
    start = f"accepted POST '/legacy/' from 192.0.2.7 user 'ann' file '{wheel.name}' sha256 {digest(wheel)}: "
    assert caplog.messages == [f"{start}stored"]
    room.upload(wheel, "/legacy/")
    assert caplog.messages[1:] == [f"{start}was here already, with the same bytes"]


def test_an_upload_of_nobody_is_one_line(room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    room.set_policy('upload = ["anonymous"]')
    room.upload_as({}, make_wheel(tmp_path, "demo", "1.0"))
    assert caplog.messages[0].startswith("accepted POST '/' from 192.0.2.7 user - file 'demo-1.0-py3-none-any.whl'")


def test_a_refusal_names_the_file_and_the_reason(room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    answer = room.upload(make_wheel(tmp_path, "demo", "1.0"), name="other")
    [message] = caplog.messages
    assert (
        message == f"refused POST '/' from 192.0.2.7 user 'ann' file 'demo-1.0-py3-none-any.whl': 400 {answer.reason}"
    )


def test_a_wrong_password_names_who_was_tried(room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    room.upload_as(basic("bob", "x"), make_wheel(tmp_path, "demo", "1.0"))
    assert caplog.messages == ["refused POST '/' from 192.0.2.7 user 'bob' file -: 401 wrong user name or password"]


@pytest.mark.parametrize(
    ("path", "user", "client"),
    [
        ("/", "x' from 10.0.0.1 user 'y", "192.0.2.7"),
        ("/", "x\nrefused POST '/' from 10.0.0.1 user 'y' file -: 401 wrong", "192.0.2.7"),
        ("/", "\x1b[31m\u202e\x85\u2028", "2001:db8::7"),
        ("/", "x" * 4000, "192.0.2.7"),
        ("/" * 4000, "bob", "192.0.2.7"),
        ("/", "bob", "10.0.0.1 user 'y' file -: 401 x"),
        ("/", "bob", ""),
    ],
    ids=["quote", "line", "control", "long", "slashes", "address", "none"],
)
def test_no_line_can_be_forged(room: Room, caplog: pytest.LogCaptureFixture, path: str, user: str, client: str) -> None:
    body, headers = form(Path(__file__))
    answer = room.request("POST", path, body, headers | basic(user, "x") | {"X-Larder-Client": client})
    assert answer.status == 401
    [message] = caplog.messages
    found = FAIL2BAN.match(message)
    assert found is not None
    assert found["address"] == (client if re.fullmatch(r"[0-9a-f.:]+", client) else "-")
    assert message.isprintable()
    assert len(message) < 1000


def test_a_path_cannot_forge_an_address(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    body, headers = form(Path(__file__))
    path = "/x'%20from%2010.0.0.1%20user%20'y'%20file%20-:%20401%20"
    assert room.request("POST", path, body, headers | AUTH).status == 405
    [message] = caplog.messages
    assert " from 10.0.0.1 " not in message.partition(": 405 ")[0]
    assert f" from 192.0.2.7 user {USER!r} " in message
