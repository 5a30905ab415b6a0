"""What nginx answers to reads, from disk alone."""

import gzip
import hashlib
import http.client
import os
import re
import shutil
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from tests.archives import digest, make_sdist, make_wheel
from tests.running import JSON, PASSWORD, USER, Answer, Larder, basic, form, wait_until

V1_HTML = "application/vnd.pypi.simple.v1+html"
PIP = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"


@pytest.fixture(scope="module")
def larder(shared_larder: Larder) -> Larder:
    """With a project `demo` of two wheels, one for new Pythons and one yanked, and an sdist."""
    packages = shared_larder.packages
    wheel = make_wheel(packages, "Demo", "1.0", Requires_Python=">=3.8,<4")
    make_wheel(packages / "sub dir#1", "Demo", "2.0")
    (packages / "sub dir#1/Demo-2.0-py3-none-any.whl.yanked").write_text("too <new>")
    make_sdist(packages, "Demo", "1.0")
    shared_larder.wait_listed("demo", wheel)
    wait_until(lambda: len(shared_larder.detail("demo")) == 3)
    wait_until(lambda: shared_larder.detail("demo")["Demo-2.0-py3-none-any.whl"]["yanked"] == "too <new>")
    return shared_larder


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
def test_the_form_follows_accept(larder: Larder, path: str, accept: str, kind: str) -> None:
    answer = larder.get(path, Accept=accept)
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
def test_format_in_the_address_wins(larder: Larder, wanted: str, kind: str) -> None:
    other = "text/html" if kind == JSON else JSON
    assert larder.get(f"/simple/demo/?format={wanted}", Accept=other).headers["Content-Type"] == kind


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


def test_html_and_json_say_the_same(larder: Larder) -> None:
    page = larder.get("/simple/demo/").text
    links = Links(page).found
    entries = larder.detail("demo")
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


def test_json_has_what_the_specifications_want(larder: Larder) -> None:
    document = larder.get("/simple/demo/", Accept=JSON).json()
    wheel = larder.packages / "Demo-1.0-py3-none-any.whl"
    assert document["meta"] == {"api-version": "1.1"}
    assert (document["name"], document["versions"]) == ("demo", ["1.0", "2.0"])
    entry = next(entry for entry in document["files"] if entry["filename"] == wheel.name)
    assert entry["hashes"] == {"sha256": digest(wheel)}
    assert (entry["size"], entry["requires-python"]) == (wheel.stat().st_size, ">=3.8,<4")
    assert "dist-info-metadata" not in entry  # pip 22.2 to 23.0 fail on it
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["upload-time"])
    listing = larder.get("/simple/", Accept=JSON).json()
    assert {"name": "demo"} in listing["projects"]


def test_every_link_leads_to_its_file(larder: Larder) -> None:
    for name, entry in larder.detail("demo").items():
        place = urlsplit(urljoin(f"{larder.url}/simple/demo/", entry["url"])).path
        content = larder.get(place).body
        assert hashlib.sha256(content).hexdigest() == entry["hashes"]["sha256"], name
        below = urljoin("http://x/some/prefix/simple/demo/", entry["url"])
        assert below.startswith("http://x/some/prefix/packages/")
        if "core-metadata" in entry:
            metadata = larder.get(f"{place}.metadata")
            assert hashlib.sha256(metadata.body).hexdigest() == entry["core-metadata"]["sha256"]
            assert metadata.body.startswith(b"Metadata-Version: 2.1\nName: Demo\n")


@pytest.mark.parametrize("path", ["/simple/", "/simple/demo/", "/packages/Demo-1.0-py3-none-any.whl.metadata"])
def test_pages_lie_compressed_on_disk(larder: Larder, path: str) -> None:
    plain, squeezed = larder.get(path, Accept=JSON), larder.get(path, Accept=JSON, Accept_Encoding="gzip")
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(squeezed.body) == plain.body
    assert int(squeezed.headers["Content-Length"]) == len(squeezed.body)


def test_an_unchanged_page_is_not_sent_again(larder: Larder) -> None:
    for accept in (JSON, V1_HTML, "text/html"):
        for encoding in ("gzip", "identity"):
            first = larder.get("/simple/demo/", Accept=accept, Accept_Encoding=encoding)
            again = larder.get(
                "/simple/demo/", Accept=accept, Accept_Encoding=encoding, If_None_Match=first.headers["ETag"]
            )
            assert (again.status, again.body, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
            assert again.headers["Cache-Control"] == "no-cache"


def test_a_validator_never_stands_for_two_contents(larder: Larder, tmp_path: Path) -> None:
    """Pages of one size, many in a second, the project gone in between."""
    seen: dict[str, bytes] = {}
    sources = [make_wheel(tmp_path / str(n), "etag", "1.0", {"n.py": bytes([n])}) for n in range(4)]
    target = larder.packages / sources[0].name
    for source in (*sources, *sources):
        shutil.copyfile(source, target.with_suffix(".tmp"))
        target.with_suffix(".tmp").rename(target)
        larder.wait_listed("etag", source)
        for accept in (JSON, "text/html"):
            for encoding in ("gzip", "identity"):
                answer = larder.get("/simple/etag/", Accept=accept, Accept_Encoding=encoding)
                assert seen.setdefault(answer.headers["ETag"], answer.body) == answer.body
        if source is sources[1]:
            target.unlink()
            larder.wait_gone("etag", target.name)
    assert len(seen) == 4 * 8


def test_unknown_names_are_unknown(larder: Larder) -> None:
    for path in ("/simple/nope/", "/nope/", "/simple/nope", "/nope", "/nope/json", "/packages/nope-1.0.tar.gz",
                 "/packages/", "/simple/demo/index.html", "/.policy/anonymous", "/.upload", "/.board/demo/latest.json",
                 "/packages/sub%20dir%231/", "/packages/../auth/.htpasswd", "/packages/%2e%2e/auth/.htpasswd",
                 "/auth/.htpasswd", "/a/b/c", "/%00"):  # fmt: skip
        answer = larder.get(path)
        assert answer.status in (404, 400), path
    missing = larder.get("/simple/nope/")
    assert missing.headers["Cache-Control"] == "no-cache"
    assert "Accept" in missing.headers["Vary"]


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/demo/", "/simple/demo/"),
        ("/demo", "/simple/demo/"),
        ("/simple", "/simple/"),
        ("/simple/demo", "/simple/demo/"),
        ("/simple/Demo/", "/simple/demo/"),
        ("/simple/DEMO", "/simple/demo/"),
        ("/De_Mo.x/", "/simple/de-mo-x/"),
        ("/De_Mo.x", "/simple/de-mo-x/"),
        ("/demo/?format=text/html", "/simple/demo/?format=text/html"),
    ],
)
def test_other_ways_to_a_page_are_relative_and_temporary_redirects(larder: Larder, path: str, leads_to: str) -> None:
    answer = larder.get(path)
    location = answer.headers["Location"]
    assert (answer.status, urlsplit(location).netloc, location.startswith("/")) == (302, "", False)
    for prefix in ("http://x", "http://x/some/prefix"):
        assert urljoin(prefix + path, location) == prefix + leads_to
    assert answer.headers["Cache-Control"] == "no-cache"


def test_a_doubled_slash_as_pipenv_sends_it_is_forgiven(larder: Larder) -> None:
    page = larder.get("/simple//demo/", Accept="*/*").text
    for link in Links(page).found.values():
        assert urljoin("http://x/simple//demo/", link["href"]).startswith("http://x/packages/")


def raw(larder: Larder, method: str, path: str, **headers: str) -> Answer:
    return larder.request(method, path, headers={key.replace("_", "-"): value for key, value in headers.items()})


def test_files_can_be_asked_for_in_parts(larder: Larder) -> None:
    content = (larder.packages / "Demo-1.0-py3-none-any.whl").read_bytes()
    path = "/packages/Demo-1.0-py3-none-any.whl"
    head = raw(larder, "HEAD", path)
    assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(content)), b"")
    assert head.headers["Accept-Ranges"] == "bytes"
    middle, tail = larder.get(path, Range="bytes=10-19"), larder.get(path, Range="bytes=-100")
    assert (middle.status, middle.body) == (206, content[10:20])
    assert (tail.status, tail.body) == (206, content[-100:])
    rest = larder.get(path, Range="bytes=50-", If_Range=head.headers["ETag"])
    assert (rest.status, rest.body) == (206, content[50:])
    assert larder.get(path, Range="bytes=999999-").status == 416
    assert "Content-Encoding" not in larder.get(path, Accept_Encoding="gzip, deflate").headers
    assert "immutable" in head.headers["Cache-Control"]


def test_reading_needs_neither_python_program(larder: Larder) -> None:
    with larder.without("indexer", "uploader"):
        for path in ("/", "/simple/", "/simple/demo/", "/packages/Demo-1.0-py3-none-any.whl", "/demo/json"):
            assert larder.get(path).status == 200
        assert larder.get("/demo/").status == 302
        assert larder.get("/simple/nope/").status == 404


def test_what_is_no_read_and_no_upload_is_not_allowed(larder: Larder) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        assert raw(larder, method, "/simple/demo/").status == 405
    assert larder.request("POST", "/simple/demo/", b"x").status == 405
    assert raw(larder, "DELETE", "/packages/Demo-1.0-py3-none-any.whl").status == 405


def test_the_home_page_tells_a_person_what_to_type(larder: Larder) -> None:
    page = larder.get("/", Host="larder.lan:8089").text
    assert "pip install --index-url http://larder.lan:8089/simple/ --trusted-host larder.lan NAME" in page
    assert "twine upload --repository-url http://larder.lan:8089/ dist/*" in page
    assert "repository = http://larder.lan:8089/\n" in page
    assert '<a href="simple/demo/">demo</a>' in page
    assert "https://larder.lan/simple/" in larder.get("/", Host="larder.lan", X_Forwarded_Proto="https").text
    prefixed = larder.get("/", Host="lan", X_Forwarded_Prefix="/python")
    assert "http://lan/python/simple/" in prefixed.text
    assert "<!--#" not in page


def test_the_home_page_counts(larder: Larder, tmp_path: Path) -> None:
    def counted() -> list[str]:
        return re.findall(r"<b>(.*?)</b>", larder.get("/").text)

    before = int(counted()[1])
    larder.wait_listed("counted", make_wheel(larder.packages, "counted", "1.0"))
    wait_until(lambda: int(counted()[1]) == before + 1)


def test_a_hostile_host_is_not_repeated(larder: Larder) -> None:
    for host in ('a"b', "<script>alert(1)</script>", "a'b", "x y"):
        connection = http.client.HTTPConnection("127.0.0.1", larder.port)
        connection.putrequest("GET", "/", skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        response = connection.getresponse()
        assert response.status == 400 or host not in response.read().decode()
        connection.close()


def test_pages_forbid_all_scripts_but_their_own(larder: Larder) -> None:
    for path in ("/", "/simple/demo/"):
        policy = larder.get(path).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    for asset, kind in (("larder.css", "text/css"), ("filter.js", "text/javascript")):
        assert larder.get(f"/-/{asset}").headers["Content-Type"].startswith(kind)


def test_health_tells_the_truth(larder: Larder) -> None:
    assert (larder.get("/health").status, larder.get("/health").text) == (200, "ok\n")
    heartbeat = larder.data / "state/heartbeat"
    with larder.without("indexer"):
        os.utime(heartbeat, (time.time() - 100, time.time() - 100))
        answer = larder.get("/health")
        assert (answer.status, "no sign of the indexer" in answer.text) == (503, True)
    wait_until(lambda: larder.get("/health").status == 200)
    [uploader] = larder.pids("uploader")
    os.kill(uploader, 9)
    wait_until(lambda: larder.get("/health").status == 503)
    wait_until(lambda: larder.get("/health").status == 200)


def test_site_and_state_come_back_the_same(larder: Larder) -> None:
    def content() -> dict[str, bytes]:
        site = larder.data / "site"
        return {str(file.relative_to(site)): file.read_bytes() for file in site.rglob("*") if file.is_file()}

    before = content()
    larder.stop()
    shutil.rmtree(larder.data / "site")
    shutil.rmtree(larder.data / "state")
    larder.start()
    wait_until(lambda: content() == before)


def test_pages_that_went_missing_are_written_again_without_reading_a_file(larder: Larder) -> None:
    larder.stop()
    shutil.rmtree(larder.data / "site")
    said = len(larder.log)
    larder.start()
    wait_until(lambda: larder.get("/simple/demo/").status == 200)
    wait_until(lambda: ": 0 read, 0 being read" in larder.log[said:])


def test_reading_through_nginx_causes_no_work(larder: Larder) -> None:
    def work() -> tuple[int, str]:
        [indexer] = larder.pids("indexer")
        fields = Path(f"/proc/{indexer}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12]), larder.log  # clock ticks in user and system mode

    ticks, log = work()
    for _ in range(1000):
        assert larder.get("/packages/Demo-1.0-py3-none-any.whl").status == 200
    after, log_after = work()
    assert log_after == log
    assert after - ticks <= 10


def test_an_upload_is_in_force_for_the_next_read(larder: Larder, tmp_path: Path) -> None:
    for number in range(20):
        wheel = make_wheel(tmp_path, "rounds", f"1.{number}")
        body, headers = form(wheel)
        etag = larder.get("/simple/rounds/", Accept=JSON).headers.get("ETag", '"none"')
        assert larder.request("POST", "/", body, headers | basic(USER, PASSWORD)).status == 200
        assert larder.get("/simple/rounds/", Accept=JSON, If_None_Match=etag).status == 200
        assert wheel.name in larder.detail("rounds")
