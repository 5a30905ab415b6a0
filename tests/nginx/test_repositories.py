"""Repositories beside the default one: as it is in everything, and each with its own people."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.data import Data
from tests.archives import make_sdist, make_wheel
from tests.nginx.users import add_user
from tests.running import PASSWORD, Larder, basic, form, running_in, wait_until

JSON = "application/vnd.pypi.simple.v1+json"
ANN = basic("ann@team.example", PASSWORD)
BOB = basic("bob", PASSWORD)


@pytest.fixture(scope="module")
def larder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Larder]:
    directory = tmp_path_factory.mktemp("repositories")
    with running_in(directory) as found:
        add_user(found, "SSHA", "ann@team.example")
        add_user(found, "bcrypt", "bob")
        yield found


def packages(larder: Larder, name: str) -> Path:
    return Data.at(larder.data, larder.data).repository(name).packages


def create(larder: Larder, name: str) -> Path:
    """Make its directory, as who runs Larder does, and wait until it is served."""
    directory, owner = packages(larder, name), larder.packages.stat()
    directory.mkdir(parents=True, exist_ok=True)
    os.chown(directory, owner.st_uid, owner.st_gid)
    wait_until(lambda: larder.get(f"/repositories/{name}/simple/").status in (200, 401), 1.0)
    return directory


def listed(larder: Larder, at: str) -> list[str]:
    """The projects of the repository at this address."""
    answer = larder.get(f"{at}/simple/", Accept=JSON)
    return [project["name"] for project in answer.json()["projects"]]


def test_a_directory_is_a_repository_within_a_second_and_no_more_when_it_is_gone(larder: Larder) -> None:
    larder.rule("# open\n")
    assert {larder.get(path).status for path in ("/repositories/made/simple/", "/repositories/made")} == {404}
    directory = create(larder, "made")
    make_wheel(directory, "demo", "1.0")
    wait_until(lambda: listed(larder, "/repositories/made") == ["demo"])
    assert listed(larder, "") == []
    (directory / "demo-1.0-py3-none-any.whl").rename(directory / ".away")
    wait_until(lambda: listed(larder, "/repositories/made") == [])
    shutil.rmtree(directory.parent)
    gone = ("/simple/", "/simple/demo/", "/packages/demo-1.0-py3-none-any.whl", "/", "/demo/json", "/nothing")
    wait_until(lambda: {larder.get(f"/repositories/made{path}").status for path in gone} == {404}, 1.0)
    wait_until(lambda: not list(larder.data.glob("site/*made*")) + list(larder.data.glob("state/*made*")))
    assert larder.get("/health").text == "ok\n"


def test_everything_is_there_as_in_the_default_repository(larder: Larder) -> None:
    larder.rule("# open\n")
    directory = create(larder, "same")
    for where in (larder.packages, directory):
        make_wheel(where, "both", "1.0")
        make_sdist(where, "both", "1.0")
    wait_until(lambda: [listed(larder, at) for at in ("", "/repositories/same")] == [["both"], ["both"]])
    for path in ("/simple/", "/simple/both/", "/packages/both-1.0-py3-none-any.whl.metadata", "/-/larder.css",
                 "/packages/both-1.0-py3-none-any.whl", "/packages/both-1.0.tar.gz", "/both/", "/both", "/simple/both",
                 "/simple", "/Both/", "/simple/bo.th/", "/nope/", "/nope/json", "/simple/nope/"):  # fmt: skip
        here, there = larder.get(path), larder.get(f"/repositories/same{path}")
        assert (there.status, there.body, there.headers.get("Location"), there.headers.get("Cache-Control")) == (
            here.status,
            here.body if "packages/both-1.0.tar.gz" not in path and ".whl" not in path else there.body,
            here.headers.get("Location"),
            here.headers.get("Cache-Control"),
        ), path
    for form_of in ("/both/json", "/Both/json", "/both==1.0/json"):
        document = larder.get(f"/repositories/same{form_of}").json()
        [url] = {entry["url"] for entries in document["releases"].values() for entry in entries}
        assert url == f"{larder.url}/repositories/same/upip/both-1.0.tar.gz", form_of
        assert larder.request("GET", url.removeprefix(larder.url)).status == 200
    page = larder.get("/repositories/same/").text
    assert f"pip install --index-url {larder.url}/repositories/same/simple/ " in page
    assert "HOST:…/data/repositories/same/packages/" in page
    assert larder.get("/repositories/same").headers.get("Location") == "same/"
    (directory / "both-1.0.tar.gz.yanked").write_text("broken")
    wait_until(lambda: 'data-yanked="broken"' in larder.get("/repositories/same/simple/both/").text)
    assert "data-yanked" not in larder.get("/simple/both/").text


def test_a_table_makes_a_repository_and_what_is_removed_stays_removed(larder: Larder, tmp_path: Path) -> None:
    larder.rule('[repositories.tabled]\nupload = ["ann@team.example"]\n')
    wait_until(lambda: larder.get("/repositories/tabled/simple/").status == 200, 1.0)
    wheel = make_wheel(tmp_path, "demo", "1.0")
    assert larder.upload(wheel, "/repositories/tabled/", BOB).status == 403
    assert larder.upload(wheel, "/repositories/tabled/", ANN).status == 200
    assert larder.get("/repositories/tabled/simple/demo/").status == 200
    shutil.rmtree(packages(larder, "tabled").parent)
    wait_until(lambda: larder.get("/repositories/tabled/simple/").status == 404, 1.0)
    assert larder.upload(wheel, "/repositories/tabled/", ANN).status == 404
    larder.rule("[repositories.tabled]\nupload = []\n")
    wait_until(lambda: larder.get("/repositories/tabled/simple/").status == 200, 1.0)
    larder.rule("# open\n")
    shutil.rmtree(packages(larder, "tabled").parent)


@pytest.mark.parametrize("path", ["", "/", "/simple/", "/legacy/", "/pypi", "/legacy"])
def test_uploads_go_to_every_address_of_a_repository_and_nowhere_else(
    larder: Larder, tmp_path: Path, path: str
) -> None:
    larder.rule("# open\n")
    create(larder, "sent")
    project = f"sent{'-'.join(re.findall('[a-z]+', path))}{len(path)}"
    wheel = make_wheel(tmp_path, project, "1.0")
    assert larder.upload(wheel, f"/repositories/sent{path}", ANN).status == 200
    found = [larder.get(f"{at}/simple/{project}/").status for at in ("/repositories/sent", "")]
    assert found == [200, 404]


@pytest.mark.parametrize(
    "name", ["nowhere", "No-Name", "..", "%2e%2e", "default", ".hidden", "a%2fb", "x" * 70, "larder.toml"]
)
def test_no_client_makes_a_repository(larder: Larder, tmp_path: Path, name: str) -> None:
    larder.rule("# open\n")
    wheel = make_wheel(tmp_path, "demo", "1.0")
    before, projects = sorted(path.name for path in larder.paths.named.iterdir()), listed(larder, "")
    assert larder.upload(wheel, f"/repositories/{name}/", ANN).status in (400, 404, 405)
    assert larder.get(f"/repositories/{name}/packages/x-1.0.tar.gz").status in (400, 404)
    assert sorted(path.name for path in larder.paths.named.iterdir()) == before
    assert listed(larder, "") == projects


def test_each_repository_has_its_own_people_and_its_files_are_no_others(larder: Larder, tmp_path: Path) -> None:
    create(larder, "anns")
    larder.rule('[repositories.anns]\ndownload = ["ann@team.example"]\nupload = ["ann@team.example"]\n')
    wheel = make_wheel(tmp_path, "secret", "1.0")
    assert larder.upload(wheel, "/repositories/anns/", BOB).status == 403
    assert larder.upload(wheel, "/repositories/anns/", ANN).status == 200
    paths = ("/", "/simple/", "/simple/secret/", "/secret/", "/secret/json", "/packages/secret-1.0-py3-none-any.whl")
    missing = ("/simple/nope/", "/nope/json", "/packages/nope-1.0.tar.gz", "/nope/", "/-/none")
    make_sdist(packages(larder, "anns"), "secret", "1.0")
    wait_until(lambda: larder.get("/repositories/anns/secret/json", **ANN).status == 200)
    for path in (
        "board/secret/latest.json",
        "board/secret/1.0.json",
        "counts",
        "repositories",
        "may-read",
        "admit",
        "change",
    ):
        answers = [larder.get(f"/repositories/anns/.{path}", **login) for login in ({}, BOB, ANN)]
        assert [(answer.status, b"secret" in answer.body) for answer in answers] == [(404, False)] * 3, path
    for _ in range(2):
        for path in (*paths, *missing):
            at = f"/repositories/anns{path}"
            assert (larder.get(at).status, larder.get(at, **BOB).status) == (401, 403), path
            assert larder.get(at, **ANN).status == (404 if path in missing else
                                                    302 if path == "/secret/" else 200), path  # fmt: skip
    file = "packages/secret-1.0-py3-none-any.whl"
    for way in ("", "repositories/anns/../../", "repositories/same/repositories/anns/"):
        assert larder.get(f"/{way}{file}").status == 404
    with larder.without("indexer", "uploader"):
        assert larder.get("/repositories/anns/simple/secret/", **ANN).status == 200
        assert larder.get("/repositories/anns/simple/secret/").status == 401
    shutil.rmtree(packages(larder, "anns").parent)


def test_what_a_table_leaves_out_is_as_in_the_default_repository_so_none_is_open_by_accident(larder: Larder) -> None:
    larder.rule('[repositories.default]\ndownload = ["authenticated"]\n')
    create(larder, "beside")
    assert larder.get("/repositories/beside/simple/").status == 401
    wait_until(lambda: larder.get("/repositories/beside/simple/", **BOB).status == 200, 1.0)
    larder.rule('[repositories.default]\ndownload = ["authenticated"]\n[repositories.beside]\ndownload = ["anonymous"]')
    wait_until(lambda: larder.get("/repositories/beside/simple/").status == 200, 1.0)
    assert larder.get("/simple/").status == 401
    shutil.rmtree(packages(larder, "beside").parent)


def choice(larder: Larder, at: str, **login: str) -> dict[str, str]:
    """Repository → the link to it, as the page for people offers them."""
    section = larder.get(at, **login).text.partition('<section id="repositories">')[2].partition("</section>")[0]
    return {name: link for link, name in re.findall('<a href="([^"]*)">([^<]*)</a>', section)}


def test_the_page_for_people_lists_what_its_reader_may_read(larder: Larder) -> None:
    for name in ("shown", "hidden"):
        create(larder, name)
    larder.rule('[repositories.hidden]\ndownload = ["ann@team.example"]\n')
    wait_until(lambda: larder.get("/repositories/hidden/").status == 401)
    assert choice(larder, "/")["shown"] == "repositories/shown/"
    assert choice(larder, "/repositories/shown/")["default"] == "../../"
    assert choice(larder, "/repositories/shown/")["shown"] == "./"
    assert "hidden" not in {**choice(larder, "/"), **choice(larder, "/", **BOB)}
    said = len(larder.log)
    assert "hidden" not in choice(larder, "/", **basic("ann@team.example", "wrong"))
    assert "refused GET '/' from 127.0.0.1 user 'ann@team.example' file -: 401 wrong" in larder.log[said:]
    assert choice(larder, "/", **ANN)["hidden"] == "repositories/hidden/"
    assert choice(larder, "/repositories/hidden/", **ANN)["shown"] == "../shown/"
    with larder.without("uploader"):
        assert larder.get("/").status == 200
    for name in ("shown", "hidden"):
        shutil.rmtree(packages(larder, name).parent)


def test_a_repository_removed_while_stopped_has_no_pages_afterwards(larder: Larder) -> None:
    larder.rule("# open\n")
    make_wheel(create(larder, "gone"), "demo", "1.0")
    wait_until(lambda: listed(larder, "/repositories/gone") == ["demo"])
    larder.stop()
    shutil.rmtree(packages(larder, "gone").parent)
    larder.start()
    assert larder.get("/repositories/gone/simple/demo/").status == 404
    wait_until(lambda: not list(larder.data.glob("site/*gone*")) + list(larder.data.glob("state/*gone*")))


@pytest.mark.parametrize(
    "path",
    ["/", "/simple/", "/repositories/", "/repositories/one/", "/repositories/one/simple/", "/repositories/o-n.e_1/",
     "/repositories/One/", "/repositories/one/repositories/two/", "/repositories/default/", "/x/repositories/one/",
     "/repositories/.one/", "/repositories/one./", "/repositories/" + "x" * 64 + "/", "/repositories/%6fne/"],
)  # fmt: skip
def test_nginx_and_python_find_the_same_repository(larder: Larder, path: str) -> None:
    """Told by the page for people, which says where it is, or by there being none."""
    from urllib.parse import unquote

    larder.rule("# open\n")
    for name in ("one", "two", "o-n.e_1", "x" * 64):
        create(larder, name)
    wait_until(lambda: all(larder.get(f"/repositories/{name}/").status == 200 for name in ("one", "two", "x" * 64)))
    data: Data = larder.paths
    repository, rest = data.find(unquote(path))
    wheel_form = json.dumps({})
    answer = larder.request("POST", path, wheel_form.encode(), {"Content-Type": "application/json"})
    there = data.exists(repository) and re.fullmatch("/+(simple/)?", rest)
    assert (answer.status == 415) is bool(there), answer.reason
    page = larder.get(path)
    if rest == "/" and data.exists(repository):
        assert f"/data/{repository.address}packages/" in page.text.replace("HOST:…", "")
    elif not there:
        assert page.status == 404


def test_a_restart_reads_nothing_anew_in_any_repository(larder: Larder) -> None:
    larder.rule("# open\n")
    make_wheel(create(larder, "kept"), "demo", "1.0")
    wait_until(lambda: listed(larder, "/repositories/kept") == ["demo"])
    wait_until(lambda: larder.get("/health").status == 200)
    site = larder.data / "site/kept/projects/demo"
    before, said = site.stat().st_ino, len(larder.log)
    larder.stop()
    larder.start()
    assert larder.get("/repositories/kept/simple/demo/").status == 200
    assert site.stat().st_ino == before
    assert "is gone" not in larder.log[said:]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what the programs may not look into")
def test_one_that_cannot_be_looked_into_stops_no_other(larder: Larder, tmp_path: Path) -> None:
    create(larder, "fine")
    larder.rule("# open\n")
    locked = packages(larder, "locked")
    locked.mkdir(parents=True)
    locked.parent.chmod(0o700)
    try:
        wait_until(lambda: "locked" in larder.get("/health").text)
        assert larder.upload(make_wheel(tmp_path, "fine", "1.0"), "/repositories/fine/", ANN).status == 200
        larder.rule('[repositories.default]\ndownload = ["ann@team.example"]\n')
        wait_until(lambda: larder.get("/simple/", **ANN).status == 200)
        users = (larder.data / "auth/.htpasswd").read_text()
        (larder.data / "auth/.htpasswd").write_text("".join(line for line in users.splitlines(True) if "bob" in line))
        wait_until(lambda: larder.get("/simple/", **ANN).status == 401, 2.0)
        (larder.data / "auth/.htpasswd").write_text(users)
        larder.stop()
        larder.start(healthy=False)
        wait_until(lambda: larder.get("/simple/", **ANN).status == 200)
    finally:
        shutil.rmtree(locked.parent)
    larder.rule("# open\n")
    wait_until(lambda: larder.get("/health").status == 200)


def test_no_page_of_another_site_changes_anything(larder: Larder, tmp_path: Path) -> None:
    larder.rule("# open\n")
    wheel = make_wheel(tmp_path, "forged", "1.0")
    body, headers = form(wheel)
    answer = larder.request("POST", "/", body, {**headers, **ANN, "Origin": "http://other.example"})
    assert (answer.status, "may change nothing here" in answer.text) == (403, True)
    assert larder.get("/simple/forged/").status == 404


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes what is not the programs'")
def test_what_root_makes_while_it_runs_is_handed_over(larder: Larder, tmp_path: Path) -> None:
    larder.rule("# open\n")
    directory = packages(larder, "roots")
    directory.mkdir(parents=True)
    wheel = make_wheel(tmp_path, "roots", "1.0")
    wait_until(lambda: larder.upload(wheel, "/repositories/roots/", ANN).status == 200)
    assert directory.stat().st_uid == larder.packages.stat().st_uid
    outside = tmp_path / "outside"
    (outside / "packages").mkdir(parents=True)
    (larder.paths.named / "link").symlink_to(outside)
    wait_until(lambda: larder.get("/repositories/link/simple/").status in (200, 404))
    packages(larder, "roots2").mkdir(parents=True)
    wait_until(lambda: packages(larder, "roots2").stat().st_uid == larder.packages.stat().st_uid)
    assert (outside / "packages").stat().st_uid == 0
    (larder.paths.named / "link").unlink()


def test_what_is_misplaced_beside_a_closed_repository_is_said_there_alone(larder: Larder) -> None:
    larder.rule('[repositories.shut]\ndownload = ["bob"]\n')
    wait_until(packages(larder, "shut").exists)
    wait_until(lambda: larder.get("/repositories/shut/").status == 401)
    make_wheel(packages(larder, "shut").parent, "secret", "1.0")
    wait_until(lambda: "secret-1.0" in larder.get("/repositories/shut/", **BOB).text)
    assert "expected in <code>data/repositories/shut/packages/</code>" in larder.get("/repositories/shut/", **BOB).text
    assert "secret" not in larder.get("/").text
    assert "secret" not in larder.get("/health").text
    shutil.rmtree(packages(larder, "shut").parent)


def test_the_page_of_a_repository_has_its_own_address_everywhere(larder: Larder) -> None:
    create(larder, "mine")
    larder.rule('[repositories.default]\ndownload = ["authenticated"]\n')
    wait_until(lambda: "YOUR-PASSWORD@" in larder.get("/repositories/mine/", **BOB).text)
    page = larder.get("/repositories/mine/", **BOB).text
    found = re.findall(r"https?://[^<\s\"]*/simple/", page)
    assert found
    assert all(each.endswith("/repositories/mine/simple/") for each in found)


def test_an_index_without_anything_has_a_time_as_well(larder: Larder) -> None:
    larder.rule("# open\n")
    create(larder, "empty")
    wait_until(lambda: larder.get("/repositories/empty/index_mtime/").status == 200)
    assert int(larder.get("/repositories/empty/index_mtime/").text) > 1_700_000_000
