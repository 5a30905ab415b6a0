"""A repository as plain files: what is written, what goes, and what is refused."""

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from indexer import scan
from indexer.export.exporting import Exporting
from indexer.export.mirror import Mirror
from indexer.export.target import claimed
from indexer.model import HERE
from indexer.people import Passing, People
from indexer.rendered import Rendered
from indexer.site import Site
from store.settings import read_settings
from tests.archives import digest, make_archive, make_sdist, make_wheel, sdist_contents
from tests.attestations import make_attestation, make_provenance
from tests.exported import export, exporting, list_files, snapshot
from tests.running import Larder, run_tool, wait_until

BASE = "https://packages.example/team"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    packages = tmp_path / "data/packages"
    wheel = make_wheel(packages, "demo", "1.0", Requires_Python=">=3.8")
    make_sdist(packages, "demo", "1.1")
    make_wheel(packages / "deep", "other-thing", "2+l.1", Requires_Dist="demo")
    (packages / f"{wheel.name}.asc").write_text("a signature")
    provenance = make_provenance(make_attestation(wheel.name, digest(wheel)))
    (packages / f"{wheel.name}.provenance").write_text(json.dumps(provenance))
    return tmp_path / "data"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "public"


def read_json(page: Path) -> dict[str, dict[str, object]]:
    return {entry["filename"]: entry for entry in json.loads(page.read_bytes())["files"]}


def test_a_repository_becomes_plain_files(data: Path, target: Path) -> None:
    done = export(data, target, "--base-url", f"{BASE}/")
    assert (done.stderr, done.stdout) == ("", f"{target}: wrote {len(list_files(target))} files, removed 0\n")
    assert list_files(target) == {
        "index.html", "-/larder.css", "-/larder.js", "-/feed.atom", "-/projects.json", "-/projects/index.html",
        "simple/index.html", "simple/index.json",
        "simple/demo/index.html", "simple/demo/index.json",
        "simple/other-thing/index.html", "simple/other-thing/index.json",
        "project/demo/index.html", "project/demo/feed.atom",
        "project/demo/1.0/index.html", "project/demo/1/index.html", "project/demo/1.1/index.html",
        "project/other-thing/index.html", "project/other-thing/feed.atom", "project/other-thing/2+l.1/index.html",
        "pypi/demo/json", "pypi/demo/1.0/json", "pypi/demo/1/json", "pypi/demo/1.1/json",
        "pypi/other-thing/json", "pypi/other-thing/2+l.1/json",
        "packages/demo-1.0-py3-none-any.whl", "packages/demo-1.0-py3-none-any.whl.metadata",
        "packages/demo-1.0-py3-none-any.whl.asc", "packages/demo-1.0-py3-none-any.whl.provenance",
        "packages/demo-1.1.tar.gz",
        "packages/deep/other_thing-2+l.1-py3-none-any.whl",
        "packages/deep/other_thing-2+l.1-py3-none-any.whl.metadata",
    }  # fmt: skip
    for path in (data / "packages").rglob("*.*"):
        assert (target / "packages" / path.relative_to(data / "packages")).read_bytes() == path.read_bytes()


class Links(HTMLParser):
    """Every address in a page that leads to something of the same place."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src", "data-all", "data-provenance")]


@pytest.mark.parametrize("base", [BASE, ""])
def test_every_link_leads_to_a_file(data: Path, target: Path, base: str) -> None:
    export(data, target, *(["--base-url", base] if base else []))
    checked = set()
    for page in list_files(target):
        url = f"{BASE}/{page}"
        text = (target / page).read_text() if page.endswith((".html", ".atom")) else ""
        assert "<!--#" not in text
        for link in Links(text).found:
            found = urlsplit(urljoin(url, link))
            assert f"{found.scheme}://{found.netloc}" in BASE, (page, link)
            path = unquote(found.path.removeprefix("/team/"))
            assert (target / path / ("index.html" if path.endswith("/") or not path else "")).is_file(), (page, link)
            checked.add(path)
    assert {"-/feed.atom", "packages/demo-1.1.tar.gz", "project/demo/1.0/", "project/other-thing/2+l.1/"} <= checked


@pytest.mark.parametrize("base", ["", "http://packages.example:8080/x"])
def test_pages_name_the_address_they_are_to_have(data: Path, target: Path, base: str) -> None:
    export(data, target, *(["--base-url", base] if base else []))
    trusted = " --trusted-host packages.example" if base else ""
    wanted = f"pip install --index-url {base or 'https://WHERE-THIS-IS'}/simple/{trusted} demo"
    assert wanted in (target / "project/demo/index.html").read_text()
    assert wanted.removesuffix("demo") + "NAME" in (target / "index.html").read_text()
    assert (target / "pypi").exists() == bool(base)
    if base:
        document = json.loads((target / "pypi/demo/1.0/json").read_bytes())
        assert document["urls"][0]["url"] == f"{base}/packages/demo-1.0-py3-none-any.whl"


@pytest.mark.parametrize("path", ["/project/demo/", "/project/demo/1.0/", "/pypi/demo/json", "/-/feed.atom"])
@pytest.mark.parametrize("host", ["localhost", "packages.example"])
def test_a_page_is_what_nginx_makes_of_it_for_that_address(
    shared_larder: Larder, tmp_path: Path, path: str, host: str
) -> None:
    if not shared_larder.detail("demo"):
        shared_larder.wait_listed("demo", make_wheel(shared_larder.packages, "demo", "1.0"))
    wait_until(lambda: "demo" in shared_larder.get("/-/feed.atom").text)
    origin = f"http://{host}:{shared_larder.port}"
    export(shared_larder.data, tmp_path / "public", "--base-url", origin)
    wait_until(lambda: shared_larder.get(path).status == 200)
    served = shared_larder.get(path, Host=urlsplit(origin).netloc)
    file = tmp_path / "public" / path[1:] / ("index.html" if path.endswith("/") else "")
    assert file.read_text() == served.text


def test_nothing_is_written_again_that_did_not_change(data: Path, target: Path) -> None:
    export(data, target)
    before = snapshot(target)
    assert "wrote 0 files, removed 0" in export(data, target).stdout
    assert snapshot(target) == before
    make_wheel(data / "packages", "demo", "2.0")
    export(data, target)
    changed = {path for path, said in snapshot(target).items() if before.get(path) != said}
    of_demo = {path for path in changed if path.startswith(("simple/demo/", "project/demo/"))}
    assert "simple/demo/index.json" in of_demo
    assert {"packages/demo-2.0-py3-none-any.whl", "packages/demo-2.0-py3-none-any.whl.metadata"} <= changed
    assert changed - of_demo - {path for path in changed if path.startswith("packages/demo-2.0")} == {
        "index.html",
        "-/feed.atom",
        "-/projects.json",
        "-/projects/index.html",
    }


def test_it_is_made_the_same_when_all_that_is_known_is_gone(data: Path, target: Path) -> None:
    export(data, target)
    before = snapshot(target)
    shutil.rmtree(data / "state")
    assert "wrote 0 files, removed 0" in export(data, target).stdout
    assert snapshot(target) == before


def test_what_is_gone_goes(data: Path, target: Path) -> None:
    export(data, target, "--base-url", BASE)
    (data / "packages/demo-1.1.tar.gz").unlink()
    (data / "packages/deep/other_thing-2+l.1-py3-none-any.whl").unlink()
    export(data, target, "--base-url", BASE)
    assert not {path for path in list_files(target) if "other" in path or "1.1" in path}
    assert not (target / "packages/deep").exists()
    assert list(read_json(target / "simple/demo/index.json")) == ["demo-1.0-py3-none-any.whl"]


def test_what_was_damaged_is_mended_and_what_is_of_nothing_removed(data: Path, target: Path) -> None:
    export(data, target)
    before = {path: content for path, (_, _, content) in snapshot(target).items()}
    (target / "simple/demo/index.html").write_text("x")
    (target / "simple/demo/index.json").write_text("[" * 100_000)
    (target / "packages/demo-1.1.tar.gz").write_text("x")
    (target / "simple/stray").mkdir()
    (target / "simple/stray/index.html").write_text("x")
    shutil.rmtree(target / "project/demo/1.0")
    (target / "project/demo/1.0").write_text("a file where a directory should be")
    (target / "-/projects.json").unlink()
    (target / "-/projects.json").mkdir()
    (target / "CNAME").write_text("packages.example")
    export(data, target)
    assert {path: content for path, (_, _, content) in snapshot(target).items()} == before | {
        "CNAME": b"packages.example"
    }


def test_bytes_of_the_same_size_and_time_are_copied_anew_where_they_are_others(data: Path, target: Path) -> None:
    sdist = data / "packages/demo-1.1.tar.gz"
    export(data, target)
    facts, before = sdist.stat(), digest(sdist)
    content = bytearray(sdist.read_bytes())
    content[4] ^= 1  # the time in gzip's head
    new = data / "new"
    new.write_bytes(content)
    os.utime(new, ns=(facts.st_mtime_ns, facts.st_mtime_ns))
    new.replace(sdist)  # which is another inode for sure
    assert digest(sdist) != before
    export(data, target)
    assert digest(target / "packages/demo-1.1.tar.gz") == digest(sdist)
    page = read_json(target / "simple/demo/index.json")
    assert page["demo-1.1.tar.gz"]["hashes"] == {"sha256": digest(sdist)}


def test_a_file_that_is_not_what_its_page_says_keeps_the_copy_as_it_was(data: Path, target: Path) -> None:
    sdist = data / "packages/demo-1.1.tar.gz"
    export(data, target)
    before, facts = snapshot(target), sdist.stat()
    with sdist.open("r+b") as file:
        file.seek(4)
        file.write(b"!")
    os.utime(sdist, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # nothing tells that it changed
    (target / "packages/demo-1.1.tar.gz").unlink()
    done = export(data, target, check=False)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "ERROR could not export projects/demo; what was there stays" in line
    assert f"{sdist}: has sha256 {digest(sdist)}; expected" in line
    del before["packages/demo-1.1.tar.gz"]
    assert snapshot(target) == before


def test_with_packages_elsewhere_pages_lead_there(data: Path, target: Path) -> None:
    export(data, target)
    export(data, target, "--packages-url", "https://files.example/larder/")
    assert not [path for path in list_files(target) if path.startswith("packages/")]
    page = read_json(target / "simple/other-thing/index.json")["other_thing-2+l.1-py3-none-any.whl"]
    assert page["url"] == "https://files.example/larder/deep/other_thing-2%2Bl.1-py3-none-any.whl"
    assert "core-metadata" not in page  # nobody said that it lies there
    for each in ("simple/demo/index.html", "project/demo/index.html"):
        assert 'href="https://files.example/larder/demo-1.1.tar.gz' in (target / each).read_text()


def test_the_address_of_a_file_can_be_made_of_its_parts(data: Path, target: Path) -> None:
    url = "https://git.example/acme/releases/download/{project}-{version}/{filename}"
    export(data, target, "--packages-url", url, "--with-metadata")
    page = read_json(target / "simple/other-thing/index.json")["other_thing-2+l.1-py3-none-any.whl"]
    directory = "https://git.example/acme/releases/download/other-thing-2%2Bl.1"
    assert page["url"] == f"{directory}/other_thing-2%2Bl.1-py3-none-any.whl"
    metadata = target / "packages/deep/other_thing-2+l.1-py3-none-any.whl.metadata"
    assert page["core-metadata"] == {"sha256": hashlib.sha256(metadata.read_bytes()).hexdigest()}
    assert [path for path in list_files(target) if path.endswith(".whl")] == []


def test_what_may_not_be_installed_is_not_there(data: Path, target: Path) -> None:
    (data / "packages/demo.status").write_text("quarantined: it bites")
    (data / "packages/not-whole-1.0.tar.gz").write_text("x")
    export(data, target)
    assert not [path for path in list_files(target) if path.startswith("packages/demo")]
    assert read_json(target / "simple/demo/index.json") == {}
    assert "quarantined" in (target / "simple/demo/index.html").read_text()
    assert "not-whole" not in (target / "index.html").read_text()


def test_another_repository_is_exported_by_its_name(data: Path, target: Path) -> None:
    make_wheel(data / "repositories/team/packages", "ours", "1.0")
    export(data, target, "--repository", "team")
    assert {path for path in list_files(target) if path.startswith("simple/")} == {
        "simple/index.html", "simple/index.json", "simple/ours/index.html", "simple/ours/index.json",
    }  # fmt: skip


CLOSED = '[repositories.default]\ndownload = ["authenticated"]\n'


@pytest.mark.parametrize("policy", [CLOSED, "[repositories.default]\ndownload = 1\n", "no TOML", ""])
def test_what_is_closed_is_not_exported_by_accident(data: Path, target: Path, policy: str) -> None:
    (data / "larder.toml").write_text(policy)
    done = export(data, target, check=False)
    expected = 'expected download = ["anonymous"], or --although-closed'
    assert (done.returncode, done.stdout) == (1, "")
    *warnings, said = done.stderr.splitlines()
    assert said == f"export: {data}/larder.toml: not everybody may read the repository 'default'; {expected}"
    assert len(warnings) == (policy != CLOSED)
    assert not target.exists()
    assert export(data, target, "--although-closed").returncode == 0
    assert (target / "simple/demo/index.html").exists()


def test_a_closed_repository_stays_closed_when_its_policy_is_deleted(larder: Larder, tmp_path: Path) -> None:
    larder.rule(CLOSED)
    larder.stop()
    (larder.data / "larder.toml").unlink()
    assert export(larder.data, tmp_path / "public", check=False).returncode == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--base-url", "packages.example"], "--base-url='packages.example'; expected the address of a directory"),
        (["--base-url", "https://x.example/?a=b"], "--base-url='https://x.example/?a=b'; expected the address"),
        (["--base-url", "https://a:/"], "--base-url='https://a:/'; expected the address"),
        (["--base-url", "https://a/%zz"], "--base-url='https://a/%zz'; expected the address"),
        (["--base-url", "https://a/{path}"], "--base-url='https://a/{path}'; expected the address"),
        (["--base-url", "https://a/$(id)"], "--base-url='https://a/$(id)'; expected the address"),
        (["--base-url", "https://a:99999/"], "--base-url='https://a:99999/'; expected the address"),
        (["--base-url", "https://x.example/<!--"], "--base-url='https://x.example/<!--'; expected the address"),
        (["--packages-url", "https://x.example/{name}"], "with none but {path}, {filename}, {project}, {version}"),
        (["--packages-url", "https://x.example/{path"], "--packages-url='https://x.example/{path'; expected"),
        (["--packages-url", "https://x.example/{path!r}"], "--packages-url='https://x.example/{path!r}'; expected"),
        (["--packages-url", "https://x.example/{path.x}"], "--packages-url='https://x.example/{path.x}'; expected"),
        (["--repository", "tema"], "there is no repository 'tema'; expected one of default, team"),
        (["--repository", "../x"], "there is no repository '../x'; expected one of default, team"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(data: Path, target: Path, options: list[str], said: str) -> None:
    (data / "repositories/team/packages").mkdir(parents=True)
    done = export(data, target, *options, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("export: ")
    assert said in line
    assert not target.exists()


def test_somebody_elses_directory_is_left_alone(data: Path, target: Path) -> None:
    (target / "project").mkdir(parents=True)
    (target / "project/work.txt").write_text("mine")
    done = export(data, target, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"export: {target}: 'project' in it was made by somebody else; "
        "expected an empty directory, or one that an export made (it has .larder-export)\n"
    )
    assert list_files(target) == {"project/work.txt"}


@pytest.mark.parametrize("where", ["data", "data/packages/public", "data/public", ".", "link"])
def test_the_copy_lies_neither_in_nor_above_the_data(data: Path, tmp_path: Path, where: str) -> None:
    (tmp_path / "link").symlink_to(data)
    before = sorted(data.rglob("*"))
    done = export(data, tmp_path / where, check=False)
    assert (done.returncode, "expected a directory neither in nor above" in done.stderr) == (1, True)
    assert sorted(data.rglob("*")) == before


def test_a_link_in_the_copy_is_not_followed(data: Path, target: Path, tmp_path: Path) -> None:
    export(data, target)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "mine").write_text("mine")
    shutil.rmtree(target / "simple/demo")
    (target / "simple/demo").symlink_to(kept)
    (target / "packages/demo-1.1.tar.gz").unlink()
    (target / "packages/demo-1.1.tar.gz").symlink_to(kept / "mine")
    (target / "pypi").symlink_to(kept)  # where nothing is to be written without an address
    export(data, target)
    assert not (target / "pypi").is_symlink()
    assert {path.name: path.read_text() for path in kept.iterdir()} == {"mine": "mine"}
    assert not (target / "simple/demo").is_symlink()
    assert digest(target / "packages/demo-1.1.tar.gz") == digest(data / "packages/demo-1.1.tar.gz")


@pytest.fixture
def watched(data: Path, target: Path) -> Iterator[Path]:
    with exporting(data, target, "--watch"):
        wait_until((target / "index.html").exists, 30)
        yield target


def test_a_watching_export_follows_every_change(data: Path, watched: Path) -> None:
    make_wheel(data / "packages", "new", "1.0")
    wait_until((watched / "simple/new/index.html").exists, 30)
    assert (watched / "packages/new-1.0-py3-none-any.whl").exists()
    (data / "packages/new-1.0-py3-none-any.whl").unlink()
    wait_until(lambda: not (watched / "simple/new").exists(), 30)
    wait_until(lambda: '"new"' not in (watched / "simple/index.json").read_text(), 30)
    wait_until(lambda: not (watched / "packages/new-1.0-py3-none-any.whl").exists(), 30)


def find_hole(page: Path) -> str | None:
    """A file that the page names, still when it is read again, and that is not there."""
    missing = {link for link in list_files_of(page) if not (page.parent / link).exists()}
    return next(iter(missing & list_files_of(page)), None) if missing else None


def list_files_of(page: Path) -> set[str]:
    return {link.partition("#")[0] for link in Links(page.read_text()).found if "/packages/" in link}


def test_no_page_ever_names_a_file_that_is_not_there(data: Path, watched: Path) -> None:
    pages = [watched / "project/demo/index.html", watched / "simple/demo/index.html"]
    holes: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            holes.extend(filter(None, map(find_hole, pages)))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(2, 5):
            for each in range(20):
                make_wheel(data / "packages", "demo", f"{number}.{each}")
            wait_until((watched / f"packages/demo-{number}.19-py3-none-any.whl").exists, 30)
            for each in range(20):
                (data / f"packages/demo-{number}.{each}-py3-none-any.whl").unlink()
    finally:
        done.set()
        reader.join()
    assert holes == []


def test_a_watching_export_waits_while_the_repository_is_closed(data: Path, target: Path) -> None:
    with exporting(data, target, "--watch") as (process, log):
        wait_until((target / "index.html").exists, 30)
        (data / "larder.toml").write_text(CLOSED)
        make_wheel(data / "packages", "secret", "1.0")
        wait_until(lambda: "nothing is exported meanwhile" in log.read_text(), 30)
        assert list(data.glob("state/.copies/*/site/projects/secret"))
        assert not (target / "simple/secret").exists()
        (data / "larder.toml").write_text("# open\n")
        wait_until((target / "simple/secret/index.html").exists, 30)
    assert process.returncode == 0
    assert log.read_text().count("nothing is exported meanwhile") == 1


def test_a_second_export_to_the_same_directory_says_so(data: Path, watched: Path) -> None:
    done = export(data, watched, check=False)
    assert (done.returncode, done.stderr) == (1, f"export: {watched}: another export writes here already\n")


def test_one_that_is_stopped_before_all_is_there_says_so(data: Path, target: Path) -> None:
    for number in range(200):
        make_wheel(data / "packages", f"p{number}", "1.0")
    with exporting(data, target) as (process, log):
        wait_until((target / ".larder-export").exists, 30)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 1
    assert "Traceback" not in log.read_text()
    export(data, target)
    assert len(list(target.glob("simple/p*/index.html"))) == 200


def test_the_script_needs_nothing_but_its_directory(data: Path, target: Path) -> None:
    done = run_tool("-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))", "scripts/export", "--help")
    assert "--packages-url" in done.stdout


def test_what_vanishes_at_any_time_goes(data: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LARDER_RECONCILE_INTERVAL", "1")  # so that everything is looked at anew in each round
    with exporting(data, target, "--watch"):
        wait_until((target / "index.html").exists, 30)
        (data / "packages/deep/other_thing-2+l.1-py3-none-any.whl").unlink()
        wait_until(lambda: not [path for path in list_files(target) if "other" in path], 40)


def test_what_cannot_be_removed_is_said_each_time_and_all_else_goes(data: Path, target: Path) -> None:
    export(data, target)
    for name in ("aaa.whl", "zzz.whl"):
        (target / "packages" / name).write_text("x")
    if subprocess.run(["chattr", "+i", str(target / "packages/aaa.whl")], check=False).returncode:
        pytest.skip("this file system has no immutable files")
    try:
        for _ in range(2):
            done = export(data, target, check=False)
            assert (done.returncode, "aaa.whl; what was there stays: cannot be removed" in done.stderr) == (1, True), (
                done.stderr
            )
        assert not (target / "packages/zzz.whl").exists()
    finally:
        subprocess.run(["chattr", "-i", str(target / "packages/aaa.whl")], check=True)
    assert "removed 1" in export(data, target).stdout


def test_a_policy_that_was_closed_stays_so_when_it_is_gone_or_broken(data: Path, target: Path) -> None:
    with exporting(data, target, "--watch") as (_, log):
        wait_until((target / "index.html").exists, 30)
        (data / "larder.toml").write_text(CLOSED)
        make_wheel(data / "packages", "secret", "1.0")
        wait_until(lambda: "nothing is exported meanwhile" in log.read_text(), 30)
        (data / "larder.toml").rename(data / "larder.toml.old")
        make_wheel(data / "packages", "later", "1.0")
        own = wait_until(lambda: list(data.glob("state/.copies/*/site/people/later/project.html")), 30)
        (data / "larder.toml").write_text("no TOML")
        os.utime(data / "packages")
        make_wheel(data / "packages", "latest", "1.0")
        wait_until(lambda: list(data.glob("state/.copies/*/site/people/latest/project.html")), 30)
        assert own
    assert not [path for path in list_files(target) if "secret" in path or "late" in path]


def test_a_file_that_moves_to_another_project_is_there_for_it(data: Path, tmp_path: Path, target: Path) -> None:
    (tmp_path / "new").mkdir()
    new = make_archive(tmp_path / "new/a-1-2.tar.gz", "a-1-2", sdist_contents("a-1", "2"))
    named = make_archive(data / "packages/a-1-2.tar.gz", "a-1-2", sdist_contents("a", "1-2"))
    make_wheel(data / "packages", "a", "0.5")
    with exporting(data, target, "--watch"):
        wait_until(lambda: (target / "simple/a/index.json").exists() and read_json(target / "simple/a/index.json"), 30)
        new.replace(named)
        wait_until((target / "simple/a-1/index.html").exists, 30)
        wait_until(lambda: "a-1-2" not in (target / "simple/a/index.html").read_text(), 30)
        make_wheel(data / "packages", "mark", "1.0")
        wait_until((target / "project/mark/index.html").exists, 30)
        assert digest(target / "packages/a-1-2.tar.gz") == digest(named)


def test_a_link_that_somebody_makes_meanwhile_is_not_followed(data: Path, tmp_path: Path, target: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "index.html").write_text("mine")
    with exporting(data, target, "--watch"):
        wait_until((target / "index.html").exists, 30)
        (target / "simple/late").symlink_to(mine)
        (target / ".incoming-index.html").symlink_to(mine / "index.html")
        shutil.rmtree(target / "simple/other-thing")
        (target / "simple/other-thing").symlink_to(mine)
        make_wheel(data / "packages", "late", "1.0")
        (data / "packages/deep/other_thing-2+l.1-py3-none-any.whl").unlink()
        wait_until(
            lambda: (target / "simple/late/index.html").exists() and not (target / "simple/late").is_symlink(), 30
        )
        wait_until(lambda: "late" in (target / "index.html").read_text(), 30)
        wait_until(lambda: not (target / "project/other-thing").exists(), 30)
    assert {path.name: path.read_text() for path in mine.iterdir()} == {"index.html": "mine"}


def test_it_ends_where_another_directory_is_in_the_place_of_the_copy(data: Path, tmp_path: Path, target: Path) -> None:
    with exporting(data, target, "--watch") as (process, log):
        wait_until((target / "index.html").exists, 30)
        target.rename(tmp_path / "moved")
        (target / "project").mkdir(parents=True)
        (target / "project/mine").write_text("mine")
        assert process.wait(30) == 1
        assert f"{target}: was moved or replaced" in log.read_text()
    assert list_files(target) == {"project/mine"}


def test_one_broken_project_keeps_nothing_else_there(data: Path, target: Path) -> None:
    make_wheel(data / "packages", "evil", "1.0")
    export(data, target)
    sdist = data / "packages/demo-1.1.tar.gz"
    facts = sdist.stat()
    with sdist.open("r+b") as file:
        file.seek(4)
        file.write(b"!")
    os.utime(sdist, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (target / "packages/demo-1.1.tar.gz").unlink()
    (data / "packages/evil.status").write_text("quarantined")
    before = {path for path in list_files(target) if "demo" in path}
    assert export(data, target, check=False).returncode == 1
    assert not (target / "packages/evil-1.0-py3-none-any.whl").exists()
    assert {path for path in list_files(target) if "demo" in path} == before


def test_what_cannot_be_read_is_not_taken_for_gone(data: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(data, target)
    before = {path for path in list_files(target) if "other" in path}
    shutil.rmtree(data / "state")
    walk = scan._walk_directory

    def closed(packages: Path, path: str) -> Iterator[str | scan.Seen]:
        error = PermissionError(errno.EACCES, "Permission denied")
        return iter([scan._closed(path, error)]) if path == "deep" else walk(packages, path)

    settings = read_settings(options={"LARDER_DATA": ("--data", str(data))})
    own = settings.data.copied(settings.data.default, target)
    with claimed(target, settings.data, "default") as claim:
        mirror = Mirror(own, claim, HERE, "")
        monkeypatch.setattr("indexer.scan._walk_directory", closed)
        done = Exporting(own, settings, HERE, mirror, lambda: "").run(watches=False)
    assert "may not be looked into" in done.problems["deep"]
    assert {path for path in list_files(target) if "other" in path} == before


def test_a_new_signature_comes_along(data: Path, watched: Path) -> None:
    signature = "packages/demo-1.0-py3-none-any.whl.asc"
    (data / signature).write_text("another signature")
    wait_until(lambda: (watched / signature).read_text() == "another signature", 30)


def test_nobody_keeps_it_waiting_by_writing(data: Path, target: Path) -> None:
    done = threading.Event()

    def write() -> None:
        with (data / "packages/notes.txt").open("w") as notes:
            while not done.wait(0.05):
                notes.write("x")
                notes.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        export(data, target)
    finally:
        done.set()
        writer.join()
    assert (target / "simple/demo/index.html").exists()


def test_a_pipe_in_the_copy_keeps_nobody_waiting(data: Path, target: Path) -> None:
    export(data, target)
    for path in ("simple/demo/index.json", "packages/demo-1.1.tar.gz", "index.html"):
        (target / path).unlink()
        os.mkfifo(target / path)
    export(data, target)
    assert (target / "index.html").is_file()
    assert digest(target / "packages/demo-1.1.tar.gz") == digest(data / "packages/demo-1.1.tar.gz")


def test_an_export_lies_in_no_other(data: Path, target: Path) -> None:
    (data / "repositories/team/packages").mkdir(parents=True)
    export(data, target)
    done = export(data, target / "simple/team", "--repository", "team", check=False)
    assert (done.returncode, f"lies in what an export made, {target}" in done.stderr) == (1, True)


def test_a_directory_that_cannot_be_is_said_in_one_line(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, said in (("file", "is no directory"), ("loop", "is no directory"), ("file/below", "expected")):
        done = export(data, tmp_path / name, check=False)
        assert (done.returncode, len(done.stderr.splitlines()), said in done.stderr) == (1, 1, True), done.stderr


def test_an_export_of_another_repository_is_not_replaced(data: Path, target: Path) -> None:
    make_wheel(data / "repositories/team/packages", "ours", "1.0")
    export(data, target)
    before = snapshot(target)
    done = export(data, target, "--repository", "team", check=False)
    assert (done.returncode, "has the export of another repository" in done.stderr) == (1, True)
    assert snapshot(target) == before


def test_a_policy_that_is_not_in_force_is_said(data: Path, target: Path) -> None:
    (data / "state").mkdir()
    (data / "state/larder.toml").write_text("# open\n")
    (data / "larder.toml").write_text(f"{CLOSED}upload = [\n")
    done = export(data, target)
    assert f"WARNING {data}/larder.toml, line 3" in done.stderr
    assert "what was in force stays" in done.stderr


def test_state_that_cannot_be_kept_is_said_with_what_helps(data: Path, target: Path, tmp_path: Path) -> None:
    (data / "state/.copies").mkdir(parents=True)
    os.chown(data / "state/.copies", 4321, 4321)
    done = export(data, target, check=False)
    assert (done.returncode, "LARDER_STATE names another place for it" in done.stderr) == (1, True), done.stderr


def test_a_page_that_cannot_be_made_is_said_also_when_it_may_be_over_soon(
    data: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_settings(options={"LARDER_DATA": ("--data", str(data))})
    own = settings.data.copied(settings.data.default, target)

    def fail(self: People, made: object) -> None:
        raise Passing("it cannot be read now")

    monkeypatch.setattr(People, "_publish_made", fail)
    with claimed(target, settings.data, "default") as claim:
        done = Exporting(own, settings, HERE, Mirror(own, claim, HERE, ""), lambda: "").run(watches=False)
    assert "it cannot be read now" in done.problems.values()


def test_a_catalogue_that_cannot_be_made_keeps_nobody_waiting(
    data: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(data, target)
    settings = read_settings(options={"LARDER_DATA": ("--data", str(data))})
    own = settings.data.copied(settings.data.default, target)
    publish = Site.publish

    def fail(self: Site, name: str, rendered: Rendered, now: float) -> bool:
        if name == "catalogue":
            raise OSError(errno.EPERM, "Operation not permitted")
        return publish(self, name, rendered, now)

    monkeypatch.setattr(Site, "publish", fail)
    make_wheel(data / "packages", "new", "1.0")
    with claimed(target, settings.data, "default") as claim:
        done = Exporting(own, settings, HERE, Mirror(own, claim, HERE, ""), lambda: "").run(watches=False)
    assert "Operation not permitted" in done.problems["catalogue"]
    assert (target / "simple/new/index.html").exists()


def test_no_page_names_a_file_that_could_not_be_copied(data: Path, target: Path) -> None:
    export(data, target)
    wheel = make_wheel(data / "packages", "demo", "2.0")
    (target / "packages" / wheel.name / "in-the-way").mkdir(parents=True)
    if subprocess.run(["chattr", "+i", str(target / "packages" / wheel.name)], check=False).returncode:
        pytest.skip("this file system has no immutable files")
    try:
        assert export(data, target, check=False).returncode == 1
        for page in ("simple/demo/index.html", "project/demo/index.html"):
            assert wheel.name not in (target / page).read_text()
    finally:
        subprocess.run(["chattr", "-i", str(target / "packages" / wheel.name)], check=True)


def test_a_mark_that_is_gone_is_put_back(data: Path, watched: Path) -> None:
    (watched / ".larder-export").unlink()
    wait_until((watched / ".larder-export").exists, 30)
