"""Who may read: what the marks of the policy in force and `.htpasswd` make of it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from store.current import ANONYMOUS_MARK, IMMUTABLE_MARK
from tests.archives import make_sdist, make_wheel
from tests.nginx.alone import Site
from tests.running import HERE, PASSWORD, USER, basic

READS = ("/", "/simple/", "/simple/demo/", "/packages/demo-1.0-py3-none-any.whl", "/demo/", "/demo", "/demo/json",
         "/demo==1.0/json", "/demo==9/json", "/Demo/json", "/simple/nope/", "/-/larder.css", "/Demo/", "/simple/foo-/",
         "/packages/demo-1.0-py3-none-any.whl.metadata")  # fmt: skip


@pytest.fixture
def site(site: Site) -> Site:
    make_wheel(site.packages, "demo", "1.0")
    make_sdist(site.packages, "demo", "1.0")
    site.render()
    subprocess.run(["htpasswd", "-bs", str(site.paths.htpasswd), USER, PASSWORD], check=True, capture_output=True)
    return site


def reads(site: Site, **headers: str) -> set[int]:
    return {site.get(path, **headers).status for path in READS}


def test_closed_reading_needs_a_user_everywhere_and_at_once(site: Site) -> None:
    assert 401 not in reads(site)
    asked = len(site.asked)
    site.allow(IMMUTABLE_MARK)
    assert reads(site) == {401}
    assert len(site.asked) == asked  # and nobody else is asked either
    answer = site.get("/simple/demo/")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="pypi"'
    assert reads(site, **basic(USER, "wrong")) == reads(site, **basic("nobody", PASSWORD)) == {401}
    assert 401 not in reads(site, **basic(USER, PASSWORD))
    site.allow(ANONYMOUS_MARK)
    assert 401 not in reads(site)


def test_all_is_closed_where_no_policy_is_in_force(site: Site) -> None:
    for gone in (site.paths.policy_in_force / site.paths.default.name, site.paths.policy_in_force, site.paths.run):
        shutil.rmtree(gone)
        assert reads(site) == {401}
        assert (
            "immutable" not in site.get("/packages/demo-1.0.tar.gz", **basic(USER, PASSWORD)).headers["Cache-Control"]
        )


def test_closed_reading_closes_neither_health_nor_uploads(site: Site) -> None:
    site.allow()
    site.reply = lambda _: (200, {}, b"ok\n")
    assert site.get("/health").text == "ok\n"
    assert site.request("POST", "/", b"x", basic("who", "ever")).status == 200  # the uploader knows who may
    assert site.asked[-1].headers["Authorization"] == basic("who", "ever")["Authorization"]


@pytest.mark.parametrize("option", ["-s", "-m", "-B", "-2", "-5", "-d"])
def test_htpasswd_lets_in_whom_it_names(site: Site, option: str) -> None:
    site.allow()
    file = str(site.paths.htpasswd)
    subprocess.run(["htpasswd", option, "-b", file, "bob", "s3cret"], check=True, capture_output=True)
    assert site.get("/simple/", **basic("bob", "s3cret")).status == 200
    assert site.get("/simple/", **basic("bob", "wrong")).status == 401


def test_users_that_cannot_be_read_are_said_and_let_nobody_in(site: Site) -> None:
    site.allow()
    site.paths.htpasswd.unlink()
    assert reads(site, **basic(USER, PASSWORD)) == {403}
    for make_unreadable in (lambda path: path.symlink_to(path.name), Path.mkdir):  # root may read whatever is readable
        make_unreadable(site.paths.htpasswd)
        answer = site.get("/simple/demo/", **basic(USER, PASSWORD))
        assert (answer.status, answer.text) == (503, "users cannot be read; /health says why\n")
        assert reads(site, **basic(USER, PASSWORD)) == {503}
        site.allow(ANONYMOUS_MARK)
        assert reads(site) <= {200, 302, 404}
        site.allow()
        if site.paths.htpasswd.is_symlink():
            site.paths.htpasswd.unlink()


def test_the_repository_that_pages_and_rights_are_of_is_named_once() -> None:
    text = (HERE / "nginx/nginx.conf").read_text()
    code = "\n".join(line.partition("#")[0] for line in text.splitlines())
    assert "set $repository default;" in code
    assert not re.search(r"(?:/|repository\b.*)default\b", code.replace("set $repository default;", ""))
