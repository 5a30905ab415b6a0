"""The simple pages as nginx answers them, from disk alone: forms, links, validators, redirects."""

import gzip
import hashlib
import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest

from tests.archives import digest, make_sdist, make_wheel
from tests.nginx.alone import Site
from tests.running import JSON

V1_HTML = "application/vnd.pypi.simple.v1+html"
PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"


@pytest.fixture(scope="module")
def site(shared_site: Site) -> Site:
    """With a project `demo` of two wheels, one for new Pythons and one yanked, and an sdist; and some others."""
    packages = shared_site.packages
    make_wheel(packages, "Demo", "1.0", Requires_Python=">=3.8,<4", Keywords="the same, " * 20)
    make_wheel(packages / "sub dir#1", "Demo", "2.0")
    (packages / "sub dir#1/Demo-2.0-py3-none-any.whl.yanked").write_text("too <new>")
    make_sdist(packages, "Demo", "1.0")
    for number in range(10):
        make_wheel(packages, f"other-{number}", "1.0")
    shared_site.render()
    return shared_site


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (PIP, JSON),
        (JSON, JSON),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("application/vnd.pypi.simple.v1+json, */*;q=0.1", JSON),
        ("APPLICATION/VND.PYPI.SIMPLE.V1+JSON", JSON),
        (V1_HTML, V1_HTML),
        ("application/vnd.pypi.simple.latest+html", V1_HTML),
        ("application/vnd.pypi.simple.v1+json;q=0, application/vnd.pypi.simple.v1+html", V1_HTML),
        ("application/vnd.pypi.simple.v1+json;q=0, text/html", "text/html"),
        ("application/vnd.pypi.simple.v1+json ; q=0.0 , text/html", "text/html"),
        ("text/html", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("*/*", "text/html"),
        ("", "text/html"),
        ("application/json", "text/html"),
        ("application/vnd.pypi.simple.v2+json", "text/html"),
    ],
)
@pytest.mark.parametrize("path", ["/simple/", "/simple/demo/"])
def test_the_form_follows_accept(site: Site, path: str, accept: str, kind: str) -> None:
    answer = site.get(path, Accept=accept)
    found = answer.headers["Content-Type"]
    assert (answer.status, found.removesuffix("; charset=utf-8") if kind == "text/html" else found) == (200, kind)
    assert "Accept" in answer.headers["Vary"]
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ("application/vnd.pypi.simple.v1+json", JSON),
        ("application%2Fvnd.pypi.simple.v1%2Bjson", JSON),
        ("application/vnd.pypi.simple.latest%2Bhtml", V1_HTML),
        ("text/html", "text/html; charset=utf-8"),
    ],
)
def test_format_in_the_address_wins(site: Site, wanted: str, kind: str) -> None:
    other = "text/html" if kind == JSON else JSON
    assert site.get(f"/simple/demo/?format={wanted}", Accept=other).headers["Content-Type"] == kind


class Links(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self._open: dict[str, str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = {key: value or "" for key, value in attrs} if tag == "a" else None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.found[data] = self._open
            self._open = None


def test_html_and_json_say_the_same(site: Site) -> None:
    page = site.get("/simple/demo/").text
    links = Links(page).found
    entries = site.detail("demo")
    assert page.startswith("<!DOCTYPE html>")
    assert links.keys() == entries.keys()
    for name, entry in entries.items():
        link = links[name]
        assert link["href"] == f"{entry['url']}#sha256={entry['hashes']['sha256']}"
        assert link.get("data-requires-python") == entry.get("requires-python")
        metadata = entry.get("core-metadata")
        assert link.get("data-core-metadata") == (metadata and f"sha256={metadata['sha256']}")
        assert link.get("data-dist-info-metadata") == link.get("data-core-metadata")
        assert link.get("data-yanked", False) == entry["yanked"]
    assert entries["Demo-2.0-py3-none-any.whl"]["yanked"] == "too <new>"


def test_json_has_what_the_specifications_want(site: Site) -> None:
    document = site.get("/simple/demo/", Accept=JSON).json()
    wheel = site.packages / "Demo-1.0-py3-none-any.whl"
    assert document["meta"] == {"api-version": "1.1"}
    assert (document["name"], document["versions"]) == ("demo", ["1.0", "2.0"])
    entry = next(entry for entry in document["files"] if entry["filename"] == wheel.name)
    assert entry["hashes"] == {"sha256": digest(wheel)}
    assert (entry["size"], entry["requires-python"]) == (wheel.stat().st_size, ">=3.8,<4")
    assert "dist-info-metadata" not in entry  # pip 22.2 to 23.0 fail on it
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["upload-time"])
    listing = site.get("/simple/", Accept=JSON).json()
    assert {"name": "demo"} in listing["projects"]


def test_every_link_leads_to_its_file(site: Site) -> None:
    for name, entry in site.detail("demo").items():
        path = urlsplit(urljoin(f"{site.url}/simple/demo/", entry["url"])).path
        content = site.get(path).body
        assert hashlib.sha256(content).hexdigest() == entry["hashes"]["sha256"], name
        below = urljoin("http://x/some/prefix/simple/demo/", entry["url"])
        assert below.startswith("http://x/some/prefix/packages/")
        if "core-metadata" in entry:
            metadata = site.get(f"{path}.metadata")
            assert hashlib.sha256(metadata.body).hexdigest() == entry["core-metadata"]["sha256"]
            assert metadata.body.startswith(b"Metadata-Version: 2.1\nName: Demo\n")


@pytest.mark.parametrize(
    "path", ["/simple/", "/simple/demo/", "/packages/Demo-1.0-py3-none-any.whl.metadata", "/-/larder.css"]
)
def test_pages_lie_compressed_on_disk(site: Site, path: str) -> None:
    plain, squeezed = site.get(path, Accept=JSON), site.get(path, Accept=JSON, Accept_Encoding="gzip")
    assert (plain.headers["Content-Encoding"], squeezed.headers["Content-Encoding"]) == (None, "gzip")
    assert gzip.decompress(squeezed.body) == plain.body
    assert int(squeezed.headers["Content-Length"]) == len(squeezed.body)


def test_an_unchanged_page_is_not_sent_again(site: Site) -> None:
    for accept in (JSON, V1_HTML, "text/html"):
        for encoding in ("gzip", "identity"):
            first = site.get("/simple/demo/", Accept=accept, Accept_Encoding=encoding)
            again = site.get(
                "/simple/demo/", Accept=accept, Accept_Encoding=encoding, If_None_Match=first.headers["ETag"]
            )
            assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
            assert again.headers["Cache-Control"] == "no-cache"


UNKNOWN = ("/simple/nope/", "/nope/", "/simple/nope", "/nope", "/nope/json", "/packages/nope-1.0.tar.gz", "/packages/",
           "/simple/demo/index.html", "/simple/demo/simple.html", "/simple/demo/listing.json", "/demo/listing.json",
           "/projects/demo/simple.json", "/overview/list.json", "/.counts", "/-/", "/-/counts.html", "/-/../list.json",
           "/anonymous", "/.upload", "/.board/demo/latest.json", "/packages/sub%20dir%231/", "/a/b/c", "/%00",
           "/packages/../auth/.htpasswd", "/packages/%2e%2e/auth/.htpasswd", "/auth/.htpasswd", "/.none")  # fmt: skip


@pytest.mark.parametrize("path", UNKNOWN)
def test_unknown_addresses_are_unknown(site: Site, path: str) -> None:
    answer = site.get(path)
    assert answer.status in (404, 400)


def test_what_is_unknown_may_be_known_a_moment_later(site: Site) -> None:
    missing = site.get("/simple/nope/")
    assert missing.headers["Cache-Control"] == "no-cache"
    assert "Accept" in missing.headers["Vary"]


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/demo/", "/simple/demo/"),
        ("/demo", "/simple/demo/"),
        ("/simple", "/simple/"),
        ("/simple/demo", "/simple/demo/"),
        ("/demo/?format=text/html", "/simple/demo/?format=text/html"),
    ],
)
def test_other_ways_to_a_page_are_relative_and_temporary_redirects(site: Site, path: str, leads_to: str) -> None:
    answer = site.get(path)
    location = answer.headers["Location"]
    assert (answer.status, urlsplit(location).netloc, location.startswith("/")) == (302, "", False)
    for prefix in ("http://x", "http://x/some/prefix"):
        assert urljoin(prefix + path, location) == prefix + leads_to
    assert answer.headers["Cache-Control"] == "no-cache"


def test_a_doubled_slash_as_pipenv_sends_it_is_forgiven(site: Site) -> None:
    page = site.get("/simple//demo/", Accept="*/*").text
    links = Links(page).found
    assert links
    for link in links.values():
        assert urljoin("http://x/simple//demo/", link["href"]).startswith("http://x/packages/")


def test_pages_forbid_all_scripts_but_their_own(site: Site) -> None:
    for path in ("/", "/simple/demo/"):
        policy = site.get(path).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/", "/simple/", "/simple/demo/"])
def test_the_style_of_a_page_is_found_from_the_page(site: Site, path: str) -> None:
    found = re.search(r'<link rel="stylesheet" href="(.*?)">', site.get(path).text)
    assert found is not None
    assert urljoin(f"http://x/prefix{path}", found[1]) == "http://x/prefix/-/larder.css"


@pytest.mark.parametrize(("asset", "kind"), [("larder.css", "text/css"), ("larder.js", "text/javascript")])
def test_style_and_script_have_their_types(site: Site, asset: str, kind: str) -> None:
    answer = site.get(f"/-/{asset}")
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, kind)
