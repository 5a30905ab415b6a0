"""Pages of projects for people, PyPI's JSON API and feeds, as nginx hands them out."""

import re
from urllib.parse import urljoin
from xml.etree import ElementTree

import pytest

from tests.archives import digest, make_sdist, make_wheel
from tests.nginx.alone import Site, lead

HOSTILE = (
    'text/markdown\n\n<script>alert(1)</script> "@/x" <!--# include virtual="/.may-read" --> '
    '<!--# echo var="secret" -->\\u0000/ `<!--# echo var="secret" -->`\n'
)


@pytest.fixture(scope="module")
def site(shared_site: Site) -> Site:
    make_wheel(shared_site.packages, "demo", "1.0", Author="Ann", Keywords="a,b", Description_Content_Type=HOSTILE)
    make_wheel(shared_site.packages, "demo", "0.9", Requires_Python=">=3.8", License="MIT")
    make_sdist(shared_site.packages / "sub", "demo", "2.0rc1")
    shared_site.render()
    shared_site.reply = lead
    return shared_site


def test_a_project_and_each_of_its_releases_has_a_page(site: Site) -> None:
    page = site.get("/project/demo/", Host="larder.lan:8089").text
    assert "pip install --index-url http://larder.lan:8089/simple/ --trusted-host larder.lan demo</pre>" in page
    assert "alert(1)" not in page or "<script>alert" not in page
    release = site.get("/project/demo/0.9/", Host="larder.lan:8089").text
    assert "pip install --index-url http://larder.lan:8089/simple/ --trusted-host larder.lan demo==0.9</pre>" in release
    for text in (page, release):
        assert "of this test" not in text
        assert "<!--#" not in text
        assert "error occurred" not in text


@pytest.mark.parametrize("path", ["/project/demo/", "/project/demo/2.0rc1/", "/project/demo/0.9/", "/-/projects/", "/"])
def test_every_link_of_a_page_leads_somewhere(site: Site, path: str) -> None:
    links = re.findall('(?:href|src)="(.*?)"', site.get(path).text)
    assert links
    for link in links:
        goal = urljoin(f"http://x{path}", link)
        if goal.startswith("http://x/"):
            assert site.get(goal.removeprefix("http://x")).status == 200, link


@pytest.mark.parametrize(
    ("path", "goal"),
    [
        ("/project/Demo/", "/project/demo/"),
        ("/project/demo", "/project/demo/"),
        ("/project/demo/1.0.0/", "/project/demo/1/"),
        ("/project/demo/2.0.0RC1", "/project/demo/2rc1/"),
        ("/pypi/Demo/json", "/pypi/demo/json"),
        ("/pypi/demo/2.0-rc1/json", "/pypi/demo/2rc1/json"),
    ],
)
def test_a_name_or_version_leads_to_what_is_meant(site: Site, path: str, goal: str) -> None:
    answer = site.get(path)
    assert (answer.status, urljoin(path, answer.headers["Location"])) == (302, goal)
    assert site.get(goal).status == 200


@pytest.mark.parametrize(
    "path", ["/project/nosuch/", "/project/demo/9.9/", "/project/demo/x/", "/project/", "/project", "/pypi/nosuch/json",
             "/pypi/demo/9/json", "/project/demo/../../x/", "/people/demo/project.html", "/catalogue/new.html", "/.new"]
)  # fmt: skip
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    assert site.get(path).status == 404


def test_before_its_page_is_made_a_project_is_shown_as_installers_see_it(site: Site) -> None:
    pages = site.paths.default.site / "people/demo"
    hidden = pages.rename(pages.with_name("hidden"))
    try:
        answer = site.get("/project/demo/")
        assert (answer.status, urljoin("/project/demo/", answer.headers["Location"])) == (302, "/simple/demo/")
        assert site.get("/project/demo/1.0/").status == 302  # to 1, which is not there either
    finally:
        hidden.rename(pages)


def test_programs_are_answered_as_by_pypi(site: Site) -> None:
    answer = site.get("/pypi/demo/json", Host="larder.lan:8089")
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["X-PyPI-Last-Serial"]) >= answer.json()["last_serial"] > 0
    found = answer.json()
    assert found["info"]["version"] == "1.0"
    assert found["info"]["author"] == "Ann"
    assert found["info"]["keywords"] == "a,b"
    assert found["info"]["description"].strip() == HOSTILE.partition("\n\n")[2].strip()
    assert found["info"]["release_url"] == "http://larder.lan:8089/project/demo/1.0/"
    assert found["releases"].keys() == {"0.9", "1.0", "2.0rc1"}
    [sdist] = found["releases"]["2.0rc1"]
    file = site.packages / "sub/demo-2.0rc1.tar.gz"
    assert sdist["url"] == "http://larder.lan:8089/packages/sub/demo-2.0rc1.tar.gz"
    assert (sdist["packagetype"], sdist["python_version"]) == ("sdist", "source")
    assert (sdist["digests"], sdist["size"]) == ({"sha256": digest(file)}, file.stat().st_size)
    [wheel] = found["urls"]
    assert (wheel["filename"], wheel["packagetype"], wheel["python_version"]) == (
        "demo-1.0-py3-none-any.whl", "bdist_wheel", "py3"
    )  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", wheel["upload_time_iso_8601"])
    release = site.get("/pypi/demo/0.9/json/").json()
    assert "releases" not in release
    assert (release["info"]["requires_python"], release["info"]["license"]) == (">=3.8", "MIT")
    assert [file["filename"] for file in release["urls"]] == ["demo-0.9-py3-none-any.whl"]


@pytest.mark.parametrize("path", ["/-/feed.atom", "/project/demo/feed.atom"])
def test_feeds_are_well_formed_and_lead_to_pages(site: Site, path: str) -> None:
    answer = site.get(path, Host="larder.lan:8089")
    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    links = [link.get("href", "") for link in ElementTree.fromstring(answer.body).iter() if link.tag.endswith("}link")]
    assert f"http://larder.lan:8089{path}" in links
    for link in links:
        assert site.get(link.removeprefix("http://larder.lan:8089")).status == 200


@pytest.mark.parametrize("path", ["/project/demo/", "/project/demo/?format=application/vnd.pypi.simple.v1%2Bjson", "/"])
@pytest.mark.parametrize("accept", ["text/html", "application/vnd.pypi.simple.v1+json"])
def test_a_page_may_run_and_load_nothing_but_its_own(site: Site, path: str, accept: str) -> None:
    headers = site.get(path, Accept=accept).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-cache"


def test_a_start_page_without_the_list_is_a_start_page(site: Site) -> None:
    pages = site.paths.default.searched.parent
    hidden = pages.rename(pages.with_name("hidden"))
    try:
        page = site.get("/").text
        assert "error occurred" not in page
        assert page.rstrip().endswith("</html>")
    finally:
        hidden.rename(pages)


def test_a_closed_repository_shows_nothing_of_it(site: Site) -> None:
    site.allow("authenticated")
    try:
        for path in ("/project/demo/", "/project/nosuch/", "/pypi/demo/json", "/-/projects/", "/-/projects.json",
                     "/-/feed.atom", "/project/demo/feed.atom", "/search?q=x"):  # fmt: skip
            assert site.get(path).status == 401, path
    finally:
        site.allow("anonymous")
