"""Who may do what, on a running Larder: users of every kind, verbs and paths, each asked."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.archives import make_sdist, make_wheel
from tests.nginx.users import CHEAP, KINDS, add_user
from tests.running import PASSWORD, Larder, basic, running_in, wait_until

FOUND = ("/", "/simple/", "/simple/demo/", "/demo/", "/demo/json", "/packages/demo-1.0-py3-none-any.whl",
         "/packages/demo-1.0-py3-none-any.whl.metadata")  # fmt: skip
MISSING = ("/simple/nope/", "/nope/", "/nope/json", "/packages/nope-1.0.tar.gz", "/packages/nope-1.0.whl.metadata")
ELSEWHERE = "elsewhere"  # a kind of user that a command knows, and .htpasswd does not
ALL_KINDS = (*KINDS, ELSEWHERE)
WHO = "who"  # the command, beside the data directory
KNOWS = f"""#!/bin/sh
IFS= read -r name; IFS= read -r password
case $name:$password in *-{ELSEWHERE}:{PASSWORD}) ;; *) exit 1 ;; esac
"""
AT = ("", "/repositories/team")  # whose table says nothing: all is as in the default repository
ROLES = ("reader", "writer", "other")
CLOSED = """
download = ["@readers", "@writers"]
upload = ["@writers"]
delete = ["@writers"]
[repositories.team]
"""
OPEN = 'upload = ["@writers"]\ndelete = ["@writers"]\n[repositories.team]\n'


def names(role: str) -> str:
    return ", ".join(f'"{role}-{kind}"' for kind in ALL_KINDS)


GROUPS = f"[groups]\nreaders = [{names('reader')}]\nwriters = [{names('writer')}]\n"


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    """One project, and a user in each role for each kind of hash."""
    directory = tmp_path_factory.mktemp("rights")
    (directory / WHO).write_text(KNOWS)
    (directory / WHO).chmod(0o755)
    with running_in(directory) as found:
        for role in ROLES:
            for kind in KINDS:
                add_user(found, kind, f"{role}-{kind}")
        rule(found, OPEN)
        wait_until(found.paths.repository("team").packages.exists)
        for packages in (found.packages, found.paths.repository("team").packages):
            make_wheel(packages, "demo", "1.0")
            make_sdist(packages, "demo", "1.0")
        wait_until(lambda: all(found.get(f"{at}{path}").status in (200, 302) for at in AT for path in FOUND))
        yield found


def command(larder: Larder) -> Path:
    return larder.data.with_name(WHO)


def rule(larder: Larder, rights: str, kind: str = "") -> None:
    asked = f"[authentication]\ncommand = ['{command(larder)}']\n" if kind == ELSEWHERE else ""
    larder.rule(f"{GROUPS}{asked}[repositories.default]\n{rights}")


def reads(larder: Larder, paths: tuple[str, ...], login: Mapping[str, str]) -> set[int]:
    return {larder.get(path, **login).status for path in paths}


def changes(larder: Larder, at: str, login: Mapping[str, str]) -> set[int]:
    """The answers to removing and yanking what is not there."""
    path = f"{at}/packages/nope-1.0.tar.gz"
    asked = (("DELETE", path), ("PUT", f"{path}.yanked"), ("DELETE", f"{path}.yanked"))
    return {larder.request(method, address, b"", login).status for method, address in asked}


def table(larder: Larder, wheel: Path, login: Mapping[str, str]) -> tuple[set[int], set[int], int, set[int]]:
    """The answers to reads of what is there, and of what is not, to an upload, and to changes: in each repository."""
    answers = [
        (
            reads(larder, tuple(at + path for path in (*FOUND, "/index_mtime/", "/index_mtime")), login),
            reads(larder, tuple(at + path for path in MISSING), login),
            larder.upload(wheel, f"{at}/", login).status,
            changes(larder, at, login),
        )
        for at in AT
    ]
    assert answers[0] == answers[1]
    return answers[0]


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_right_is_for_whom_the_policy_names_and_for_nobody_else(
    larder: Larder, tmp_path: Path, kind: str
) -> None:
    wheel = make_wheel(tmp_path, f"of-{kind}", "1.0")
    rule(larder, CLOSED, kind)
    for _ in range(2):  # what is remembered is as what is not
        assert table(larder, wheel, basic(f"reader-{kind}", PASSWORD)) == ({200, 302}, {404}, 403, {403})
        assert table(larder, wheel, basic(f"writer-{kind}", PASSWORD)) == ({200, 302}, {404}, 200, {404})
        assert table(larder, wheel, basic(f"other-{kind}", PASSWORD)) == ({403}, {403}, 403, {403})
        assert table(larder, wheel, basic(f"other-{kind}", "wrong")) == ({401}, {401}, 401, {401})
        assert table(larder, wheel, {}) == ({401}, {401}, 401, {401})


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_reading_may_be_open_and_uploading_for_named_ones(larder: Larder, tmp_path: Path, kind: str) -> None:
    wheel = make_wheel(tmp_path, f"open-{kind}", "1.0")
    rule(larder, OPEN, kind)
    for user, uploads, removes in (("writer", 200, 404), ("reader", 403, 403), ("other", 403, 403)):
        assert table(larder, wheel, basic(f"{user}-{kind}", PASSWORD)) == ({200, 302}, {404}, uploads, {removes})
    assert table(larder, wheel, {}) == ({200, 302}, {404}, 401, {401})


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_right_that_is_taken_away_is_gone_within_a_second(larder: Larder, kind: str) -> None:
    login, other = basic(f"reader-{kind}", PASSWORD), basic(f"other-{kind}", PASSWORD)
    rule(larder, CLOSED, kind)
    assert reads(larder, FOUND, login) == {200, 302}
    rule(larder, f'download = ["other-{kind}"]\n', kind)
    wait_until(lambda: reads(larder, FOUND, login) == {403}, 1.0)
    assert reads(larder, FOUND, other) == {200, 302}
    rule(larder, CLOSED, kind)
    wait_until(lambda: reads(larder, FOUND, other) == {403}, 1.0)


@pytest.mark.parametrize("kind", CHEAP)
def test_who_is_named_reads_while_both_programs_stand_still(larder: Larder, kind: str) -> None:
    rule(larder, CLOSED)
    wait_until((larder.paths.policy_in_force / f"default/readers/reader-{kind}").exists)
    with larder.without("indexer", "uploader"):
        assert reads(larder, FOUND, basic(f"reader-{kind}", PASSWORD)) == {200, 302}
        assert reads(larder, FOUND, {}) == {401}


def test_whoever_there_is_not_is_said_with_the_line_and_in_health_without_the_name(larder: Larder) -> None:
    rule(larder, 'upload = ["writer-SHA", "writer-SSA", "@writer"]\n')
    policy = larder.data / "larder.toml"
    line = policy.read_text().splitlines().index('upload = ["writer-SHA", "writer-SSA", "@writer"]') + 1
    wait_until(lambda: f"{policy}, line {line}: there is no user 'writer-SSA'; expected one of" in larder.log)
    wait_until(lambda: f"{policy}, line {line}: there is no group '@writer'; expected @readers, @wri" in larder.log)
    health = larder.get("/health")
    assert health.status == 200
    assert f"larder.toml, line {line}: a user or group that there is not" in health.text
    assert "writer" not in health.text
    add_user(larder, "SHA", "writer-SSA")
    rule(larder, 'upload = ["writer-SHA", "writer-SSA"]\n')
    wait_until(lambda: larder.get("/health").text == "ok\n")
