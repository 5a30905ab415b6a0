"""Who may read: what the ways of the policy in force, nginx's own check and the uploader's word make of it."""

import base64
import hashlib
import re
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store.file_store import name_of_store
from store.policy import ANONYMOUS, AUTHENTICATED
from tests.archives import make_sdist, make_wheel
from tests.nginx.alone import Asked, Reply, Site
from tests.nginx.users import readers_in
from tests.running import HERE, PASSWORD, USER, Answer, basic, wait_until
from uploader.auth.admissions import Admissions, list_admitted
from uploader.auth.hashes import hash_password
from uploader.auth.passwords import Proof
from uploader.auth.readers import NAME

READS = ("/project/demo/", "/project/demo/1.0/", "/-/projects/", "/-/projects.json", "/-/feed.atom",
         "/project/demo/feed.atom", "/pypi/demo/json", "/pypi/demo/1.0/json",
         "/", "/simple/", "/simple/demo/", "/packages/demo-1.0-py3-none-any.whl", "/demo/", "/demo", "/demo/json",
         "/demo==1.0/json", "/demo==9/json", "/Demo/json", "/simple/nope/", "/-/larder.css", "/Demo/", "/simple/foo-/",
         "/packages/demo-1.0-py3-none-any.whl.metadata", "/packages/odd.directory/demo-2.0-py3-none-any.whl",
         "/packages/demo-1.0.tar.gz.asc", "/packages/demo-1.0.tar.gz.provenance",
         "/packages/nope-1.0-py3-none-any.whl", "/packages/x.part", "/packages/",
         "/simple/a/b", "/nowhere/at/all", "/mip/package/6/demo/1.0.json", "/mip/package/py/Demo/latest.json",
         f"/mip/file/ab/{'ab' * 32}", "/upip/demo-1.0.tar.gz", "/upip/demo/1.0.tar.gz",
         "/packages/odd.directory/demo-2.0-py3-none-any.whl.metadata")  # fmt: skip
THERE = [path for path in READS if not re.search("nope|nowhere|foo-|part|==9|a/b|Demo|s/$|mip/|upip/demo/", path)]
ANN = basic(USER, PASSWORD)


@pytest.fixture
def site(site: Site) -> Site:
    make_wheel(site.packages, "demo", "1.0")
    make_wheel(site.packages / "odd.directory", "demo", "2.0")
    make_sdist(site.packages, "demo", "1.0")
    (site.packages / "demo-1.0.tar.gz.asc").write_text("signed")
    (site.packages / "demo-1.0.tar.gz.provenance").write_text("{}")
    site.render()
    site.know({USER: hash_password(PASSWORD)})
    return site


def reads(site: Site, **headers: str) -> set[int]:
    return {site.get(path, **headers).status for path in READS}


def deny(status: int, **headers: str) -> Callable[[Asked], Reply]:
    """The uploader's word against everybody."""
    said = {"X-Larder-Denial": str(status), "X-Larder-Reason": f"because of {status}"} | headers
    return lambda asked: (403, said, b"") if asked.path == "/.may-read" else (404, {}, b"")


def allow(asked: Asked) -> Reply:
    """The uploader's word for everybody, without making a way for them."""
    return (204, {}, b"") if asked.path == "/.may-read" else (404, {}, b"")


def admit(site: Site, user: str = "bob") -> Callable[[Asked], Reply]:
    """The same, with a way for each who asks."""
    admissions, one_by_one = Admissions(site.paths), threading.Lock()
    admissions.clear()

    def answer(asked: Asked) -> Reply:
        with one_by_one:
            name = asked.headers.get("X-Larder-Credentials", "")
            admissions.admit(name, "default", site.policy, Proof(user, b"", "127.0.0.1"))
        return allow(asked)

    return answer


def stands_for(Authorization: str) -> str:
    """What nginx calls it where it comes from this machine."""
    return hashlib.md5(b"of this test" + bytes((127, 0, 0, 1)) + f" {Authorization}".encode()).hexdigest()


def questions(site: Site) -> list[Asked]:
    return [asked for asked in site.asked if asked.path == "/.may-read"]


def test_closed_reading_needs_a_user_everywhere_and_at_once(site: Site) -> None:
    assert reads(site) <= {200, 302, 404}
    asked = len(site.asked)
    site.allow(AUTHENTICATED)
    answers = [site.get(path) for path in READS]
    assert {answer.status for answer in answers} == {401}
    assert {answer.text for answer in answers} == {"reading needs a user name and a password\n"}
    assert [answer.headers.get_all("WWW-Authenticate") for answer in answers] == [['Basic realm="pypi"']] * len(READS)
    assert len(site.asked) == asked  # and nobody else is asked either
    assert 401 not in reads(site, **ANN)
    site.allow(ANONYMOUS)
    assert reads(site) <= {200, 302, 404}


FOR_BOARDS = [path for path in READS if re.match("/(mip|upip)/|/[Dd]emo.*/json$", path)]


@pytest.mark.parametrize("who", [(AUTHENTICATED,), ()])
def test_what_boards_read_can_be_open_and_nothing_else_is(site: Site, who: tuple[str, ...]) -> None:
    site.allow(*who)
    assert {site.get(path).status for path in FOR_BOARDS} == {401}
    site.allow(*who, boards_open=True)
    assert {site.get(path).status for path in FOR_BOARDS} <= {200, 404}
    assert site.get("/upip/demo-1.0.tar.gz").body == (site.packages / "demo-1.0.tar.gz").read_bytes()
    assert {site.get(path).status for path in READS if path not in FOR_BOARDS} == {401}
    closed = (
        "/upip/demo-1.0-py3-none-any.whl", "/upip/../packages/demo-1.0.tar.gz", "/pypi/demo/json", "/upip/demo/json",
        "/mip/../simple/demo/", "/upip/.removed/demo-1.0.tar.gz", "/mip/file/ab/abcd", "/upip/demo-1.0.tar.gz.asc",
    )  # fmt: skip
    assert {site.get(path).status for path in closed} == {401}


def test_where_nobody_may_read_nobody_does(site: Site) -> None:
    site.allow()
    assert reads(site) == {401}
    site.reply = deny(403)
    assert reads(site, **ANN) == {403}


def test_all_is_closed_where_no_policy_is_in_force(site: Site) -> None:
    site.reply = deny(503)
    for gone in (site.paths.policy_in_force / site.paths.default.name, site.paths.policy_in_force, site.paths.run):
        shutil.rmtree(gone)
        assert reads(site) == {401}
        assert reads(site, **ANN) == {503}


@pytest.mark.parametrize("part", ["readers", "asked/pages", "asked/packages"])
def test_whatever_is_missing_of_the_way_opens_nothing(site: Site, part: str) -> None:
    site.allow(AUTHENTICATED)
    site.reply = deny(401)
    (site.paths.policy_in_force / site.paths.default.name / part).unlink()
    assert reads(site) == {401}
    assert not {200, 206} & {site.get(path, **basic(USER, "wrong")).status for path in READS}


def test_closing_is_in_force_for_the_next_read_whatever_nginx_holds_open(site: Site) -> None:
    for _ in range(20):
        site.allow(ANONYMOUS)
        assert {site.get(path).status for path in THERE} <= {200, 302}
        site.allow(AUTHENTICATED)
        assert reads(site) == {401}


def test_closed_reading_closes_neither_health_nor_uploads(site: Site) -> None:
    site.allow()
    site.reply = lambda _: (200, {}, b"ok\n")
    assert site.get("/health").text == "ok\n"
    assert site.request("POST", "/", b"x", basic("who", "ever")).status == 200  # the uploader knows who may
    assert site.asked[-1].headers["Authorization"] == basic("who", "ever")["Authorization"]


SHA1 = base64.b64encode(hashlib.sha1(b"s3cret").digest())


@pytest.mark.parametrize(
    "hashed", [b"{PLAIN}s3cret", b"{SHA}" + SHA1, hash_password("s3cret").encode()], ids=["PLAIN", "SHA", "SSHA"]
)
def test_who_has_a_cheap_hash_reads_also_while_the_uploader_is_gone(site: Site, hashed: bytes) -> None:
    site.allow(AUTHENTICATED)
    users = ("bob", "b@b.example", "0", "with blank", "zoë")
    site.know(dict.fromkeys(users, hashed))
    site.paths.socket.unlink()
    for user in users:
        assert {site.get(path, **basic(user, "s3cret")).status for path in THERE} == {200, 302}
        assert site.get("/simple/nope/", **basic(user, "s3cret")).status == 404
        assert site.get("/packages/nope-1.0.tar.gz", **basic(user, "s3cret")).status == 404
    for wrong in (basic("bob", "wrong"), basic("nobody", "s3cret"), basic("bob", "")):
        answers = [site.get(path, **wrong) for path in READS]
        assert {answer.status for answer in answers} == {503}
        assert {answer.text for answer in answers} == {
            "the uploader does not answer, and nobody else can check this password\n"
        }
    assert reads(site) == {401}


def test_who_is_withdrawn_is_out_at_once(site: Site) -> None:
    site.allow(AUTHENTICATED)
    site.reply = deny(401)
    assert 200 in reads(site, **ANN)
    site.know({})
    assert reads(site, **ANN) == {401}


def test_a_users_file_that_cannot_be_read_lets_nobody_in(site: Site) -> None:
    site.allow(AUTHENTICATED)
    site.reply = deny(401)
    for content in ("", "ann:", "ann:{SSHA}", "other:{PLAIN}x"):
        (readers_in(site.paths) / USER).write_text(content)
        assert reads(site, **ANN) == {401}
    (readers_in(site.paths) / USER).unlink()
    (readers_in(site.paths) / USER).mkdir()  # root may read whatever is readable
    assert min(reads(site, **ANN)) >= 401


@pytest.mark.parametrize(
    "name", ["../readers/ann", ".", "..", "/etc/passwd", "ann/", ".ann", "a" * 201, "a\x7f", "a\n"]
)
def test_no_name_leads_to_another_file(site: Site, name: str) -> None:
    site.allow(AUTHENTICATED)
    site.reply = deny(401)
    (readers_in(site.paths).parent / "passwd").write_text(f"{name}:{{PLAIN}}x\n")
    for path in (readers_in(site.paths) / ".ann", readers_in(site.paths) / "ann"):
        path.write_text(f"{name}:{{PLAIN}}x\n")
    assert reads(site, **basic(name, "x")) == {401}
    assert len(questions(site)) == len(READS)


def test_nginx_and_the_uploader_agree_on_whose_file_there_is() -> None:
    found = re.search(r'"~\^\(\?<name_given>(.*?)\)\\z"', (HERE / "nginx/nginx.conf").read_text())
    assert found is not None
    assert found[1].encode() == NAME.pattern


@pytest.mark.parametrize("status", [401, 403, 429, 503])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_the_uploader_says_is_handed_over(site: Site, status: int, method: str) -> None:
    site.allow(AUTHENTICATED)
    site.reply = deny(status, **{"Retry-After": "7"} if status in (429, 503) else {})
    for path in READS:
        answer = site.request(method, path, headers=basic("bob", "x"))
        assert answer.status == status
        assert answer.headers["Retry-After"] == ("7" if status in (429, 503) else None)
        assert answer.headers.get_all("WWW-Authenticate") == (['Basic realm="pypi"'] if status == 401 else None)
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.text == ("" if method == "HEAD" else f"because of {status}\n")


def test_a_wrong_password_looks_as_that_of_nobody(site: Site) -> None:
    """So that nothing tells which users there are, nor of what kind their hashes are."""
    site.allow(AUTHENTICATED)
    site.reply = deny(401)
    for path in READS:
        known, unknown = (site.get(path, **basic(user, "wrong")) for user in (USER, "nobody"))
        assert seen(known) == seen(unknown)
    assert len(questions(site)) == 2 * len(READS)


def seen(answer: Answer) -> tuple[object, ...]:
    headers = [(name, value) for name, value in answer.headers.items() if name != "Date"]
    return answer.status, answer.reason, headers, answer.body


@pytest.mark.parametrize(
    "said", [(404, {}, b""), (500, {}, b"x"), (302, {"Location": "/"}, b""), (401, {}, b""), (403, {}, b"")]
)
def test_what_nobody_expects_the_uploader_to_say_opens_nothing(site: Site, said: Reply) -> None:
    site.allow(AUTHENTICATED)
    site.reply = lambda _: said
    for path in READS:
        assert site.get(path, **basic("bob", "x")).status >= 401


def test_who_was_let_in_once_is_not_asked_about_again(site: Site) -> None:
    """Nor is the uploader needed any more, until the way is gone."""
    site.allow(AUTHENTICATED)
    site.reply = admit(site)
    assert site.get("/simple/demo/", **basic("bob", "x")).status == 200
    assert len(questions(site)) == 1
    site.paths.socket.unlink()
    assert {site.get(path, **basic("bob", "x")).status for path in THERE} == {200, 302}
    assert site.get("/simple/nope/", **basic("bob", "x")).status == 404
    assert site.get("/packages/nope-1.0.tar.gz", **basic("bob", "x")).status == 404
    assert reads(site, **basic("bob", "y")) == reads(site, **basic("eve", "x")) == {503}
    assert reads(site) == {401}
    [link] = list_admitted(site.paths.admitted)
    link.unlink()
    assert reads(site, **basic("bob", "x")) == {503}
    assert len(questions(site)) == 1


def test_a_way_is_for_one_password_from_one_address_to_one_repository(site: Site) -> None:
    site.allow(AUTHENTICATED)
    site.reply = admit(site)
    for login in (basic("bob", "x"), basic("bob", "y"), basic("eve", "x"), {"Authorization": "basic Ym9iOng="}):
        assert site.get("/simple/demo/", **login).status == 200
    names = {path.name for path in list_admitted(site.paths.admitted)}
    assert len(names) == len(questions(site)) == 4
    assert f"default@{stands_for(**basic('bob', 'x'))}" in names


def test_a_way_ends_where_the_policy_in_force_does(site: Site) -> None:
    site.allow(AUTHENTICATED)
    site.reply = admit(site)
    assert site.get("/simple/demo/", **basic("bob", "x")).status == 200
    site.reply = deny(403)
    site.allow()
    assert reads(site, **basic("bob", "x")) == {403}
    shutil.rmtree(site.paths.policy_in_force)
    assert reads(site, **basic("bob", "x")) == {403}


def test_who_has_a_cheap_hash_is_let_in_as_well(site: Site) -> None:
    """So that the password is not checked each time: the uploader is asked while the answer is on its way."""
    site.allow(AUTHENTICATED)
    site.reply = admit(site)
    for path in ("/simple/demo/", "/packages/demo-1.0-py3-none-any.whl"):
        site.reply = admit(site, USER)
        assert site.get(path, **ANN).status == 200
        wait_until(lambda: list_admitted(site.paths.admitted))
    assert len(questions(site)) == 2


def test_many_at_once_are_all_let_in(site: Site) -> None:
    """Also those whose way is made between two looks for it."""
    site.allow(AUTHENTICATED)
    for _ in range(5):
        site.reply = admit(site)
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: site.get("/simple/demo/", **basic("bob", "x")).status, range(64)))
        assert answers == [200] * 64


def test_what_was_denied_is_asked_again(site: Site) -> None:
    site.allow(AUTHENTICATED)
    site.reply = deny(401)
    for _ in range(3):
        assert site.get("/simple/demo/", **basic("bob", "x")).status == 401
    assert len(questions(site)) == 3


FREE = ("Cookie", "Accept-Encoding")


def test_the_uploader_is_told_who_asks_for_what_and_no_client_can_say_otherwise(site: Site) -> None:
    site.allow(AUTHENTICATED)
    site.reply = allow
    forged = {
        "X-Larder-Client": "10.9.8.7",
        "X-Larder-Path": "/x",
        "X-Larder-Repository": "other",
        "Cookie": "c",
        "X-Larder-Credentials": "0" * 32,
    }
    site.request("HEAD", "/simple/demo/?q=1", headers=basic("bob", "x") | forged)
    asked = questions(site)[0]
    assert asked.method == "GET"
    assert {name.lower(): value for name, value in asked.headers.items() if name not in FREE} == {
        "host": "uploader",
        "connection": "close",
        "authorization": basic("bob", "x")["Authorization"],
        "x-larder-client": "127.0.0.1",
        "x-larder-repository": "default",
        "x-larder-path": "/simple/demo/?q=1",
        "x-larder-credentials": stands_for(**basic("bob", "x")),
    }


def test_nobody_else_can_ask(site: Site) -> None:
    site.reply = allow
    for path in ("/.may-read", "//.may-read", "/./.may-read", "/%2emay-read", "/.may-read?x", "/x/../.may-read"):
        assert site.get(path, **basic("bob", "x")).status == 404
    assert site.asked == []


def test_open_reading_needs_no_uploader_and_checks_no_password(site: Site) -> None:
    for login in (ANN, basic(USER, "wrong"), basic("nobody", "x"), {"Authorization": "Bearer x"}, ODD):
        for path in THERE:
            answer = site.get(path, **login)
            assert answer.status in (200, 302)
            assert answer.headers["WWW-Authenticate"] is None
        assert site.get("/simple/nope/", **login).status == 404


ODD = {"Authorization": "Basic !!!"}


@pytest.mark.parametrize("header", ["Bearer x", "Basic", "Basic !!!", "Basic YW5u", "", "Negotiate YII=", "Basic Og=="])
def test_what_is_no_password_is_none(site: Site, header: str) -> None:
    site.allow(AUTHENTICATED)
    assert reads(site, Authorization=header) == {401}
    assert questions(site) == []


def test_no_password_lies_in_what_nginx_keeps_or_logs(site: Site) -> None:
    site.allow(AUTHENTICATED)
    site.reply = admit(site)
    header = basic("bob", "a-long-password-of-bob")["Authorization"]
    reads(site, Authorization=header)
    reads(site, **basic(USER, "another-long-password"))
    files = [file for file in (*(site.prefix / "tmp").rglob("*"), *site.paths.run.rglob("*")) if file.is_file()]
    kept = b"".join(file.read_bytes() + bytes(file) for file in files) + site.log_file.read_bytes()
    kept += b"".join(bytes(path) for path in list_admitted(site.paths.admitted))
    for secret in (b"a-long-password-of-bob", b"another-long-password", header.partition(" ")[2].encode()):
        assert secret not in kept
    assert site.log == ""


def test_a_page_is_never_stale_whatever_nginx_holds_open(site: Site) -> None:
    page = site.paths.default.project("demo") / "simple.html"
    content = page.read_text()
    for number in range(30):
        if number % 3:
            page.with_suffix(".new").write_text(f"{content}{number}")
            page.with_suffix(".new").replace(page)
        else:
            page.write_text(f"{content}{number}")
        assert site.get("/simple/demo/").text == f"{content}{number}"
    page.unlink()
    assert site.get("/simple/demo/").status == 404
    page.write_text(content)
    assert site.get("/simple/demo/").text == content


def test_a_file_that_is_removed_is_gone_and_its_space_is_free(site: Site) -> None:
    wheel = site.packages / "demo-1.0-py3-none-any.whl"
    assert {site.get(f"/packages/{wheel.name}").status for _ in range(20)} == {200}
    wheel.unlink()
    assert site.process is not None
    workers = Path(f"/proc/{site.process.pid}/task/{site.process.pid}/children").read_text().split()
    links = [link for worker in workers for link in Path(f"/proc/{worker}/fd").iterdir()]
    wait_until(lambda: not [link for link in links if link.is_symlink() and wheel.name in str(link.readlink())])
    assert site.get(f"/packages/{wheel.name}").status == 404


def test_only_what_people_see_is_restricted(site: Site) -> None:
    restricted = {path: site.get(path).headers["Content-Security-Policy"] is not None for path in THERE}
    assert restricted["/"]
    assert restricted["/simple/demo/"]
    assert site.get("/simple/demo/", Accept="application/vnd.pypi.simple.v1+json").headers[
        "Content-Security-Policy"
    ] is None  # fmt: skip
    for path in THERE:
        if path.startswith(("/packages/", "/-/")):
            assert site.get(path).headers["X-Content-Type-Options"] == "nosniff"


def test_the_repository_that_pages_and_rights_are_of_is_named_once() -> None:
    text = (HERE / "nginx/nginx.conf").read_text()
    code = "\n".join(line.partition("#")[0] for line in text.splitlines())
    once = 'map $named $indexed    { "" default; \\default .none; "~\\.toml$" .none; default $named; }'
    shelved = 'map $shelf $repository { "" $indexed; "~\\.toml$" .none; default files+$shelf; }'
    assert once in code
    assert shelved in code
    assert name_of_store("data") == "files+data"
    assert not re.search(r"(?:/|repository\b.*[^{] )default\b(?! \$)", code.replace(once, "").replace(shelved, ""))
