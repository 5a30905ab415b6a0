"""Reading that is closed, on a running Larder: every kind of hash, users that come and go, and guessing."""

import re
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archives import make_sdist, make_wheel
from tests.nginx.board import ask
from tests.nginx.users import CHEAP, KINDS, add_user, readers_in
from tests.running import HERE, PASSWORD, USER, Larder, basic, form, running_in, wait_until
from uploader.auth.admissions import list_admitted

SHUT = '[repositories.default]\ndownload = ["authenticated"]\n'
READS = ("/", "/simple/", "/simple/demo/", "/packages/demo-1.0-py3-none-any.whl", "/demo/json", "/demo/",
         "/packages/demo-1.0-py3-none-any.whl.metadata")  # fmt: skip


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    """Closed, with two users for each kind of hash, `KIND` and `quiet-KIND`; nobody guesses at the second."""
    directory = tmp_path_factory.mktemp("private")
    with running_in(directory) as found:
        found.add_user()
        for kind in KINDS:
            for user in (kind, f"quiet-{kind}"):
                add_user(found, kind, user)
        found.wait_listed("demo", make_wheel(found.packages, "demo", "1.0"))
        found.wait_listed("demo", make_sdist(found.packages, "demo", "1.0"))
        close(found)
        yield found


def close(larder: Larder) -> None:
    (larder.data / "larder.toml").write_text(SHUT)
    wait_until(lambda: larder.get("/simple/").status == 401)


def statuses(larder: Larder, **headers: str) -> set[int]:
    return {larder.get(path, **headers).status for path in READS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_hash_lets_in_its_user_and_nobody_else(larder: Larder, kind: str) -> None:
    for _ in range(2):  # what is remembered is as what is not
        wait_until(lambda: statuses(larder, **basic(kind, PASSWORD)) == {200, 302}, 2)
        assert statuses(larder, **basic(kind, "wrong")) == {401}
        assert statuses(larder, **basic(f"no-{kind}", PASSWORD)) == {401}
    assert statuses(larder) == {401}


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_removed_is_out_within_a_second(larder: Larder, kind: str) -> None:
    """And who comes back is in, whatever was found meanwhile."""
    file = larder.data / "auth/.htpasswd"
    before = file.read_bytes()
    without = b"".join(line for line in before.splitlines(keepends=True) if not line.startswith(kind.encode() + b":"))
    assert statuses(larder, **basic(kind, PASSWORD)) == {200, 302}
    file.write_bytes(without)
    wait_until(lambda: statuses(larder, **basic(kind, PASSWORD)) == {401}, 1.5)
    file.write_bytes(before)
    wait_until(lambda: statuses(larder, **basic(kind, PASSWORD)) == {200, 302}, 1.5)


@pytest.mark.parametrize("kind", CHEAP)
def test_who_has_a_cheap_hash_reads_while_both_programs_stand_still(larder: Larder, kind: str) -> None:
    wait_until((readers_in(larder.paths) / kind).exists)
    with larder.without("indexer", "uploader"):
        assert statuses(larder, **basic(kind, PASSWORD)) == {200, 302}
        assert larder.get("/simple/nope/", **basic(kind, PASSWORD)).status == 404
        assert statuses(larder) == {401}


def test_nginx_knows_no_other_users_and_no_other_hashes(larder: Larder) -> None:
    """So that it can never be made to check what is slow: not even the file's name is in its hands."""
    cheap = {USER, *CHEAP, *(f"quiet-{kind}" for kind in CHEAP)}
    wait_until(lambda: {path.name for path in readers_in(larder.paths).iterdir()} == cheap)
    lines = b"".join(path.read_bytes() for path in readers_in(larder.paths).iterdir()).splitlines()
    assert all(re.match(rb"[\w.@-]+:\{(?:SSHA|SHA|PLAIN)\}", line) for line in lines)
    code = "\n".join(line.partition("#")[0] for line in (HERE / "nginx/nginx.conf").read_text().splitlines())
    assert "htpasswd" not in code


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_was_let_in_reads_while_both_programs_stand_still(larder: Larder, kind: str) -> None:
    login = basic(f"quiet-{kind}", PASSWORD)
    before = set(list_admitted(larder.paths.admitted))
    assert statuses(larder, **login) == {200, 302}
    wait_until(lambda: set(list_admitted(larder.paths.admitted)) - before)
    with larder.without("indexer", "uploader"):
        assert statuses(larder, **login) == {200, 302}
        assert larder.get("/simple/nope/", **login).status == 404
        assert statuses(larder) == {401}


def test_without_their_files_users_are_asked_about(larder: Larder) -> None:
    """The uploader makes the files again; where it stands still nobody gets in that it did not let in."""
    readers = readers_in(larder.paths)
    wait_until((readers / "SSHA").exists)
    with larder.without("uploader"):
        shutil.rmtree(readers)
        for link in list_admitted(larder.paths.admitted):
            link.unlink()
        assert statuses(larder) == {401}
        login = basic("SSHA", PASSWORD)
        asking = threading.Thread(target=larder.get, args=("/simple/",), kwargs=login, daemon=True)
        asking.start()
        asking.join(0.3)
        assert asking.is_alive()
    wait_until((readers / "SSHA").exists)
    assert statuses(larder, **basic("SSHA", PASSWORD)) == {200, 302}


class Guessers:
    """Twenty clients that guess at one user's password until they are told to stop."""

    def __init__(self, larder: Larder, user: str) -> None:
        self._larder = larder
        self._user = user
        self._over = threading.Event()
        self.answers: Counter[int] = Counter()
        self._threads = [threading.Thread(target=self._guess, args=(number,)) for number in range(20)]

    def __enter__(self) -> "Guessers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _guess(self, client: int) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            answer = self._larder.get("/simple/demo/", **basic(self._user, f"guess {client} {number}"))
            assert answer.status == 401 or int(answer.headers["Retry-After"]) <= 10
            self.answers[answer.status] += 1
            self._over.wait(0.02)


def test_guessing_at_a_slow_hash_stops_nobody_else(larder: Larder, tmp_path: Path) -> None:
    """At bcrypt of cost 12, a quarter of a second each: far fewer are checked than come, and none by nginx."""
    with (larder.data / "auth/.htpasswd").open("a") as file:
        command = ["htpasswd", "-nbB", "-C", "12", "victim", PASSWORD]
        file.write(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() + "\n")
    with Guessers(larder, "victim") as guessers:
        for number in range(5):
            asked = guessers.answers.total()
            assert larder.get("/health").status == 200
            assert statuses(larder, **basic("SSHA", PASSWORD)) == {200, 302}
            assert statuses(larder, **basic("bcrypt", PASSWORD)) == {200, 302}  # it is remembered
            assert statuses(larder) == {401}
            body, headers = form(make_wheel(tmp_path, "while-guessing", f"1.{number}"))
            assert larder.request("POST", "/", body, headers | basic(USER, PASSWORD)).status == 200
            wait_until(lambda asked=asked: guessers.answers.total() >= asked + 100)  # type: ignore[misc]
    assert guessers.answers.keys() == {401, 429}
    assert guessers.answers[401] < 20 < guessers.answers[429]


def test_a_user_of_a_cheap_hash_who_is_guessed_at_still_reads(larder: Larder) -> None:
    """Although nginx is not to check the password any more, or guessing would cost nothing."""
    with Guessers(larder, "PLAIN") as guessers:
        wait_until(lambda: not (readers_in(larder.paths) / "PLAIN").exists())
        assert statuses(larder, **basic("SSHA", PASSWORD)) == {200, 302}
        wait_until(lambda: guessers.answers[429] > 100)
    assert guessers.answers.keys() == {401, 429}
    assert larder.get("/simple/", **basic("PLAIN", PASSWORD)).status == 429  # from the address of those who guessed


def test_boards_are_told_that_they_cannot_read(larder: Larder) -> None:
    assert ask(larder, "/demo/json").status == 401


def test_no_password_and_no_header_lies_anywhere(larder: Larder) -> None:
    login = basic("quiet-apr1", PASSWORD)
    assert larder.get("/simple/", **login).status == 200
    assert larder.get("/simple/", **basic("apr1", "a-wrong-password")).status == 401
    directory = larder.run.parent
    wait_until(lambda: list_admitted(larder.paths.admitted))
    paths = [path for name in ("tmp", "run") for path in (directory / name).rglob("*")]
    content = b"".join(path.read_bytes() for path in paths if path.is_file() and "PLAIN" not in path.name)
    kept = content + b"".join(map(bytes, paths)) + larder.log_file.read_bytes()
    for secret in (PASSWORD, "a-wrong-password", login["Authorization"].partition(" ")[2]):
        assert secret.encode() not in kept
