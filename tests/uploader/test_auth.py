"""Who may upload: `.htpasswd` as htpasswd and people write it, and headers as nobody should."""

import base64
import ctypes
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.archives import make_wheel
from tests.nginx.users import readers_in
from tests.running import basic, wait_until
from tests.uploader.room import AUTH, PASSWORD, USER, Room, as_nobody
from uploader.auth import hashes
from uploader.auth.basic import parse_basic
from uploader.auth.htpasswd import parse_users


def head_only(room: Room, headers: Mapping[str, str], length: int = 0) -> tuple[int, str]:
    """The answer to the head of an upload, of whose `length` nothing is sent; 400 where it would be read."""
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    head = (
        f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n"
    )
    answer = room.send(f"{head}{lines}\r\n".encode())
    return answer.status, answer.reason


def test_who_proves_nothing_is_refused_before_the_body_is_read(room: Room) -> None:
    assert head_only(room, {}, 1000) == (401, "uploads need a user name and a password")
    assert head_only(room, basic(USER, "wrong"), 1000) == (401, "wrong user name or password")
    assert head_only(room, basic("bob", PASSWORD)) == (401, "wrong user name or password")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YW5u",
        "Bearer x",
        "Basic " + "A" * 7999,
        "Negotiate YII=",
        "Basic ===",
        "Basic YW5u:x",
    ],
)
def test_an_odd_header_proves_nothing(room: Room, header: str) -> None:
    assert head_only(room, {"Authorization": header})[0] == 401
    assert parse_basic(header) is None


@pytest.mark.parametrize(
    "credentials", [b"ann:\0", b"\0:x", b":", b"ann:", b"\xff\xfe:\xff", b"ann:" + b"x" * 5000, b"a\nb:c"]
)
def test_odd_credentials_prove_nothing(room: Room, credentials: bytes) -> None:
    assert head_only(room, {"Authorization": "Basic " + base64.b64encode(credentials).decode()})[0] == 401


def test_the_challenge_is_the_one_that_distutils_answers_to(room: Room, tmp_path: Path) -> None:
    answer = room.upload_as({}, make_wheel(tmp_path, "demo", "1.0"))
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="pypi"'


def test_the_scheme_may_be_written_in_any_case(room: Room, tmp_path: Path) -> None:
    login = {"Authorization": AUTH["Authorization"].replace("Basic ", "bAsIc  ")}
    assert room.upload_as(login, make_wheel(tmp_path, "demo", "1.0")).status == 200


def test_a_larder_without_users_says_how_to_add_one(room: Room) -> None:
    room.data.htpasswd.write_text("# nobody\n")
    assert head_only(room, AUTH) == (403, "there is no user yet who may upload; add one with: scripts/user add NAME")
    room.data.htpasswd.unlink()
    assert head_only(room, AUTH)[0] == 403


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_password_that_is_not_ascii_may_come_in_either_encoding(room: Room, encoding: str) -> None:
    room.data.htpasswd.write_text(f"zoë:{hashes.hash_password('pässwörd')}\n")
    header = "Basic " + base64.b64encode("zoë:pässwörd".encode(encoding)).decode()
    assert head_only(room, {"Authorization": header})[0] == 400


OPTIONS = {"apr1": "-m", "SHA": "-s", "bcrypt": "-B", "SHA-256": "-2", "SHA-512": "-5", "DES": "-d"}


@pytest.mark.parametrize("option", OPTIONS.values(), ids=OPTIONS)
def test_every_hash_of_htpasswd_is_taken(option: str) -> None:
    done = subprocess.run(["htpasswd", "-nb", option, "bob", "s3cret"], capture_output=True, check=True)
    hashed = parse_users(done.stdout)[0]["bob"]
    assert hashes.matches(b"s3cret", hashed)
    assert not hashes.matches(b"wrong", hashed)


@pytest.mark.parametrize(
    "prefix", ["", "$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$gy$", "$7$", "$sha1", "_"]
)
def test_every_hash_of_crypt_is_taken(prefix: str) -> None:
    """nginx gives these to crypt(3), too."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt_gensalt.restype = library.crypt.restype = ctypes.c_char_p
    salt = library.crypt_gensalt(prefix.encode(), ctypes.c_ulong(4 if prefix.startswith("$2") else 0), None, 0)
    hashed = library.crypt(b"s3cret", salt)
    assert hashes.is_usable(hashed)
    assert hashes.matches(b"s3cret", hashed)
    assert not hashes.matches(b"wrong", hashed)


def test_passwords_without_a_hash_are_taken_as_nginx_does() -> None:
    assert hashes.matches(b"s3cret", b"{PLAIN}s3cret")
    assert not hashes.matches(b"s3cre", b"{PLAIN}s3cret")


def test_bcrypt_looks_at_72_bytes_as_everywhere() -> None:
    hashed = subprocess.run(["htpasswd", "-nbB", "bob", "x" * 72], capture_output=True, check=True).stdout[4:].strip()
    assert hashes.matches(b"x" * 100, hashed)
    assert not hashes.matches(b"x" * 71, hashed)


@pytest.mark.parametrize(
    "hashed",
    [
        b"",
        b"nonsense",
        b"s3cret",
        b"$nonsense$x$y",
        b"$argon2id$v=19$m=1,t=1,p=1$x$y",
        b"{MD5}x",
        b"\xff" * 13,
        b"$" * 10_000_000,
    ],
    ids=lambda hashed: repr(hashed[:20]),
)
def test_a_hash_that_nobody_knows_disables_its_user_only(hashed: bytes) -> None:
    users, unusable = parse_users(b"bad:" + hashed + b"\nann:{PLAIN}x\n")
    assert (list(users), unusable) == (["ann"], [1])


@pytest.mark.parametrize("lock", [b"!", b"*", b"!{PLAIN}x"])
def test_a_lock_is_no_mistake(lock: bytes) -> None:
    users, unusable = parse_users(b"bad:" + lock + b"\nann:{PLAIN}x\n")
    assert (list(users), unusable, users.name_any(["Bad"])) == (["ann"], [], True)


def test_htpasswd_is_read_as_nginx_reads_it() -> None:
    users, unusable = parse_users(
        b"ann:{PLAIN}1:comment\r\nann:{PLAIN}2\n\n# a comment\n  \n"
        b"bad\nbad:{PLAIN}x\n:{PLAIN}x\n\0:{PLAIN}\0\n\xff:{PLAIN}\xff"
    )
    assert users == {"ann": b"{PLAIN}1", "\0": b"{PLAIN}\0", "\udcff": b"{PLAIN}\xff"}
    assert unusable == [6, 8]


def test_what_is_wrong_with_the_users_is_said_once_for_each_change(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    for content in (b"bad\nworse:nonsense\nann:{PLAIN}x\n", b"bad\nann:{PLAIN}x\n"):
        room.data.htpasswd.write_bytes(content)
        for _ in range(3):
            assert head_only(room, basic("bad", "bad"))[0] == 401
    said = [message for message in caplog.messages if "disabled" in message]
    assert [message.partition(", ")[2].partition(":")[0] for message in said] == ["lines 1, 2", "line 1"]


def test_users_change_at_once(room: Room) -> None:
    for password in ("one", "two", "six"):
        room.data.htpasswd.write_text(f"ann:{{PLAIN}}{password}\n")
        assert head_only(room, basic("ann", password))[0] == 400
        assert head_only(room, basic("ann", "old"))[0] == 401


def test_users_that_cannot_be_read_are_said(room: Room) -> None:
    room.beat()
    room.data.htpasswd.unlink()
    room.data.htpasswd.mkdir()
    assert head_only(room, AUTH) == (503, ".htpasswd cannot be read: Is a directory; /health says more")
    answer = room.request("GET", "/health")
    assert (answer.status, f"{room.data.htpasswd}: Is a directory" in answer.reason) == (503, True)


def test_nobody_is_said_not_to_be_there_while_users_cannot_be_read(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.set_policy(f'upload = ["{USER}", "bob"]')
    wait_until(lambda: "there is no user 'bob'" in caplog.text)
    room.data.htpasswd.unlink()
    room.data.htpasswd.mkdir()
    wait_until(lambda: not list(readers_in(room.data).iterdir()))
    assert f"there is no user '{USER}'" not in caplog.text


def test_users_that_may_not_be_read_are_said_with_owner_and_mode(open_room: Room) -> None:
    open_room.beat()
    open_room.data.htpasswd.chmod(0o000)
    owner = open_room.data.htpasswd.stat()
    with as_nobody():
        assert head_only(open_room, AUTH) == (503, ".htpasswd cannot be read: Permission denied; /health says more")
        answer = open_room.request("GET", "/health")
    assert answer.status == 503
    assert f"{open_room.data.htpasswd}: uid " in answer.text
    assert f"it belongs to {owner.st_uid}:{owner.st_gid}, mode 0000" in answer.text
    assert answer.text.count("\n") == 1
