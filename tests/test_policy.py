"""`larder.toml` and `.htpasswd`: in force within a second, and never in doubt."""

import os
import pty
import subprocess
import time
from pathlib import Path

import pytest

from tests.archives import make_wheel
from tests.running import HERE, PASSWORD, USER, Answer, Larder, basic, form, run_tool, wait_until

SOON = 3.0  # seconds; promised is one


def set_policy(larder: Larder, text: str) -> None:
    (larder.data / "larder.toml").write_text(f"[repositories.default]\n{text}\n" if text else "")


def upload(larder: Larder, file: Path, headers: dict[str, str]) -> Answer:
    body, kind = form(file)
    return larder.request("POST", "/", body, kind | headers)


def reads(larder: Larder, **headers: str) -> set[int]:
    paths = ("/", "/simple/", "/simple/demo/", "/packages/demo-1.0-py3-none-any.whl", "/demo/", "/demo/json",
             "/simple/nope/", "/-/larder.css", "/packages/demo-1.0-py3-none-any.whl.metadata", "/Demo/")  # fmt: skip
    return {larder.get(path, **headers).status for path in paths}


def test_closed_reading_needs_a_user_everywhere_and_at_once(larder: Larder) -> None:
    wheel = make_wheel(larder.packages, "demo", "1.0")
    larder.wait_listed("demo", wheel)
    assert 401 not in reads(larder)
    set_policy(larder, 'download = ["authenticated"]')
    wait_until(lambda: reads(larder) == {401}, SOON)
    assert larder.get("/simple/demo/").headers["WWW-Authenticate"] == 'Basic realm="pypi"'
    assert reads(larder, **basic(USER, "wrong")) == {401}
    assert 401 not in reads(larder, **basic(USER, PASSWORD))
    assert larder.get("/health").status == 200
    with larder.without("indexer", "uploader"):
        assert larder.get("/simple/demo/").status == 401
        assert larder.get("/simple/demo/", **basic(USER, PASSWORD)).status == 200
    set_policy(larder, "")
    wait_until(lambda: larder.get("/simple/demo/").status == 200, SOON)


def test_a_closed_larder_stays_closed_while_its_pages_are_gone(larder: Larder) -> None:
    set_policy(larder, 'download = ["authenticated"]')
    wheel = make_wheel(larder.packages, "demo", "1.0")
    wait_until(lambda: larder.get("/simple/").status == 401, SOON)
    larder.stop()
    for name in ("site", "state"):
        subprocess.run(["rm", "-r", str(larder.data / name)], check=True)
    (larder.data / "larder.toml").write_text("download = [\n")
    larder.start()
    assert larder.get(f"/packages/{wheel.name}").status == 401
    assert larder.get("/simple/").status == 401


def test_anyone_may_upload_where_the_policy_says_so(larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "open", "1.0")
    assert upload(larder, wheel, {}).status == 401
    set_policy(larder, 'upload = ["anonymous"]')
    assert upload(larder, wheel, {}).status == 200
    assert upload(larder, wheel, basic("foo", "bar")).status == 200
    set_policy(larder, "upload = []")
    answer = upload(larder, wheel, basic(USER, PASSWORD))
    assert (answer.status, "nobody" in answer.reason) == (403, True)


def test_other_bytes_replace_a_file_where_overwriting_is_on(larder: Larder, tmp_path: Path) -> None:
    first = make_wheel(tmp_path / "1", "over", "1.0")
    second = make_wheel(tmp_path / "2", "over", "1.0", {"second.py": b""})
    assert upload(larder, first, basic(USER, PASSWORD)).status == 200
    assert "immutable" in larder.get(f"/packages/{first.name}").headers["Cache-Control"]
    set_policy(larder, "overwrite = true")
    assert upload(larder, second, basic(USER, PASSWORD)).status == 200
    larder.wait_listed("over", second)
    assert larder.get(f"/packages/{first.name}").body == second.read_bytes()
    wait_until(lambda: "immutable" not in larder.get(f"/packages/{first.name}").headers["Cache-Control"], SOON)


def test_the_limit_follows_the_policy(larder: Larder, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "limit", "1.0", {"noise": os.urandom(50_000)})
    before = larder.snapshot()
    for limit in ("20 KB", "48 KB"):  # the one is seen from the length of the form, the other only by counting
        set_policy(larder, f'max_upload = "{limit}"')
        answer = upload(larder, wheel, basic(USER, PASSWORD))
        assert (answer.status, f"max_upload = {limit}" in answer.reason) == (413, True)
        (larder.data / "larder.toml").unlink()
        assert larder.snapshot() == before
    set_policy(larder, 'max_upload = "60 KB"')
    assert upload(larder, wheel, basic(USER, PASSWORD)).status == 200


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('download = ["everyone"]', "line 2: download = ['everyone']; expected"),
        ('\nuploads = ["anonymous"]', "line 3: 'uploads' is no key; expected"),
        ("overwrite = 1", "line 2: overwrite = 1; expected true or false"),
        ('max_upload = "much"', "line 2: max_upload = 'much'; expected a size"),
        ("overwrite = ", "line 2: "),
    ],
)
def test_a_policy_that_cannot_be_used_leaves_the_one_before_in_force(
    larder: Larder, tmp_path: Path, bad: str, reason: str
) -> None:
    set_policy(larder, 'download = ["authenticated"]\nupload = ["anonymous"]')
    wait_until(lambda: larder.get("/simple/").status == 401, SOON)
    assert upload(larder, make_wheel(tmp_path, "one", "1.0"), {}).status == 200
    set_policy(larder, bad)
    wait_until(lambda: f"{larder.data}/larder.toml, {reason}" in larder.log, SOON)
    for _ in range(2):  # also after a restart
        assert upload(larder, make_wheel(tmp_path, "two", "1.0"), {}).status == 200
        assert larder.get("/simple/").status == 401
        larder.stop()
        larder.start()


@pytest.mark.parametrize("option", [[], ["-s"], ["-m"], ["-B"], ["-2"], ["-5"]], ids="".join)
def test_htpasswd_works_for_uploads_and_for_reading(larder: Larder, tmp_path: Path, option: list[str]) -> None:
    file = str(larder.data / "auth/.htpasswd")
    subprocess.run(["htpasswd", *option, "-b", file, "bob", "s3cret"], check=True, capture_output=True)
    set_policy(larder, 'download = ["authenticated"]')
    assert upload(larder, make_wheel(tmp_path, "demo", "1.0"), basic("bob", "s3cret")).status == 200
    assert upload(larder, make_wheel(tmp_path, "demo", "2.0"), basic("bob", "wrong")).status == 401
    wait_until(lambda: larder.get("/simple/").status == 401, SOON)
    assert larder.get("/simple/", **basic("bob", "s3cret")).status == 200
    assert larder.get("/simple/", **basic("bob", "wrong")).status == 401


def test_a_bad_line_disables_that_user_only(larder: Larder, tmp_path: Path) -> None:
    with (larder.data / "auth/.htpasswd").open("a") as file:
        file.write("bad\nworse:nonsense\n:empty\n\n# a comment\n")
    assert upload(larder, make_wheel(tmp_path, "demo", "1.0"), basic("worse", "nonsense")).status == 401
    assert upload(larder, make_wheel(tmp_path, "demo", "1.0"), basic(USER, PASSWORD)).status == 200


def test_users_come_change_and_go_at_once(larder: Larder, tmp_path: Path) -> None:
    data = ["--data", str(larder.data)]
    wheel = make_wheel(tmp_path, "demo", "1.0")
    larder.add_user("zoe", "first")
    assert run_tool("-m", "uploader.users", *data, "list").stdout.split() == [USER, "zoe"]
    assert upload(larder, wheel, basic("zoe", "first")).status == 200
    larder.add_user("zoe", "second")
    assert upload(larder, wheel, basic("zoe", "first")).status == 401
    assert upload(larder, wheel, basic("zoe", "second")).status == 200
    run_tool("-m", "uploader.users", *data, "remove", "zoe")
    assert upload(larder, wheel, basic("zoe", "second")).status == 401


@pytest.mark.parametrize(
    ("arguments", "password", "reason"),
    [
        (["add", "a:b"], "x\n", "'a:b' is no user name"),
        (["add", "ann"], "\n", "this password"),
        (["add", "ann"], "pässword\n", "this password"),
        (["remove", "nobody"], "", "'nobody' is no user"),
    ],
)
def test_a_user_that_cannot_be_is_refused(tmp_path: Path, arguments: list[str], password: str, reason: str) -> None:
    stdin = ["--stdin"] if arguments[0] == "add" else []
    command = ["-m", "uploader.users", "--data", str(tmp_path), *arguments, *stdin]
    done = run_tool(*command, stdin=password, check=False)
    assert (done.returncode, reason in done.stderr, done.stderr.count("\n")) == (1, True, 1)
    assert (tmp_path / "auth/.htpasswd").read_text() == ""


def test_scripts_user_asks_for_the_password_twice(tmp_path: Path) -> None:
    def add(*typed: str) -> str:
        leader, follower = pty.openpty()
        command = [str(HERE / "scripts/user"), "--data", str(tmp_path), "add", "ann"]
        process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, start_new_session=True)
        said = ""
        for question, answer in zip(("Password: ", "Again: "), typed, strict=True):
            said += read_until(leader, question)
            os.write(leader, answer.encode() + b"\n")
        process.wait(10)
        said += os.read(leader, 1000).decode()
        return said

    assert "differ" in add("one", "two")
    assert (tmp_path / "auth/.htpasswd").read_text() == ""
    add("same", "same")
    assert (tmp_path / "auth/.htpasswd").read_text().startswith("ann:{SSHA}")


def read_until(descriptor: int, text: str) -> str:
    said = ""
    deadline = time.monotonic() + 20
    while text not in said:
        assert time.monotonic() < deadline, said
        said += os.read(descriptor, 1000).decode()
    return said


def test_a_policy_that_is_being_replaced_opens_nothing(larder: Larder) -> None:
    closed = '[repositories.default]\ndownload = ["authenticated"]\n'
    policy = larder.data / "larder.toml"
    policy.write_text(closed)
    wait_until(lambda: larder.get("/simple/").status == 401, SOON)
    until = time.monotonic() + 2
    while time.monotonic() < until:
        policy.write_text("")  # as an editor leaves it for a moment
        assert larder.get("/simple/").status == 401
        policy.unlink()
        assert larder.get("/simple/").status == 401
        policy.write_text(closed)
