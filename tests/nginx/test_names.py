"""Which names nginx answers for itself and which it leaves to the uploader: the two read them alike."""

from collections.abc import Mapping
from email.message import Message
from urllib.parse import urljoin

import pytest

from tests.archives import make_board_sdist, make_wheel
from tests.nginx.alone import Asked, Site, lead
from tests.running import Answer, place_of

NAMES = ("demo", "Demo", "DE.mo", "foo-bar", "foo--bar", "foo_bar", "foo.bar", "FOO-bar", "foo-bar-", "-foo-bar", "-",
         "--", "a", "A", "1", "demo-", ".demo", "demo.", "_demo", "nope", "simple", "json", "packages",
         "health")  # fmt: skip
REQUIREMENTS = ("", "==1.0", "==1", "==1.0.0", "==v1.0", "==01.0", "===1.0", "== 1.0", "==1.0rc1", "==1.0-RC1",
                "==1.0+x", "==1!1.0", "==2.0", "==", "==latest", "==1.*", "==../1.0", "=1.0", ">=1", ">1,<2", "~=1.0",
                "!=1.0", "!=3,==1.0", ">=0,==1.0", "[x]", "[x]==1.0", "[x]>=1", ";python_version=='3'",
                "==1.0;python_version=='3'", ";python_version=='3';x", "@1.0", "+", " ", ",")  # fmt: skip
BOARDS = ("/{}/json", "//{}//json", "/{}/json/", "/simple/{}/json", "/{}/x/json")
PAGES = ("/{}", "/{}/", "/{}//", "//{}/", "/simple/{}", "/simple/{}/", "/simple//{}/", "/simple/{}//", "/simple/x/{}/")


@pytest.fixture(scope="module")
def site(shared_site: Site) -> Site:
    for name in ("demo", "foo-bar", "a", "1"):
        for version in ("1.0", "1.0rc1", "2.0"):
            make_board_sdist(shared_site.packages, name, version, {})
    make_wheel(shared_site.packages, "foo-bar-baz", "1.0")
    shared_site.render()
    return shared_site


def final(site: Site, path: str, answer: Answer) -> tuple[int, bytes]:
    """Where an answer leads to in the end: status, and the content of what there is."""
    if answer.status == 302:
        target = place_of(urljoin(f"http://x{path}", answer.headers["Location"]))
        assert target != path
        answer = site.get(target)
    return answer.status, answer.body if answer.status == 200 else b""


def by_uploader(site: Site, path: str) -> tuple[int, bytes]:
    """Where the uploader leads to, asked for the same: a page or a document that nginx has."""
    status, headers, _ = lead(Asked("GET", path.replace("//", "/"), Message(), b""))
    if "X-Accel-Redirect" in headers:
        _, _, project, document = headers["X-Accel-Redirect"].split("/")
        release = document.removesuffix(".json")
        answer = site.get(f"/{project}/json" if release == "latest" else f"/{project}=={release}/json")
        return final(site, path, answer)
    return final(site, path, Answer(status, "", as_message(headers), b""))


def as_message(headers: Mapping[str, str]) -> Message:
    message = Message()
    for name, value in headers.items():
        message[name] = value
    return message


@pytest.mark.parametrize("form", BOARDS)
def test_nginx_reads_what_a_board_asks_for_as_the_uploader_would(site: Site, form: str) -> None:
    site.reply = lambda _: (404, {}, b"")
    own = 0
    for asked_for in (f"{name}{requirement}" for name in NAMES for requirement in REQUIREMENTS):
        path = form.format(asked_for).replace(" ", "%20")
        asked = len(site.asked)
        answer = site.get(path)
        if len(site.asked) == asked:
            own += answer.status == 200
            assert final(site, path, answer) == by_uploader(site, path), path
    assert (own > 50) == (form in BOARDS[:2])


@pytest.mark.parametrize("form", PAGES)
def test_nginx_reads_a_name_as_the_uploader_would(site: Site, form: str) -> None:
    """Which reads names that are not normalized, so it is asked for a spelling that is not."""
    site.reply = lambda _: (404, {}, b"")
    own = 0
    for name in NAMES:
        path, asked = form.format(name), len(site.asked)
        answer = site.get(path)
        if len(site.asked) == asked and name.upper() != name and name not in ("simple", "health"):
            own += answer.status in (200, 302)
            assert final(site, path, answer) == by_uploader(site, form.format(name.upper())), path
    assert (own > 0) == (form != "/simple/x/{}/")


@pytest.mark.parametrize("name", ["foo-", "-", "-foo", "foo--bar-", "--", ".", "_", "foo."])
@pytest.mark.parametrize("form", PAGES[:8])
def test_a_name_that_no_project_can_have_leads_nowhere(site: Site, form: str, name: str) -> None:
    site.reply = lead
    answer = site.get(form.format(name))
    assert answer.status == 404 or (name == "." and answer.status in (200, 302))


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/simple/Demo/", "/simple/demo/"),
        ("/simple/DEMO", "/simple/demo/"),
        ("/Foo_Bar/", "/simple/foo-bar/"),
        ("/Foo.Bar", "/simple/foo-bar/"),
        ("/foo--bar/", "/simple/foo-bar/"),
    ],
)
def test_names_as_people_type_them_lead_to_the_page(site: Site, path: str, leads_to: str) -> None:
    site.reply = lead
    answer = site.get(path)
    location = answer.headers["Location"]
    assert (answer.status, location.startswith(("/", "http"))) == (302, False)
    for prefix in ("http://x", "http://x/some/prefix"):
        assert urljoin(prefix + path, location) == prefix + leads_to
    assert answer.headers["Cache-Control"] == "no-cache"
