"""Tokens: made once, sent as the password of `__token__`, and out of force when they end or are removed."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import uploader.auth.tokens
from tests.archives import make_wheel
from tests.running import Larder, basic, run_tool, running_in, wait_until
from tests.uploader.test_commands import larder as command
from uploader.auth.tokens import Token, make_token, parse_tokens, render_token

POLICY = """[repositories.default]
download = ["authenticated"]
upload = []
[repositories.team]
"""


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    """A closed one with two repositories; nobody may upload but by a token."""
    directory = tmp_path_factory.mktemp("tokens")
    with running_in(directory) as found:
        found.add_user("ann")
        (found.data / "larder.toml").write_text(POLICY)
        wait_until(lambda: found.get("/repositories/team/simple/").status == 401)
        yield found


def test_a_token_does_what_it_was_made_for_and_nothing_else(larder: Larder, tmp_path: Path) -> None:
    reading = larder.add_token("reading", "--repository", "team", "--download")
    writing = larder.add_token("writing", "--repository", "team", "--upload", "--days", "30")
    wheel = make_wheel(tmp_path, "tokened", "1.0")
    assert larder.upload(wheel, "/repositories/team/", reading).status == 403
    assert larder.upload(wheel, "/", writing).status == 403
    assert larder.upload(wheel, "/repositories/team/", writing).status == 200
    paths = ("/simple/", "/simple/tokened/", f"/packages/{wheel.name}", f"/packages/{wheel.name}.metadata", "/")
    said = len(larder.log)
    for _ in range(3):  # also by the way that is made for it
        for path in paths:
            assert larder.get(f"/repositories/team{path}", **reading).status == 200, path
            assert larder.get(f"/repositories/team{path}", **writing).status == 403, path
            assert larder.get(path, **reading).status == 403, path
    assert "wrong user name or password" not in larder.log[said:]
    assert larder.request("DELETE", f"/repositories/team/packages/{wheel.name}", headers=writing).status == 403
    deleting = larder.add_token("deleting", "--delete")
    assert larder.request("DELETE", f"/repositories/team/packages/{wheel.name}", headers=deleting).status == 200


def test_every_client_sends_it(larder: Larder, tmp_path: Path) -> None:
    code, said = command(larder.data, "token", "add", "clients", "--download", "--upload")
    assert code == 0
    secret, wheel = said.strip(), make_wheel(tmp_path, "by-twine", "1.0")
    options = ("--disable-progress-bar", "--non-interactive", "-u", "__token__", "-p", secret)
    run_tool("-m", "twine", "upload", *options, "--repository-url", f"{larder.url}/", str(wheel))
    url = f"http://__token__:{secret}@127.0.0.1:{larder.port}/simple/"
    pip = ("-m", "pip", "download", "--isolated", "--no-cache-dir", "--no-deps", "--index-url", url)
    run_tool(*pip, "--dest", str(tmp_path / "got"), "by-twine")
    assert (tmp_path / "got" / wheel.name).read_bytes() == wheel.read_bytes()
    assert secret not in larder.log


def test_what_it_may_is_taken_away_at_once(larder: Larder) -> None:
    login = larder.add_token("narrowed", "--download", "--upload")
    for _ in range(3):
        assert larder.get("/simple/", **login).status == 200
    file = larder.paths.tokens
    file.write_text(re.sub(r"(?m)^(narrowed:.*):download,upload:", r"\g<1>:upload:", file.read_text()))
    wait_until(lambda: larder.get("/simple/", **login).status == 403, 1.0)


def test_a_file_that_cannot_be_read_is_said(larder: Larder) -> None:
    login, file = larder.add_token("unread", "--download"), larder.paths.tokens
    aside = file.rename(file.with_name("aside"))
    file.mkdir()
    try:
        wait_until(lambda: larder.get("/health").status == 503)
        assert ".tokens" in larder.get("/health").text
        wait_until(lambda: larder.get("/simple/", **login).status == 503, 1.0)
    finally:
        file.rmdir()
    aside.rename(file)
    wait_until(lambda: larder.get("/health").status == 200)


def test_whoever_removes_it_ends_it_at_once(larder: Larder) -> None:
    login = larder.add_token("leaving", "--download")
    for _ in range(3):
        assert larder.get("/simple/", **login).status == 200
    assert command(larder.data, "token", "remove", "leaving") == (0, "")
    wait_until(lambda: larder.get("/simple/", **login).status == 401, 1.0)


def test_it_is_out_of_force_when_its_last_day_is_over(larder: Larder) -> None:
    login = larder.add_token("ending", "--download", "--days", "1")
    assert larder.get("/simple/", **login).status == 200
    yesterday, file = (datetime.now(UTC) - timedelta(days=1)).date(), larder.paths.tokens
    file.write_text(re.sub(r"(?m)^(ending:.*:)[0-9-]+$", rf"\g<1>{yesterday}", file.read_text()))
    wait_until(lambda: larder.get("/simple/", **login).status == 401, 1.0)
    assert f"ending * download until {yesterday}, ended\n" in command(larder.data, "token", "list")[1]


def test_the_last_second_counts_and_the_next_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Clock":
            return cls.fromisoformat(moment)

    monkeypatch.setattr(uploader.auth.tokens, "datetime", Clock)
    token = Token("x", "0" * 64, "team", frozenset(["upload"]), date(2030, 2, 28))
    moment = "2030-02-28T23:59:59.999+00:00"
    assert token.may("upload", "team")
    moment = "2030-03-01T00:00:00+00:00"
    assert not token.may("upload", "team")


@pytest.mark.parametrize("password", ["", "larder-", "x" * 300, "larder-" + "A" * 43])
def test_what_is_no_token_is_nobody(larder: Larder, password: str) -> None:
    answer = larder.get("/simple/", **basic("__token__", password))
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="pypi"')


def test_only_digests_are_kept_and_a_line_that_is_none_disables_itself(larder: Larder) -> None:
    code, said = command(larder.data, "token", "add", "kept", "--upload")
    assert code == 0
    content = larder.paths.tokens.read_text()
    assert said.strip() not in content
    assert larder.paths.tokens.stat().st_mode & 0o777 == larder.paths.htpasswd.stat().st_mode & 0o777
    login = larder.add_token("beside", "--download")
    with larder.paths.tokens.open("a") as file:
        file.write("broken:123:*:upload:\n")
    number = len(larder.paths.tokens.read_text().splitlines())
    wait_until(lambda: f".tokens, line {number}: no token" in larder.get("/health").text)
    assert larder.get("/simple/", **login).status == 200
    code, said = command(larder.data, "check")
    assert (code, f".tokens, line {number}: no token" in said) == (2, True)
    assert command(larder.data, "token", "remove", "beside")[0] == 0
    assert "broken:123" in larder.paths.tokens.read_text()
    larder.paths.tokens.write_text("")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("x",), "this token could do nothing; expected --download, --upload, --delete"),
        (("a b", "--upload"), "'a b' is no name for a token"),
        (("a:b", "--upload"), "'a:b' is no name for a token"),
        (("x", "--upload", "--repository", "No/Such"), "'No/Such' is no name of a repository"),
        (("x", "--upload", "--days", "0"), "--days 0; expected 1 to"),
        (("twice", "--upload"), "there is a token 'twice' already"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(tmp_path: Path, arguments: tuple[str, ...], reason: str) -> None:
    (tmp_path / "packages").mkdir()
    assert command(tmp_path, "token", "add", "twice", "--download")[0] == 0
    before = (tmp_path / "auth/.tokens").read_text()
    code, said = command(tmp_path, "token", "add", *arguments)
    assert (code, reason in said, said.count("\n")) == (1, True, 1), said
    assert command(tmp_path, "token", "remove", "nothing")[0] == 1
    assert (tmp_path / "auth/.tokens").read_text() == before


def test_a_line_is_read_as_it_was_written() -> None:
    for last in (None, date(2030, 1, 2)):
        secret, token = make_token("ci", "team", frozenset(["upload", "download"]), last)
        assert parse_tokens(render_token(token).encode()) == ([token], [])
        assert secret.startswith("larder-")
    tokens, unusable = parse_tokens(
        b"# note\n\na:" + b"0" * 64 + b":*:fly:\nb:" + b"0" * 64 + b":*:upload:2030-99-01\n\xff"
    )
    assert (tokens, unusable) == ([], [3, 4, 5])
