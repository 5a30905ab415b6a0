"""What the uploader says of reads that nginx asks about, and whom it lets nginx check by itself."""

import os
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from store.data import Data
from store.errors import clip
from store.policy import Policy
from store.ways import way_of
from tests.nginx.users import readers_in
from tests.running import Answer, basic, wait_until
from tests.uploader.room import AUTH, PASSWORD, USER, Room, serving
from uploader.auth import admissions
from uploader.auth.admissions import LASTING, Admissions, list_admitted
from uploader.auth.hashes import hash_password, is_cheap
from uploader.auth.passwords import Proof
from uploader.auth.readers import NAME as READER
from uploader.auth.readers import Readers

USERS_ONLY = 'download = ["authenticated"]'
OPTIONS = {"SHA": "-s", "apr1": "-m", "bcrypt": "-B", "SHA-256": "-2", "SHA-512": "-5", "DES": "-d"}
NAME = "0123456789abcdef" * 2
CHEAP = ("{PLAIN}x", "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", hash_password("x"))


def ask(room: Room, path: str = "/simple/demo/", repository: str = "default", **headers: str) -> Answer:
    """As nginx asks whether `path` may be read."""
    known = {"X-Larder-Repository": repository, "X-Larder-Path": path}
    return room.request("GET", "/.may-read", headers=known | headers)


def said(answer: Answer) -> tuple[int, str | None, str | None]:
    """Status, true status, reason."""
    return answer.status, answer.headers["X-Larder-Denial"], answer.headers["X-Larder-Reason"]


def admitted(room: Room) -> dict[str, str]:
    """What stands for credentials → the way that is made for them, below the policy in force."""
    ways = {path.name.removeprefix("default@"): path.readlink() for path in list_admitted(room.data.admitted)}
    assert all(str(way).startswith("../indexer/policy/default/") for way in ways.values())
    return {name: way.name.partition("-")[0] for name, way in ways.items()}


def test_a_right_password_opens_the_way_for_the_next_time(room: Room) -> None:
    room.set_policy(USERS_ONLY)
    assert said(ask(room, **AUTH, **{"X-Larder-Credentials": NAME})) == (204, None, None)
    assert admitted(room) == {NAME: "authenticated"}
    assert (room.data.admitted / f"default@{NAME}" / "pages").is_symlink()
    assert said(ask(room, **AUTH, **{"X-Larder-Credentials": NAME})) == (204, None, None)
    assert admitted(room) == {NAME: "authenticated"}


def test_who_may_not_is_told_why_in_headers_and_has_no_way(room: Room) -> None:
    room.set_policy(USERS_ONLY)
    wrong = (basic(USER, "wrong"), basic("nobody", "x"), {"Authorization": "?"})
    for login in wrong:
        answer = ask(room, **login, **{"X-Larder-Credentials": NAME})
        assert said(answer) == (403, "401", "wrong user name or password")
    assert admitted(room) == {}
    assert said(ask(room)) == (403, "401", "reading needs a user name and a password")
    room.set_policy("download = []")
    assert said(ask(room, **AUTH)) == (403, "403", "reading is closed: larder.toml lets nobody read")


def test_open_reading_is_open_also_for_who_asks(room: Room) -> None:
    assert ask(room).status == ask(room, **basic("nobody", "x"), **{"X-Larder-Credentials": NAME}).status == 204
    assert admitted(room) == {NAME: "anonymous"}
    room.set_policy(USERS_ONLY)
    assert not (room.data.admitted / f"default@{NAME}").exists()
    assert ask(room, **AUTH, **{"X-Larder-Credentials": NAME}).status == 204
    assert admitted(room) == {NAME: "authenticated"}


def test_the_way_is_gone_as_soon_as_the_user_is(room: Room) -> None:
    room.set_policy(USERS_ONLY)
    before = room.data.htpasswd.read_text()
    for content in ("", f"{USER}:{hash_password(PASSWORD)}\n", f"{USER}:nonsense\n{before}"):
        room.data.htpasswd.write_text(before)
        ask(room, **AUTH, **{"X-Larder-Credentials": NAME})
        assert admitted(room) == {NAME: "authenticated"}
        room.data.htpasswd.write_text(content)
        wait_until(lambda: admitted(room) == {}, 1.0)


def test_the_way_is_gone_also_after_something_went_wrong_once(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.set_policy(USERS_ONLY)
    ask(room, **AUTH, **{"X-Larder-Credentials": NAME})
    failures, keep = [ValueError("odd"), RuntimeError("odd")], Admissions.keep

    def fail_first(self: Admissions, users: Mapping[str, bytes]) -> None:
        if failures:
            raise failures.pop()
        keep(self, users)

    monkeypatch.setattr(Admissions, "keep", fail_first)
    wait_until(lambda: not failures)
    room.data.htpasswd.write_text("")
    wait_until(lambda: admitted(room) == {}, 1.0)


def test_the_way_is_gone_as_soon_as_the_right_is(room: Room) -> None:
    room.data.htpasswd.write_text(f"{USER}:{hash_password(PASSWORD)}\nbob:{hash_password('x')}\n")
    room.set_policy(f'download = ["{USER}"]')
    assert ask(room, **AUTH, **{"X-Larder-Credentials": NAME}).status == 204
    assert said(ask(room, **basic("bob", "x"), **{"X-Larder-Credentials": "1" * 32})) == (
        403,
        "403",
        "'bob' may not read here",
    )
    assert admitted(room) == {NAME: "authenticated"}
    wait_until(lambda: names(room) == {USER})
    room.set_policy('download = ["bob"]')
    wait_until(lambda: (admitted(room), names(room)) == ({}, {"bob"}), 1.0)
    shutil.rmtree(room.data.policy_in_force)
    wait_until(lambda: names(room) == set(), 1.0)


def test_who_is_guessed_at_from_there_has_no_way_until_it_is_quiet(room: Room) -> None:
    """Or by their way a right guess would be told from wrong ones that wait."""
    room.set_policy(USERS_ONLY)
    there = {"X-Larder-Client": "192.0.2.99"}
    for number, client in ((1, {}), (2, there)):
        ask(room, **AUTH, **client, **{"X-Larder-Credentials": str(number) * 32})
    assert len(admitted(room)) == 2
    ask(room, **basic(USER, "guess"))
    assert admitted(room) == {"2" * 32: "authenticated"}
    assert ask(room, **AUTH, **{"X-Larder-Credentials": NAME}).status == 204
    assert admitted(room) == {"2" * 32: "authenticated"}


@pytest.mark.parametrize("name", ["", "x", "../" + "0" * 29, "A" * 32, "0" * 33, "0" * 31 + "/"])
def test_only_a_name_that_nginx_makes_is_one(room: Room, name: str) -> None:
    room.set_policy(USERS_ONLY)
    assert ask(room, **AUTH, **{"X-Larder-Credentials": name}).status == 204
    assert admitted(room) == {}


def test_ways_that_cannot_be_made_are_done_without(room: Room) -> None:
    room.set_policy(USERS_ONLY)
    (room.data.admitted / f"default@{NAME}").mkdir()
    assert ask(room, **AUTH, **{"X-Larder-Credentials": NAME}).status == 204


def test_ways_end_after_a_while_and_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admissions, "MOST", 3)
    data, now = Data.at(tmp_path / "data", tmp_path / "run"), [0.0]
    found, proof = Admissions(data, clock=lambda: now[0]), Proof(USER, b"hash", "192.0.2.7")
    data.admitted.mkdir(parents=True)
    (data.policy_in_force / "default" / way_of(USER, Policy())).mkdir(parents=True)
    for number in range(5):
        now[0] = number
        found.admit(str(number) * 32, "default", Policy(), proof)
    assert {path.name[len("default@")] for path in list_admitted(data.admitted)} == {"2", "3", "4"}
    now[0] = 3 + LASTING
    found.keep({USER: b"hash"})
    assert {path.name[len("default@")] for path in list_admitted(data.admitted)} == {"4"}
    found.clear()
    assert list_admitted(data.admitted) == []


def test_while_the_uploader_is_gone_nothing_changes_and_then_all_are_asked_again(tmp_path: Path) -> None:
    room = Room(tmp_path / "room")
    room.set_policy(USERS_ONLY)
    with serving(room):
        ask(room, **AUTH, **{"X-Larder-Credentials": NAME})
        wait_until(lambda: names(room) == {USER})
    assert (admitted(room), names(room)) == ({NAME: "authenticated"}, {USER})
    room.data.socket.unlink(missing_ok=True)
    with serving(room):
        assert admitted(room) == {}


def test_a_repository_that_is_none_is_nobodys(room: Room) -> None:
    assert said(ask(room, repository="other", **AUTH))[:2] == (403, "404")


def test_before_a_policy_is_in_force_nobody_reads(room: Room) -> None:
    shutil.rmtree(room.data.policy_in_force)
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
    wait_until(lambda: not list(readers_in(room.data).iterdir()))


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
    directory = readers_in(room.data)
    return {path.name for path in directory.iterdir()} if directory.is_dir() else set()


def test_nginx_gets_those_of_a_cheap_hash_and_nobody_else(room: Room) -> None:
    lines = [f"cheap-{number}:{hashed}" for number, hashed in enumerate(CHEAP)]
    for name, option in OPTIONS.items():
        done = subprocess.run(["htpasswd", "-nb", option, name, "x"], capture_output=True, text=True, check=True)
        lines.append(done.stdout.strip())
    room.data.htpasswd.write_text("\n".join(lines) + "\n")
    wait_until(lambda: names(room) == {"cheap-0", "cheap-1", "cheap-2", "SHA"})
    for number, hashed in enumerate(CHEAP):
        assert (readers_in(room.data) / f"cheap-{number}").read_text() == f"cheap-{number}:{hashed}\n"
    assert stat.S_IMODE(readers_in(room.data).stat().st_mode) == 0o700


def test_users_come_change_and_go_within_a_moment(room: Room) -> None:
    wait_until(lambda: names(room) == {USER})
    for content in ("bob:{PLAIN}a\n", "bob:{PLAIN}b\nann:{PLAIN}c\n", "ann:{PLAIN}c\n", ""):
        room.data.htpasswd.write_text(content)
        wanted = {line.partition(":")[0]: f"{line}\n" for line in content.splitlines()}
        wait_until(lambda wanted=wanted: read(room) == wanted, 1.0)  # type: ignore[misc]


def read(room: Room) -> dict[str, str]:
    try:
        return {
            path.name: path.read_text() for path in readers_in(room.data).iterdir() if not path.name.startswith(".")
        }
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
    directory = readers_in(room.data)
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
    readers.keep(dict.fromkeys((*odd, *good), b"{PLAIN}x"), Policy(), frozenset())
    [directory] = (tmp_path / "readers").iterdir()
    assert {path.name for path in directory.iterdir()} == set(good)
    assert (directory / "\udcff").read_bytes() == b"\xff:{PLAIN}x\n"
    assert not any(READER.fullmatch(os.fsencode(name)) for name in odd)


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
