"""Names that are unknown here and are found elsewhere, on a running Larder: what is asked, kept and sent."""

import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.archives import make_sdist, make_wheel
from tests.conftest import Start
from tests.elsewhere import Elsewhere, answering
from tests.running import JSON, PASSWORD, USER, Answer, Larder, basic, run_tool, running_in, wait_until
from tests.uploader.test_with_the_rest import peak_memory

LARGE = 3 << 20
MARK = f"s{'0' * 39}"  # of no file


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    with answering() as found:
        yield found


@pytest.fixture(scope="module")
def other() -> Iterator[Elsewhere]:
    """Another host, for there is another port."""
    with answering() as found:
        yield found


def policy(elsewhere: Elsewhere, fallback: str = "proxy", more: str = "") -> str:
    upstream = f'upstream = "{elsewhere.url}/simple/"\nfallback = "{fallback}"\nprivate = ["acme-*", "Secret_Thing"]\n'
    return f"[repositories.default]\n{upstream}{more}\n"


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere) -> Iterator[Larder]:
    """It has a project `here`."""
    with running_in(tmp_path_factory.mktemp("upstream")) as found:
        found.add_user()
        found.wait_listed("here", make_wheel(found.packages, "here", "1.0"))
        found.rule(policy(elsewhere))
        yield found


def kept(larder: Larder) -> list[str]:
    """The files that are kept, without what their names begin with."""
    found = (path.name for path in (larder.data / "upstream").rglob("*-*") if path.is_file())
    return sorted(name.partition("-")[2] for name in found)


def link(larder: Larder, project: str, filename: str) -> str:
    """Of the page."""
    return urljoin(f"/simple/{project}/", str(larder.detail(project)[filename]["url"]))


def fetch(larder: Larder, project: str, filename: str) -> bytes:
    answer = larder.get(link(larder, project, filename))
    assert answer.status == 200, answer.text
    return answer.body


def test_without_an_upstream_nothing_is_looked_up(start_larder: Start, elsewhere: Elsewhere) -> None:
    elsewhere.give_project("off", elsewhere.give_file("off-1.0.tar.gz", b"x"))
    larder = start_larder()
    for path in ("/simple/off/", f"/upstream/off/{MARK}/off-1.0.tar.gz", "/off/"):
        assert larder.get(path).status == 404
    larder.rule(policy(elsewhere))  # and no restart
    wait_until(lambda: larder.get("/simple/off/").status == 200)
    path = link(larder, "off", "off-1.0.tar.gz")
    assert larder.get(path).body == b"x"
    larder.rule(policy(elsewhere).replace("upstream =", "# upstream ="))
    wait_until(lambda: larder.get("/simple/off/").status == 404)
    assert larder.get(path).status == 404  # also what is kept


def test_a_redirect_leads_there_for_now(start_larder: Start, elsewhere: Elsewhere) -> None:
    larder = start_larder()
    larder.wait_listed("here", make_wheel(larder.packages, "here", "1.0"))
    larder.rule(policy(elsewhere, "redirect"))
    asked = len(elsewhere.asked)
    wait_until(lambda: larder.get("/simple/there/").status == 302)
    for headers in ({}, {"Accept": JSON}):
        answer = larder.get("/simple/there/", **headers)
        assert (answer.status, answer.headers["Location"]) == (302, f"{elsewhere.url}/simple/there/")
    assert larder.get("/simple/There_/").status in (302, 404)
    assert larder.get("/simple/The_re/").headers["Location"] == "../the-re/"
    assert larder.get("/there/").headers["Location"] == "../simple/there/"
    assert larder.get("/simple/here/").status == 200
    assert [larder.get(f"/simple/{name}/").status for name in ("acme-x", "secret-thing")] == [404, 404]
    for path in (f"/upstream/there/{MARK}/there-1.0.tar.gz", "/packages/there-1.0.tar.gz"):
        assert larder.get(path).status == 404
    assert len(elsewhere.asked) == asked  # nobody is asked for it


def test_a_page_says_what_the_other_one_says(larder: Larder, elsewhere: Elsewhere) -> None:
    metadata = b"Metadata-Version: 2.1\nName: told\nVersion: 1.0\n"
    said = {"sha256": hashlib.sha256(metadata).hexdigest()}
    about: dict[str, Any] = {"requires-python": ">=3.8,<4", "core-metadata": said, "yanked": "it <broke>"}
    about["upload-time"] = "2024-01-02T03:04:05.678900Z"
    wheel = elsewhere.give_file("told-1.0-py3-none-any.whl", b"wheel", **about)
    sdist = elsewhere.give_file("told-1.0.tar.gz", b"sdist", yanked=True)
    elsewhere.give("/files/told-1.0-py3-none-any.whl.metadata", metadata)
    elsewhere.give_project("told", wheel, sdist)
    page = larder.get("/simple/told/", Accept=JSON).json()
    links = [each["url"] for each in page["files"]]
    assert page["files"] == [{**wheel, "url": links[0]}, {**sdist, "url": links[1]}]
    mark = "[a-z][0-9a-f]{39}"
    assert re.fullmatch(rf"\.\./\.\./upstream/told/{mark}/told-1\.0-py3-none-any\.whl", links[0])
    assert (page["name"], page["versions"], page["meta"]) == ("told", ["1.0"], {"api-version": "1.1"})
    html = larder.get("/simple/told/").text
    anchor = f'<a href="{links[1]}#sha256={sdist["hashes"]["sha256"]}" data-yanked="">told-1.0.tar.gz</a>'
    assert anchor in html
    assert 'data-requires-python="&gt;=3.8,&lt;4"' in html
    assert f'data-core-metadata="sha256={said["sha256"]}"' in html
    assert 'data-yanked="it &lt;broke&gt;"' in html
    assert (
        larder.get("/simple/told/", Accept="application/vnd.pypi.simple.v1+html")
        .headers["Content-Type"]
        .startswith("application/vnd.pypi.simple.v1+html")
    )
    assert fetch(larder, "told", "told-1.0-py3-none-any.whl") == b"wheel"
    assert larder.get(f"{link(larder, 'told', 'told-1.0-py3-none-any.whl')}.metadata").body == metadata
    assert larder.get(f"{link(larder, 'told', 'told-1.0.tar.gz')}.metadata").status == 404


def test_an_index_that_has_html_alone_will_do(larder: Larder, elsewhere: Elsewhere) -> None:
    body = b"old sdist"
    digest = hashlib.md5(body).hexdigest()
    elsewhere.give("/files/html-1.0.tar.gz", body)
    page = f'<!DOCTYPE html><a href="../../files/html-1.0.tar.gz#md5={digest}" data-requires-python="&gt;=3">x</a>'
    elsewhere.give("/simple/html/", page.encode(), headers={"Content-Type": "text/html; charset=utf-8"})
    found = larder.get("/simple/html/", Accept=JSON).json()
    assert found["meta"] == {"api-version": "1.0"}
    assert found["files"][0]["hashes"] == {"md5": digest}
    assert found["files"][0]["requires-python"] == ">=3"
    assert fetch(larder, "html", "html-1.0.tar.gz") == body


def test_the_second_time_nobody_has_to_be_there(larder: Larder) -> None:
    with answering() as gone:
        gone.give_project("lasting", gone.give_file("lasting-1.0.tar.gz", b"x" * LARGE), Cache_Control="no-cache")
        larder.rule(policy(gone))
        wait_until(lambda: larder.detail("lasting"))
        assert fetch(larder, "lasting", "lasting-1.0.tar.gz") == b"x" * LARGE
    began = time.monotonic()
    for _ in range(3):
        assert fetch(larder, "lasting", "lasting-1.0.tar.gz") == b"x" * LARGE
    assert time.monotonic() - began < 5
    assert "an upstream cannot be asked" in larder.get("/health").text
    assert larder.get("/health").status == 200
    assert larder.get("/simple/never/").status == 502


@pytest.fixture(autouse=True)
def ruled(larder: Larder, elsewhere: Elsewhere) -> None:
    if (larder.data / "larder.toml").read_text() != policy(elsewhere):
        larder.rule(policy(elsewhere))


def test_a_page_is_asked_for_again_after_its_time_and_by_its_tag(larder: Larder, elsewhere: Elsewhere) -> None:
    first = elsewhere.give_file("fresh-1.0.tar.gz", b"1")
    elsewhere.give_project("fresh", first, Cache_Control="max-age=600", ETag='"1"')
    elsewhere.give_project("asked", elsewhere.give_file("asked-1.0.tar.gz", b"1"), Cache_Control="no-cache", ETag='"1"')
    tags = set()
    for _ in range(3):
        assert larder.detail("fresh")
        tags.add(larder.get("/simple/asked/", Accept=JSON).headers["ETag"])
    assert (elsewhere.count("/simple/fresh/"), elsewhere.count("/simple/asked/"), len(tags)) == (1, 3, 1)
    assert [each.headers["If-None-Match"] for each in elsewhere.asked if each.path == "/simple/asked/"] == [
        None, '"1"', '"1"']  # fmt: skip
    new = elsewhere.give_file("asked-2.0.tar.gz", b"2")
    elsewhere.give_project("asked", new, Cache_Control="no-cache", ETag='"2"')
    assert list(larder.detail("asked")) == ["asked-2.0.tar.gz"]
    assert larder.get("/simple/asked/", Accept=JSON).headers["ETag"] not in tags


def test_many_who_want_a_file_at_once_have_it_fetched_once_and_get_it_while_it_comes(
    larder: Larder, elsewhere: Elsewhere
) -> None:
    body = os.urandom(LARGE)
    elsewhere.give_project("burst", elsewhere.give_file("burst-1.0.tar.gz", body))
    given = elsewhere.give("/files/burst-1.0.tar.gz", body, before=LARGE // 2)
    path = link(larder, "burst", "burst-1.0.tar.gz")
    begun = threading.Barrier(9, timeout=20)

    def get() -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", larder.port, timeout=20)
        connection.request("GET", path)
        response = connection.getresponse()
        first = response.read(LARGE // 4)
        begun.wait()  # all have a quarter while half of it is still elsewhere
        whole = first + response.read()
        connection.close()
        return whole

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(get) for _ in range(8)]
        begun.wait()
        given.more.set()
        assert all(reader.result() == body for reader in readers)
    assert elsewhere.count("/files/burst-1.0.tar.gz") == 1
    assert larder.get(path, Range="bytes=1-3").body == body[1:4]


def get_what_comes(larder: Larder, path: str) -> bytes:
    """What is sent of a file until it breaks off; nothing of a refusal."""
    try:
        answer = larder.get(path)
    except http.client.IncompleteRead as error:
        return error.partial
    assert (answer.status, "expected" in answer.text) == (502, True)
    return b""


@pytest.mark.parametrize("size", [12, LARGE])
def test_a_file_with_another_digest_is_neither_kept_nor_served(larder: Larder, elsewhere: Elsewhere, size: int) -> None:
    name = f"evil{size}"
    entry = elsewhere.give_file(f"{name}-1.0.tar.gz", b"good" * (size // 4))
    elsewhere.give_project(name, entry)
    elsewhere.give(f"/files/{name}-1.0.tar.gz", b"evil" * (size // 4))
    path = link(larder, name, f"{name}-1.0.tar.gz")
    for _ in range(2):
        assert len(get_what_comes(larder, path)) < size
    assert not [each for each in kept(larder) if each.startswith(name)]
    elsewhere.give(f"/files/{name}-1.0.tar.gz", b"good" * (size // 4))
    assert larder.get(path).body == b"good" * (size // 4)


@pytest.mark.parametrize("length", [LARGE + 10, -1])
def test_a_file_that_breaks_off_is_not_kept(larder: Larder, elsewhere: Elsewhere, length: int) -> None:
    name = f"broken{length % 7}"
    body = os.urandom(LARGE)
    elsewhere.give_project(name, elsewhere.give_file(f"{name}-1.0.tar.gz", body))
    elsewhere.give(f"/files/{name}-1.0.tar.gz", body[: LARGE - 5], length=length)
    assert len(get_what_comes(larder, link(larder, name, f"{name}-1.0.tar.gz"))) < LARGE
    assert not [each for each in kept(larder) if each.startswith(name)]


def test_a_file_of_which_no_digest_was_said_has_to_be_as_long_as_it_says(larder: Larder, elsewhere: Elsewhere) -> None:
    body = os.urandom(1000)
    for name, length, status in (("long", 1000, 200), ("short", 1010, 502), ("endless", -1, 502)):
        entry = elsewhere.give_file(f"{name}-1.0.tar.gz", body) | {"hashes": {}}
        elsewhere.give_project(name, entry)
        elsewhere.give(f"/files/{name}-1.0.tar.gz", body, length=length)
        assert "#" not in larder.detail(name)[f"{name}-1.0.tar.gz"]["url"]
        assert larder.get(link(larder, name, f"{name}-1.0.tar.gz")).status == status
    assert {"long-1.0.tar.gz", "short-1.0.tar.gz", "endless-1.0.tar.gz"} & set(kept(larder)) == {"long-1.0.tar.gz"}


def test_a_file_that_another_takes_the_place_of_is_fetched_anew(larder: Larder, elsewhere: Elsewhere) -> None:
    for body in (b"one", b"two"):
        elsewhere.give_project("moved", elsewhere.give_file("moved-1.0.tar.gz", body), Cache_Control="no-cache")
        assert fetch(larder, "moved", "moved-1.0.tar.gz") == body


def test_who_goes_away_does_not_end_it(larder: Larder, elsewhere: Elsewhere) -> None:
    body = os.urandom(LARGE)
    elsewhere.give_project("left", elsewhere.give_file("left-1.0.tar.gz", body))
    given = elsewhere.give("/files/left-1.0.tar.gz", body, before=LARGE // 2)
    path = link(larder, "left", "left-1.0.tar.gz")
    connection = http.client.HTTPConnection("127.0.0.1", larder.port, timeout=20)
    connection.request("GET", path)
    assert len(connection.getresponse().read(1000)) == 1000
    connection.close()
    given.more.set()
    wait_until(lambda: "left-1.0.tar.gz" in kept(larder))
    assert fetch(larder, "left", "left-1.0.tar.gz") == body
    assert elsewhere.count("/files/left-1.0.tar.gz") == 1


def size_of(directory: Path) -> int:
    return sum(path.lstat().st_size for path in directory.rglob("*") if path.is_file())


def test_what_was_used_longest_ago_goes_first(larder: Larder, elsewhere: Elsewhere) -> None:
    larder.rule(policy(elsewhere, more='upstream_cache = "2 MB"'))
    bodies = {name: os.urandom(500_000) for name in "abcdef"}
    for name, body in bodies.items():
        elsewhere.give_project(f"many-{name}", elsewhere.give_file(f"many_{name}-1.0.tar.gz", body))
        assert fetch(larder, f"many-{name}", f"many_{name}-1.0.tar.gz") == body
        for file in (larder.data / "upstream").rglob("*"):  # nothing is removed that was used a moment ago
            used = time.time() - 5 if "many_a" in file.name else file.stat().st_atime - 100
            os.utime(file, (used, file.stat().st_mtime))
    wait_until(lambda: "many_b-1.0.tar.gz" not in kept(larder))
    there = [name for name in kept(larder) if name.startswith("many")]
    assert "many_a-1.0.tar.gz" in there
    assert "many_f-1.0.tar.gz" in there
    wait_until(lambda: size_of(larder.data / "upstream") <= 2_000_000)
    elsewhere.give_project("huge", elsewhere.give_file("huge-1.0.tar.gz", os.urandom(2_000_001)))
    answer = larder.get(urljoin("/simple/huge/", larder.detail("huge")["huge-1.0.tar.gz"]["url"]))
    assert (answer.status, "upstream_cache" in answer.text) == (502, True)


def test_a_name_that_is_here_is_asked_for_nowhere_else(larder: Larder, elsewhere: Elsewhere) -> None:
    names = ("here", "dropped", "spoilt", "nested", "status", "acme-x", "secret-thing")
    for name in names:
        elsewhere.give_project(name, elsewhere.give_file(f"{name.replace('-', '_')}-9.9.tar.gz", b"evil"))
    (larder.packages / "spoilt-1.0.tar.gz").write_bytes(b"no archive")  # is never listed
    make_sdist(larder.packages / "deep/er", "nested", "1.0")
    (larder.packages / "status.status").write_text("archived")
    wheel = make_wheel(larder.packages, "dropped", "1.0")
    larder.wait_listed("dropped", wheel)
    with larder.without("indexer"):  # and whatever is derived is gone
        for project in ("dropped", "nested", "spoilt"):
            shutil.rmtree(larder.data / "site/default/projects" / project, ignore_errors=True)
        for name in names:
            answer = larder.get(f"/simple/{name}/", Accept=JSON)
            assert "9.9" not in answer.text, name
            assert larder.get(f"/upstream/{name}/{MARK}/{name.replace('-', '_')}-9.9.tar.gz").status == 404
        assert larder.get("/simple/dropped/").status == 404
    assert [each.path for each in elsewhere.asked if any(name in each.path for name in names)] == []
    wheel.unlink()
    wait_until(lambda: larder.get("/simple/dropped/", Accept=JSON).text.count("9.9"))  # it is not here any more


def test_a_private_name_stays_so_when_it_is_gone(larder: Larder, elsewhere: Elsewhere) -> None:
    elsewhere.give_project("acme-gone", elsewhere.give_file("acme_gone-9.9.tar.gz", b"evil"))
    wheel = make_wheel(larder.packages, "acme-gone", "1.0")
    larder.wait_listed("acme-gone", wheel)
    wheel.unlink()
    wait_until(lambda: larder.get("/simple/acme-gone/").status == 404)
    assert larder.get("/simple/acme-gone/").text == "acme-gone is not here, and private: it is looked up nowhere else\n"
    assert elsewhere.count("/simple/acme-gone/") == 0


def test_a_name_that_begins_as_another_is_another(larder: Larder, elsewhere: Elsewhere) -> None:
    larder.wait_listed("prefix-more", make_wheel(larder.packages, "prefix-more", "1.0"))
    elsewhere.give_project("prefix", elsewhere.give_file("prefix-1.0.tar.gz", b"x"))
    assert list(larder.detail("prefix")) == ["prefix-1.0.tar.gz"]


def test_packages_that_cannot_be_seen_are_not_taken_for_none(larder: Larder, elsewhere: Elsewhere) -> None:
    elsewhere.give_project("unseen", elsewhere.give_file("unseen-1.0.tar.gz", b"x"))
    away = larder.packages.rename(larder.data / "away")
    try:
        answer = larder.get("/simple/unseen/")
        assert (answer.status, "cannot be told" in answer.text) == (503, True)
    finally:
        away.rename(larder.packages)
    wait_until(lambda: larder.get("/simple/unseen/").status == 200)


HOSTILE = (
    "/simple/..%2f..%2fadmin/", "/simple/x%0d%0aHost:%20evil/", "/simple/x%00/", "/simple/x%3fy/",
    "/simple/http:%2f%2fevil/", "/simple/@evil/", "/simple/x%23y/", f"/simple/{'x' * 5000}/", "/simple/x/../../admin/",
    "/simple/%5cevil/", "/upstream/..%2f..%2fadmin/x", "/upstream/x/..%2f..%2fadmin", "/upstream/x/%2e%2e",
    "/upstream/http:/evil", "/.upstream/x/simple.json",
    f"/.upstream-file/x/{MARK}/x-1.0.tar.gz", "/.found/x/sources.jsonl",
    "/upstream/told/sources.jsonl", "/upstream/told/simple.json", "/.found-file/told/x", "/.found-volatile/told/x",
    f"/upstream/told/{MARK}/sources.jsonl", f"/upstream/told/{MARK}/..%2fsources.jsonl",
)  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_name_reaches_nobody(larder: Larder, elsewhere: Elsewhere, path: str) -> None:
    asked = len(elsewhere.asked)
    assert larder.get(path).status in (301, 302, 400, 404, 414)
    odd = [each.path for each in elsewhere.asked[asked:] if "admin" in each.path or "evil" in each.path]
    assert odd == []


def test_no_other_host_is_asked_unless_it_is_named(larder: Larder, elsewhere: Elsewhere, other: Elsewhere) -> None:
    body = b"at another"
    there = {**other.give_file("hosts-1.0.tar.gz", body), "url": f"{other.url}/files/hosts-1.0.tar.gz"}
    near = elsewhere.give_file("hosts-0.9.tar.gz", b"near")
    host = elsewhere.url.removeprefix("http://")
    tricks = [
        {**near, "filename": f"hosts-0.{number}.tar.gz", "url": url}
        for number, url in enumerate(
            [
                f"http://{host}@{other.url.removeprefix('http://')}/files/hosts-1.0.tar.gz",
                f"{elsewhere.url}\\@{other.url.removeprefix('http://')}/x",
                "file:///etc/passwd",
                "//evil.example/x",
                "http://[::1]:1/x",
                f"http://user:secret@{host}/files/hosts-0.9.tar.gz",
                "http://[broken/x",
            ]
        )
    ]
    elsewhere.give_project("hosts", there, near, *tricks, Cache_Control="no-cache")
    assert list(larder.detail("hosts")) == ["hosts-0.9.tar.gz"]
    elsewhere.give_project("far", {**there, "filename": "far-1.0.tar.gz"}, Cache_Control="no-cache")
    answer = larder.get("/simple/far/")
    assert (answer.status, f"lie at {other.url}, which upstream_hosts" in answer.text) == (502, True)
    assert "upstream_hosts" in answer.reason
    assert other.asked == []
    larder.rule(policy(elsewhere, more=f'upstream_hosts = ["{other.url}"]'))
    wait_until(lambda: "hosts-1.0.tar.gz" in larder.detail("hosts"))
    assert fetch(larder, "hosts", "hosts-1.0.tar.gz") == body


def test_a_redirect_to_another_host_is_not_followed(larder: Larder, elsewhere: Elsewhere, other: Elsewhere) -> None:
    asked = len(other.asked)
    other.give_project("away", other.give_file("away-1.0.tar.gz", b"evil"))
    moved = {"Location": f"{other.url}/simple/away/"}
    elsewhere.give("/simple/away/", b"", status=302, headers=moved)
    assert larder.get("/simple/away/").status == 502
    elsewhere.give_project("led", elsewhere.give_file("led-1.0.tar.gz", b"evil"))
    elsewhere.give("/files/led-1.0.tar.gz", b"", status=302, headers={"Location": f"{other.url}/files/away-1.0.tar.gz"})
    assert larder.get(urljoin("/simple/led/", larder.detail("led")["led-1.0.tar.gz"]["url"])).status == 502
    elsewhere.give("/simple/near/", b"", status=301, headers={"Location": "/simple/led/"})
    assert larder.detail("near") == {}  # the files are of another project
    elsewhere.give("/simple/round/", b"", status=302, headers={"Location": "/simple/round/"})
    assert larder.get("/simple/round/").status == 502
    assert len(other.asked) == asked


ODD_PAGES: dict[str, Any] = {
    "no JSON": b"{",
    "deep": b"[" * 100_000,
    "a list": [],
    "no files": {"meta": {"api-version": "1.0"}, "name": "odd"},
    "files that are none": {"meta": {"api-version": "1.0"}, "files": 7},
    "version 2": {"meta": {"api-version": "2.0"}, "files": []},
    "no version": {"files": []},
    "no text": b"\xff\xfe\xfd",
}


@pytest.mark.parametrize("odd", ODD_PAGES)
def test_a_page_that_is_none_is_said(larder: Larder, elsewhere: Elsewhere, odd: str) -> None:
    page = ODD_PAGES[odd]
    body = page if isinstance(page, bytes) else json.dumps(page).encode()
    name = f"odd-{list(ODD_PAGES).index(odd)}"
    elsewhere.give(f"/simple/{name}/", body, headers={"Content-Type": JSON})
    answer = larder.get(f"/simple/{name}/")
    assert (answer.status, answer.text.count("\n"), "is no page about a project" in answer.text) == (502, 1, True)
    for kind in ("application/json", "image/png", ""):
        elsewhere.give(f"/simple/{name}/", body, headers={"Content-Type": kind})
        assert larder.get(f"/simple/{name}/").status == 502


def test_of_a_page_what_cannot_be_is_left_out(larder: Larder, elsewhere: Elsewhere) -> None:
    good = elsewhere.give_file("mixed-1.0.tar.gz", b"good")
    odd: list[Any] = [
        7, None, [], {}, {"filename": "mixed-2.0.tar.gz"}, {"filename": 7, "url": "x"},
        {**good, "filename": "../mixed-1.0.tar.gz"}, {**good, "filename": "mixed-1.0.tar.gz\n"},
        {**good, "filename": "other-1.0.tar.gz"}, {**good, "filename": "mixed-1.0.exe"},
        {**good, "filename": "mixed-3.0.tar.gz", "url": "x\r\nX: y"}, {**good, "url": "../../files/second"},
        {**good, "filename": "mixed-4.0.tar.gz", "hashes": {"sha256": "../../x", "nonsense": "aa"}, "size": -1,
         "requires-python": 7, "yanked": 9, "core-metadata": {"sha256": 1}, "upload-time": "<x>"},
    ]  # fmt: skip
    elsewhere.give_project("mixed", good, *odd)
    found = larder.get("/simple/mixed/", Accept=JSON).json()["files"]
    assert [each["filename"] for each in found] == ["mixed-1.0.tar.gz", "mixed-4.0.tar.gz"]
    assert set(found[1]) == {"filename", "url", "hashes", "yanked", "core-metadata"}
    assert found[1]["hashes"] == {}
    assert fetch(larder, "mixed", "mixed-1.0.tar.gz") == b"good"


def test_what_is_here_never_waits_for_it(larder: Larder, elsewhere: Elsewhere) -> None:
    elsewhere.give("/simple/stalled/", b"x" * 100, before=10)
    waiting = threading.Thread(target=lambda: larder.get("/simple/stalled/"))
    waiting.start()
    wait_until(lambda: elsewhere.count("/simple/stalled/"))
    began = time.monotonic()
    for _ in range(20):
        assert larder.get("/simple/here/").status == 200
        assert larder.get("/packages/here-1.0-py3-none-any.whl").status == 200
        assert larder.get("/health").status == 200
    assert time.monotonic() - began < 3
    elsewhere.given["/simple/stalled/"].more.set()
    waiting.join()


def test_a_slow_upstream_is_not_waited_for_where_there_is_a_page(larder: Larder, elsewhere: Elsewhere) -> None:
    entry = elsewhere.give_file("slow-1.0.tar.gz", b"x")
    elsewhere.give_project("slow", entry, Cache_Control="no-cache")
    assert larder.detail("slow")
    page = elsewhere.given["/simple/slow/"]
    page.before = 10
    page.more.clear()
    began = time.monotonic()
    assert larder.detail("slow")
    assert time.monotonic() - began < 10
    page.more.set()


def test_reading_what_was_found_needs_the_same_right(larder: Larder, elsewhere: Elsewhere) -> None:
    elsewhere.give_project("closed", elsewhere.give_file("closed-1.0.tar.gz", b"x"))
    larder.rule(policy(elsewhere, more='download = ["ann"]'))
    wait_until(lambda: larder.get("/simple/closed/").status == 401)
    assert elsewhere.count("/simple/closed/") == 0
    ann, wrong = basic(USER, PASSWORD), basic(USER, "wrong")
    for _ in range(2):
        page = larder.get("/simple/closed/", **ann, Accept=JSON)
        path = urljoin("/simple/closed/", page.json()["files"][0]["url"])
        assert larder.get(path, **ann).body == b"x"
        for login in ({}, wrong):
            assert [larder.get(each, **login).status for each in ("/simple/closed/", path)] == [401, 401]


def test_each_repository_has_what_it_found(larder: Larder, elsewhere: Elsewhere, other: Elsewhere) -> None:
    elsewhere.give_project("both", elsewhere.give_file("both-1.0.tar.gz", b"1"))
    other.give_project("both", other.give_file("both-2.0.tar.gz", b"2"))
    larder.rule(
        policy(
            elsewhere, more=f'[repositories.team]\nupstream = "{other.url}/simple"\n[repositories.none]\nupstream = ""'
        )
    )
    wait_until(lambda: larder.get("/repositories/team/simple/both/").status == 200)
    assert list(larder.detail("both")) == ["both-1.0.tar.gz"]
    page = larder.get("/repositories/team/simple/both/", Accept=JSON).json()
    assert [each["filename"] for each in page["files"]] == ["both-2.0.tar.gz"]
    path = urljoin("/repositories/team/simple/both/", page["files"][0]["url"])
    assert (path.startswith("/repositories/team/upstream/both/"), larder.get(path).body) == (True, b"2")
    assert larder.get("/repositories/none/simple/both/").status == 404
    assert larder.get(path.replace("team", "none")).status == 404


def test_logins_and_proxies_come_from_the_environment(start_larder: Start, other: Elsewhere) -> None:
    with answering() as closed:
        closed.give_project("logged", closed.give_file("logged-1.0.tar.gz", b"x"))
        host = closed.url.removeprefix("http://")
        larder = start_larder(
            LARDER_UPSTREAM_LOGINS=f"http://ann:s3%3Acret@{host}/ {other.url.replace('//', '//bob:b@')}"
        )
        larder.rule(policy(closed))
        wait_until(lambda: larder.get("/simple/logged/").status == 200)
        assert fetch(larder, "logged", "logged-1.0.tar.gz") == b"x"
        assert {each.headers["Authorization"] for each in closed.asked} == set(basic("ann", "s3:cret").values())
        assert "s3" not in larder.log
    larder.stop()
    larder.environment |= {"http_proxy": other.url, "no_proxy": "", "LARDER_UPSTREAM_LOGINS": ""}
    other.given["http://index.example/simple/proxied/"] = other.give(
        "/simple/proxied/", b'{"meta": {"api-version": "1.0"}, "files": []}', headers={"Content-Type": JSON}
    )
    larder.start()
    larder.rule('[repositories.default]\nupstream = "http://index.example/simple/"\nfallback = "proxy"\n')
    wait_until(lambda: larder.get("/simple/proxied/").status == 200)


def test_a_login_that_is_none_is_said_without_it(tmp_path: Path) -> None:
    from store.errors import Refused
    from store.settings import read_settings

    with pytest.raises(Refused) as caught:
        read_settings({"LARDER_UPSTREAM_LOGINS": "https://s3cret@index.example/"})
    assert "s3cret" not in str(caught.value)
    assert "LARDER_UPSTREAM_LOGINS, number 1; expected addresses such as" in str(caught.value)


def test_while_the_uploader_does_not_answer_the_rest_goes_on(larder: Larder, elsewhere: Elsewhere) -> None:
    elsewhere.give_project("unasked", elsewhere.give_file("unasked-1.0.tar.gz", b"x"))
    [uploader] = larder.pids("uploader")
    os.kill(uploader, 9)
    assert larder.get("/simple/here/").status == 200
    assert larder.get("/simple/unasked/").status in (200, 503)
    wait_until(lambda: larder.get("/simple/unasked/").status == 200)


def test_a_connection_that_nobody_takes_is_given_up(start_larder: Start) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))  # and nobody listens
        larder = start_larder()
        larder.rule(
            f'[repositories.default]\nupstream = "http://127.0.0.1:{full.getsockname()[1]}/"\nfallback = "proxy"\n'
        )
        wait_until(lambda: larder.get("/simple/x/").status == 502)
        assert "cannot be connected to" in larder.get("/simple/x/").text


def test_a_name_that_comes_here_leaves_what_is_kept_to_lock_files(larder: Larder, elsewhere: Elsewhere) -> None:
    one, two = (elsewhere.give_file(f"locked-{n}.0.tar.gz", b"x%d" % n) for n in (1, 2))
    elsewhere.give_project("locked", one, two)
    paths = [link(larder, "locked", f"locked-{n}.0.tar.gz") for n in (1, 2)]
    assert larder.get(paths[0]).body == b"x1"
    larder.wait_listed("locked", make_wheel(larder.packages, "locked", "3.0"))
    asked = len(elsewhere.asked)
    assert list(larder.detail("locked")) == ["locked-3.0-py3-none-any.whl"]
    assert larder.get(paths[0]).body == b"x1"
    answer = larder.get(paths[1])
    assert (answer.status, "locked is here, so that nothing of it is looked up" in answer.text) == (404, True)
    larder.rule(policy(elsewhere).replace("acme-*", "locked"))
    wait_until(lambda: larder.get(paths[0]).status == 404)  # but nothing of what is private
    assert len(elsewhere.asked) == asked


@pytest.mark.parametrize("how", ["here", "private"])
def test_what_comes_here_while_it_is_looked_up_is_not_answered_from_elsewhere(
    larder: Larder, elsewhere: Elsewhere, how: str
) -> None:
    name = f"while-{how}"
    elsewhere.give_project(name, elsewhere.give_file(f"while_{how}-9.9.tar.gz", b"evil"))
    page = elsewhere.given[f"/simple/{name}/"]
    page.before = 10
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(larder.get, f"/simple/{name}/")
        wait_until(lambda: elsewhere.count(f"/simple/{name}/"))
        if how == "here":
            larder.wait_listed(name, make_wheel(larder.packages, name, "1.0"))
        else:
            larder.rule(policy(elsewhere).replace("acme-*", name))
        page.more.set()
        assert (waiting.result().status, "9.9" in waiting.result().text) == (404, False)


def test_one_link_that_is_none_does_not_cost_the_page(larder: Larder, elsewhere: Elsewhere) -> None:
    elsewhere.give("/else/where/based-1.0.tar.gz", b"based")
    digest = hashlib.sha256(b"based").hexdigest()
    page = f"""<!DOCTYPE html><base href="/else/"><a>none</a><a href="">none</a><a href="#top">up</a>
        <a href="http://[bad/based-0.1.tar.gz">bad</a><a href="mailto:x">x</a>
        <a href="where/based-1.0.tar.gz#sha256={digest}&x=1">no digest</a>
        <a href="where/based-2.0.tar.gz#egg=based">none either</a>
        <a href="where/based-1.0.tar.gz#sha256={digest}" data-yanked data-requires-python=" &gt;=3&#10;">\u00e4</a>"""
    elsewhere.give("/simple/based/", page.encode("latin-1"), headers={"Content-Type": "text/html; charset=latin-1"})
    files = larder.get("/simple/based/", Accept=JSON).json()["files"]
    assert [each["filename"] for each in files] == ["based-1.0.tar.gz", "based-2.0.tar.gz"]
    assert larder.get(urljoin("/simple/based/", files[0]["url"])).body == b"based"


def test_what_nobody_said_a_digest_of_is_asked_for_again(larder: Larder, elsewhere: Elsewhere) -> None:
    entry = elsewhere.give_file("unsaid-1.0-py3-none-any.whl", b"wheel", **{"core-metadata": True})
    elsewhere.give_project("unsaid", entry)
    path = f"{link(larder, 'unsaid', 'unsaid-1.0-py3-none-any.whl')}.metadata"
    for text in (b"one", b"two"):
        elsewhere.give("/files/unsaid-1.0-py3-none-any.whl.metadata", text)
        answer = larder.get(path)
        assert answer.body == text
        answer = larder.get(path)
        assert (answer.body, answer.headers["Cache-Control"]) == (text, "no-cache")
        [file] = (larder.data / "upstream").rglob("*-unsaid-1.0-py3-none-any.whl.metadata")
        os.utime(file, (time.time(), time.time() - 700))
    elsewhere.given.pop("/files/unsaid-1.0-py3-none-any.whl.metadata")
    assert larder.get(path).body == b"two"  # better than nothing


def test_a_page_that_could_not_be_kept_is_asked_for_again(larder: Larder, elsewhere: Elsewhere) -> None:
    """Whatever its tag: it broke off between what it names and where that comes from."""
    elsewhere.give_project("torn", elsewhere.give_file("torn-1.0.tar.gz", b"1"), ETag='"1"', Cache_Control="no-cache")
    assert larder.detail("torn")
    new = elsewhere.give_file("torn-2.0.tar.gz", b"2")
    elsewhere.give_project("torn", new, ETag='"2"', Cache_Control="no-cache")
    [directory] = (larder.data / "upstream").rglob("torn")
    obstacle = directory / ".incoming-simple.html"  # what the page is written to first
    obstacle.mkdir()
    assert larder.get("/simple/torn/").status in (200, 503)
    obstacle.rmdir()
    assert fetch(larder, "torn", "torn-2.0.tar.gz") == b"2"


def test_a_page_that_takes_too_much_keeps_nobody_waiting(larder: Larder, elsewhere: Elsewhere) -> None:
    links = b"".join(b"<a href=big_1-1.%d.zip>" % number for number in range(900_000))
    for number in range(2):
        elsewhere.give(f"/simple/big-{number}/", links, headers={"Content-Type": "text/html"})
    elsewhere.give_project("meanwhile", elsewhere.give_file("meanwhile-1.0.tar.gz", b"x"))
    [uploader] = larder.pids("uploader")
    before = peak_memory(uploader)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(larder.get, f"/simple/big-{number}/") for number in range(2)]
        wait_until(lambda: all(elsewhere.count(f"/simple/big-{number}/") for number in range(2)))
        began = time.monotonic()
        assert larder.get("/health").status == larder.get("/simple/meanwhile/").status == 200
        assert time.monotonic() - began < 5
        answers = [each.result() for each in waiting]
    assert [each.status for each in answers] == [502] * 2, [each.text for each in answers]
    assert all("is too much of a page" in each.text for each in answers), [each.text for each in answers]
    assert peak_memory(uploader) - before < 400 << 20


def test_an_upstream_that_leads_back_here_is_said(larder: Larder) -> None:
    larder.rule(f'[repositories.default]\nupstream = "{larder.url}/simple/"\nfallback = "proxy"\n')
    began = time.monotonic()
    answer = wait_until(lambda: (found := larder.get("/simple/round-and-round/")).status == 502 and found)
    assert isinstance(answer, Answer)
    assert time.monotonic() - began < 10
    assert "leads back here" in answer.text


def test_a_wrong_login_at_the_upstream_is_said(larder: Larder, elsewhere: Elsewhere) -> None:
    elsewhere.give("/simple/who/", b"who?", status=401)
    answer = larder.get("/simple/who/")
    assert (answer.status, "LARDER_UPSTREAM_LOGINS has users and passwords" in answer.text) == (502, True)
    assert "an upstream cannot be asked" in larder.get("/health").text
    larder.rule("[repositories.default]\n")
    assert larder.get("/health").text == "ok\n"


def test_many_files_that_come_slowly_wait_for_each_other_and_all_come(larder: Larder, elsewhere: Elsewhere) -> None:
    bodies = {number: os.urandom(1000) for number in range(40)}
    entries = [elsewhere.give_file(f"crowd-1.{number}.tar.gz", body) for number, body in bodies.items()]
    elsewhere.give_project("crowd", *entries)
    for number, body in bodies.items():
        elsewhere.give(f"/files/crowd-1.{number}.tar.gz", body, before=10)
    paths = {number: link(larder, "crowd", f"crowd-1.{number}.tar.gz") for number in bodies}
    with ThreadPoolExecutor(40) as pool:
        waiting = {number: pool.submit(larder.get, path) for number, path in paths.items()}
        time.sleep(11)  # longer than a connection may take
        for number in bodies:
            elsewhere.given[f"/files/crowd-1.{number}.tar.gz"].more.set()
        assert all(waiting[number].result().body == body for number, body in bodies.items())


def test_what_is_kept_can_be_deleted_while_it_runs(larder: Larder, elsewhere: Elsewhere) -> None:
    elsewhere.give_project("again", elsewhere.give_file("again-1.0.tar.gz", b"x"))
    assert fetch(larder, "again", "again-1.0.tar.gz") == b"x"
    shutil.rmtree(larder.data / "upstream")
    wait_until(lambda: larder.get("/simple/again/").status == 200)
    assert fetch(larder, "again", "again-1.0.tar.gz") == b"x"


def test_a_cache_that_is_too_small_for_all_is_not_exceeded_by_much_and_breaks_nothing(
    larder: Larder, elsewhere: Elsewhere
) -> None:
    larder.rule(policy(elsewhere, more='upstream_cache = "1 MB"'))
    bodies = {number: os.urandom(200_000) for number in range(12)}
    for number, body in bodies.items():
        elsewhere.give_project(f"small-{number}", elsewhere.give_file(f"small_{number}-1.0.tar.gz", body))

    def read(number: int) -> bool:
        return fetch(larder, f"small-{number % 12}", f"small_{number % 12}-1.0.tar.gz") == bodies[number % 12]

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(read, range(60)))


def test_what_was_damaged_where_it_is_kept_is_found_and_fetched_anew(larder: Larder, elsewhere: Elsewhere) -> None:
    elsewhere.give_project("damaged", elsewhere.give_file("damaged-1.0.tar.gz", b"good"))
    assert fetch(larder, "damaged", "damaged-1.0.tar.gz") == b"good"
    [file] = (larder.data / "upstream").rglob("*-damaged-1.0.tar.gz")
    file.write_bytes(b"evil")
    command = ["-m", "uploader.commands", "--data", str(larder.data), "verify"]
    said = run_tool(*command, check=False)
    expected = (
        f"{file}: has sha256 {hashlib.sha256(b'evil').hexdigest()}; expected {hashlib.sha256(b'good').hexdigest()}"
    )
    assert (said.returncode, expected in said.stdout.splitlines()) == (1, True)
    run_tool(*command, "--repair", check=False)
    assert fetch(larder, "damaged", "damaged-1.0.tar.gz") == b"good"


def test_files_of_which_nobody_says_how_long_they_are_keep_to_the_limit(larder: Larder, elsewhere: Elsewhere) -> None:
    larder.rule(policy(elsewhere, more='upstream_cache = "6 MB"'))
    bodies = {number: os.urandom(2_000_000) for number in range(8)}
    for number, body in bodies.items():
        elsewhere.give_project(f"endless-{number}", elsewhere.give_file(f"endless_{number}-1.0.tar.gz", body))
        elsewhere.give(f"/files/endless_{number}-1.0.tar.gz", body, length=-1)
    paths = [link(larder, f"endless-{number}", f"endless_{number}-1.0.tar.gz") for number in bodies]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(larder.get, paths))
    assert {answer.status for answer in answers} <= {200, 502}
    assert all(answer.body == bodies[number] for number, answer in enumerate(answers) if answer.status == 200)
    wait_until(lambda: size_of(larder.data / "upstream") <= 6_000_000, 30)


def test_a_page_of_one_upstream_is_not_taken_for_the_others(
    larder: Larder, elsewhere: Elsewhere, other: Elsewhere
) -> None:
    elsewhere.give_project("changed", elsewhere.give_file("changed-1.0.tar.gz", b"1"))
    other.give_project("changed", other.give_file("changed-2.0.tar.gz", b"2"))
    page = elsewhere.given["/simple/changed/"]
    page.before = 10
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(larder.get, "/simple/changed/")
        wait_until(lambda: elsewhere.count("/simple/changed/"))
        larder.rule(policy(other))
        wait_until(lambda: list(larder.detail("changed")) == ["changed-2.0.tar.gz"])
        page.more.set()
        assert waiting.result().status == 503  # the rules are others now
    assert list(larder.detail("changed")) == ["changed-2.0.tar.gz"]
    assert fetch(larder, "changed", "changed-2.0.tar.gz") == b"2"
