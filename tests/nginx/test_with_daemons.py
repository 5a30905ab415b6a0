"""What nginx answers while uploader and indexer work, stand still, die and come back."""

import hashlib
import os
import re
import shutil
import time
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.archives import make_sdist, make_wheel
from tests.running import JSON, PASSWORD, USER, Larder, basic, form, wait_until


@pytest.fixture(scope="module")
def larder(shared_larder: Larder) -> Larder:
    """With a project `demo` of two wheels, one yanked, and an sdist."""
    packages = shared_larder.packages
    wheel = make_wheel(packages, "Demo", "1.0", Requires_Python=">=3.8,<4")
    make_wheel(packages / "sub dir#1", "Demo", "2.0")
    (packages / "sub dir#1/Demo-2.0-py3-none-any.whl.yanked").write_text("too <new>")
    make_sdist(packages, "Demo", "1.0")
    shared_larder.wait_listed("demo", wheel)
    wait_until(lambda: len(shared_larder.detail("demo")) == 3)
    wait_until(lambda: shared_larder.detail("demo")["Demo-2.0-py3-none-any.whl"]["yanked"] == "too <new>")
    return shared_larder


def test_every_link_leads_to_its_file(larder: Larder) -> None:
    for name, entry in larder.detail("demo").items():
        path = urljoin("/simple/demo/", entry["url"])
        assert hashlib.sha256(larder.get(path).body).hexdigest() == entry["hashes"]["sha256"], name
        if "core-metadata" in entry:
            found = larder.get(f"{path}.metadata").body
            assert hashlib.sha256(found).hexdigest() == entry["core-metadata"]["sha256"]


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
    assert len(seen) >= 2 * 8  # twice as many where the pages are worth compressing


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/simple/Demo/", "/simple/demo/"),
        ("/simple/DEMO", "/simple/demo/"),
        ("/De_Mo.x/", "/simple/de-mo-x/"),
        ("/De_Mo.x", "/simple/de-mo-x/"),
    ],
)
def test_names_as_people_type_them_lead_to_the_page(larder: Larder, path: str, leads_to: str) -> None:
    answer = larder.get(path)
    location = answer.headers["Location"]
    assert (answer.status, location.startswith(("/", "http"))) == (302, False)
    for prefix in ("http://x", "http://x/some/prefix"):
        assert urljoin(prefix + path, location) == prefix + leads_to
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/simple/foo-/", "/simple/-/", "/foo-", "/-/", "/simple/-foo/"])
def test_a_name_that_no_project_can_have_leads_nowhere(larder: Larder, path: str) -> None:
    assert larder.get(path).status == 404


def test_reading_needs_neither_python_program(larder: Larder) -> None:
    with larder.without("indexer", "uploader"):
        for path in ("/", "/simple/", "/simple/demo/", "/packages/Demo-1.0-py3-none-any.whl", "/demo/json"):
            assert larder.get(path).status == 200
        assert larder.get("/demo/").status == 302
        assert larder.get("/simple/nope/").status == 404


def test_what_is_sent_to_a_wrong_address_is_refused_with_a_reason(larder: Larder) -> None:
    for path in ("/simple/demo/", "/packages/Demo-1.0-py3-none-any.whl", "/nowhere"):
        answer = larder.request("POST", path, b"x", basic(USER, PASSWORD))
        assert answer.status in (404, 405), answer.text
        assert "/legacy/" in answer.text


def test_the_home_page_counts(larder: Larder) -> None:
    def counted() -> list[str]:
        return re.findall(r"<b>(.*?)</b>", larder.get("/").text)

    before = int(counted()[1])
    larder.wait_listed("counted", make_wheel(larder.packages, "counted", "1.0"))
    wait_until(lambda: int(counted()[1]) > before)  # others may have come before, and are counted a moment later


def test_health_tells_the_truth(larder: Larder) -> None:
    wait_until(lambda: larder.get("/health").text == "ok\n")
    heartbeat = larder.paths.heartbeat
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
        found = [Path(directory) / name for directory, _, names in os.walk(site, followlinks=True) for name in names]
        found = [file for file in found if ".versions" not in file.parts]
        return {str(file.relative_to(site)): _content(file) for file in found}

    before = content()
    larder.stop()
    shutil.rmtree(larder.data / "site")
    shutil.rmtree(larder.data / "state")
    larder.start()
    wait_until(lambda: content() == before)


def _content(file: Path) -> bytes:
    """Or where it leads to, for that may not be there yet."""
    return os.fsencode(file.readlink()) if file.is_symlink() else file.read_bytes()


def test_pages_that_went_missing_are_written_again_without_reading_a_file(larder: Larder) -> None:
    larder.stop()
    shutil.rmtree(larder.data / "site")
    said = len(larder.log)
    larder.start()
    wait_until(lambda: larder.get("/simple/demo/").status == 200)
    wait_until(lambda: ": 0 read, 0 being read" in larder.log[said:])
    wait_until(lambda: larder.get("/project/demo/").status == larder.get("/-/projects.json").status == 200)


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


def test_the_page_says_which_lines_of_the_users_cannot_be_used(larder: Larder) -> None:
    users = larder.data / "auth/.htpasswd"
    before = users.read_text()
    users.write_text(f"{before}<nobody>:nonsense\n")
    page = larder.get("/").text
    assert "Something is wrong with the users" in page
    assert f"line {before.count(chr(10)) + 1}: no user and hash" in page
    assert "nobody" not in page.partition("<header>")[0]
    users.write_text(before)
    assert 'id="users"' not in larder.get("/").text
