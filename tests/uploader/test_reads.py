"""What the uploader says of reads that nginx asks about, and whom it lets nginx check by itself."""

import os
import stat
import subprocess
import time
from pathlib import Path

import pytest

from store.errors import clip
from tests.running import Answer, basic, wait_until
from tests.uploader.room import AUTH, USER, Room
from uploader.auth.hashes import hash_password, is_cheap
from uploader.auth.readers import NAME, Readers

USERS_ONLY = 'download = ["authenticated"]'
OPTIONS = {"SHA": "-s", "apr1": "-m", "bcrypt": "-B", "SHA-256": "-2", "SHA-512": "-5", "DES": "-d"}
CHEAP = ("{PLAIN}x", "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", hash_password("x"))


def ask(room: Room, path: str = "/simple/demo/", repository: str = "default", **headers: str) -> Answer:
    """As nginx asks whether `path` may be read."""
    known = {"X-Larder-Repository": repository, "X-Larder-Path": path}
    return room.request("GET", "/.may-read", headers=known | headers)


def said(answer: Answer) -> tuple[int, str | None, str | None]:
    """Status, true status, reason."""
    return answer.status, answer.headers["X-Larder-Denial"], answer.headers["X-Larder-Reason"]


def test_a_right_password_opens_until_the_second_is_over(room: Room) -> None:
    room.set_policy(USERS_ONLY)
    before = int(time.time())
    answer = ask(room, **AUTH)
    assert said(answer) == (204, None, None)
    assert before <= int(answer.headers["X-Accel-Expires"].removeprefix("@")) <= time.time()


def test_who_may_not_is_told_why_in_headers_and_nothing_of_it_is_kept(room: Room) -> None:
    room.set_policy(USERS_ONLY)
    for answer in (ask(room, **basic(USER, "wrong")), ask(room, **basic("nobody", "x")), ask(room, Authorization="?")):
        assert said(answer) == (403, "401", "wrong user name or password")
        assert answer.headers["X-Accel-Expires"] is None
    assert said(ask(room)) == (403, "401", "reading needs a user name and a password")
    room.set_policy("download = []")
    assert said(ask(room, **AUTH)) == (403, "403", "reading is closed: larder.toml lets nobody read")


def test_open_reading_is_open_also_for_who_asks(room: Room) -> None:
    assert ask(room).status == ask(room, **basic("nobody", "x")).status == 204


def test_a_repository_that_is_none_is_nobodys(room: Room) -> None:
    assert said(ask(room, repository="other", **AUTH))[:2] == (403, "403")


def test_before_a_policy_is_in_force_nobody_reads(room: Room) -> None:
    room.data.policy_in_force.unlink()
    assert said(ask(room, **AUTH))[:2] == (403, "503")


def test_guessing_is_answered_with_the_time_to_wait(room: Room) -> None:
    room.set_policy(USERS_ONLY)
    for number in range(5):
        assert said(ask(room, **basic(USER, f"guess {number}")))[1] == "401"
    answer = ask(room, **basic(USER, "guess 6"))
    assert said(answer) == (403, "429", "too many wrong passwords; the next may come in 10 s")
    assert answer.headers["Retry-After"] == "10"
    upload = room.request("POST", "/", b"", {"Content-Type": "multipart/form-data; boundary=b"} | AUTH)
    assert (upload.status, upload.headers["Retry-After"]) == (429, "10")  # it is one check
    assert ask(room, **AUTH, **{"X-Larder-Client": "192.0.2.99"}).status == 204


def test_users_that_cannot_be_read_are_said(room: Room) -> None:
    room.set_policy(USERS_ONLY)
    room.data.htpasswd.unlink()
    assert said(ask(room, **AUTH))[1] == "403"
    room.data.htpasswd.mkdir()
    assert said(ask(room, **AUTH)) == (403, "503", ".htpasswd cannot be read: Is a directory; /health says more")
    wait_until(lambda: not list(room.data.readers.iterdir()))


def test_only_a_wrong_password_is_news(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    room.set_policy(USERS_ONLY)
    ask(room, **AUTH)
    ask(room, "/packages/x y.whl?a'b", **basic("bob", "secret-guess"))
    assert caplog.messages == [
        "refused GET \"/packages/xy.whl?a'b\" from 192.0.2.7 user 'bob' file -: 401 wrong user name or password"
    ]
    for number in range(10):
        ask(room, **basic("bob", f"secret-guess {number}"))
    assert len(caplog.messages) == 5
    assert "secret-guess" not in caplog.text


def test_a_client_cannot_have_another_path_logged(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    room.request("POST", "/", b"", {"Content-Type": "multipart/form-data; boundary=b", "X-Larder-Path": "/other"})
    assert caplog.messages[0].startswith("refused POST '/' from ")


def names(room: Room) -> set[str]:
    return {path.name for path in room.data.readers.iterdir()} if room.data.readers.is_dir() else set()


def test_nginx_gets_those_of_a_cheap_hash_and_nobody_else(room: Room) -> None:
    lines = [f"cheap-{number}:{hashed}" for number, hashed in enumerate(CHEAP)]
    for name, option in OPTIONS.items():
        done = subprocess.run(["htpasswd", "-nb", option, name, "x"], capture_output=True, text=True, check=True)
        lines.append(done.stdout.strip())
    room.data.htpasswd.write_text("\n".join(lines) + "\n")
    wait_until(lambda: names(room) == {"cheap-0", "cheap-1", "cheap-2", "SHA"})
    for number, hashed in enumerate(CHEAP):
        assert (room.data.readers / f"cheap-{number}").read_text() == f"cheap-{number}:{hashed}\n"
    assert stat.S_IMODE(room.data.readers.stat().st_mode) == 0o700


def test_users_come_change_and_go_within_a_moment(room: Room) -> None:
    wait_until(lambda: names(room) == {USER})
    for content in ("bob:{PLAIN}a\n", "bob:{PLAIN}b\nann:{PLAIN}c\n", "ann:{PLAIN}c\n", ""):
        room.data.htpasswd.write_text(content)
        wanted = {line.partition(":")[0]: f"{line}\n" for line in content.splitlines()}
        wait_until(lambda wanted=wanted: read(room) == wanted, 1.0)  # type: ignore[misc]


def read(room: Room) -> dict[str, str]:
    try:
        return {path.name: path.read_text() for path in room.data.readers.iterdir() if not path.name.startswith(".")}
    except FileNotFoundError:
        return {}


def test_the_first_line_of_a_name_counts_whatever_its_kind(room: Room) -> None:
    slow = subprocess.run(["htpasswd", "-nbB", "both", "x"], capture_output=True, text=True, check=True).stdout.strip()
    room.data.htpasswd.write_text(
        f"{slow}\nboth:{{PLAIN}}x\nbad:nonsense\nbad:{{PLAIN}}x\nann:{{PLAIN}}1\nann:{{PLAIN}}2\n"
    )
    wait_until(lambda: read(room) == {"ann": "ann:{PLAIN}1\n"})


def test_whatever_becomes_of_the_files_they_come_back(room: Room) -> None:
    wait_until(lambda: names(room) == {USER})
    directory = room.data.readers
    (directory / USER).unlink()
    wait_until(lambda: names(room) == {USER})
    (directory / "intruder").write_text("intruder:{PLAIN}x\n")
    wait_until(lambda: names(room) == {USER})
    (directory / USER).unlink()
    directory.rmdir()
    wait_until(lambda: names(room) == {USER})


def test_who_is_guessed_at_is_withdrawn_from_nginx_at_once(room: Room) -> None:
    wait_until(lambda: names(room) == {USER})
    room.set_policy(USERS_ONLY)
    for number in range(10):
        assert names(room) == {USER}
        client = {"X-Larder-Client": f"192.0.2.{number}"}
        ask(room, **basic(USER, f"guess {number}"), **client)
    assert names(room) == set()
    assert ask(room, **AUTH, **{"X-Larder-Client": "192.0.2.99"}).status == 204


def test_only_what_can_be_a_file_of_its_own_is_one(tmp_path: Path) -> None:
    readers = Readers(tmp_path / "readers")
    odd = ("", ".", "..", ".ann", "a/b", "a\nb", "a\0", "a" * 201, "\x7f")
    good = ("ann", "b@b.example", "with blank", "zoë", "\udcff", "a" * 200, "~")
    readers.keep(dict.fromkeys((*odd, *good), b"{PLAIN}x"), frozenset())
    assert {path.name for path in (tmp_path / "readers").iterdir()} == set(good)
    assert (tmp_path / "readers" / "\udcff").read_bytes() == b"\xff:{PLAIN}x\n"
    assert not any(NAME.fullmatch(os.fsencode(name)) for name in odd)


@pytest.mark.parametrize(
    "hashed",
    [
        b"{SHA}",
        b"{SHA}x",
        b"{SHA}" + b"A" * 27,
        b"{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwl=",  # not as nginx would spell it
        b"{SSHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
        b"{PLAIN}" + b"x" * 1000,
        b"{MD5}x",
        b"{sha}2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
        b"$apr1$x$y",
        b"",
    ],
)
def test_what_nginx_would_not_check_in_a_moment_is_not_cheap(hashed: bytes) -> None:
    assert not is_cheap(hashed), clip(repr(hashed))
