"""The document that upip asks for, as nginx hands it out: from disk, with the address the board came by."""

import re

import pytest

from tests.archives import make_board_sdist, make_sdist, make_wheel
from tests.nginx.alone import Site, lead
from tests.nginx.board import ask, document, latest, parse, talk
from tests.running import place_of

NAME = "my-micropython-package"


@pytest.fixture(scope="module")
def site(shared_site: Site) -> Site:
    """With `my-micropython-package` at one version, of a pre-release and a local part, and some others."""
    packages = shared_site.packages
    make_board_sdist(packages, NAME, "0.2.0rc99+dev42", {"board_module.py": b""})
    for version in ("1.0", "1.1", "1.2-rc1", "1.10.0", "2.0.dev3"):
        make_board_sdist(packages, "many", version, {"many.py": f"version = {version!r}\n".encode()})
    for version in ("0.1.0-rc9", "0.1.0rc10"):
        make_board_sdist(packages, "early", version, {})
    make_board_sdist(packages, "epochal", "1!2.0", {"epochal.py": b""})
    for suffix in (".zip", ".tar.gz", ".tar.bz2", ".tar"):
        make_sdist(packages, "crowd", "1.0", suffix)
    make_wheel(packages, "crowd", "1.0")
    make_wheel(packages, "crowd", "3.0")
    make_wheel(packages, "Wheel.Only", "1.0")
    make_sdist(packages, "Wheel.Only", "2.0", ".zip")
    shared_site.reply = lead
    shared_site.render()
    return shared_site


def test_the_answer_is_one_that_upip_can_read(site: Site) -> None:
    request = f"GET /{NAME}/json HTTP/1.0\r\nHost: 192.168.1.5:8089\r\n\r\n"
    answer = talk(site, request.encode())
    assert re.match(rb"HTTP/1\.[01] 200 OK\r\n", answer)
    headers = parse(answer).headers
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Connection"] == "close"
    assert headers["Transfer-Encoding"] is None
    assert headers["Content-Encoding"] is None
    url = f"http://192.168.1.5:8089/upip/{NAME}-0.2.0rc99%2Bdev42.tar.gz"
    assert parse(answer).json() == {
        "info": {"version": "0.2.0rc99+dev42"},
        "releases": {"0.2.0rc99+dev42": [{"url": url}]},
    }
    assert len(parse(answer).body) < 250


def test_the_document_is_plain_even_for_who_takes_it_compressed(site: Site) -> None:
    answer = ask(site, f"/{NAME}/json", "Host: h:1", "Accept-Encoding: gzip, br")
    assert answer.headers["Content-Encoding"] is None
    assert answer.json()["info"]["version"] == "0.2.0rc99+dev42"


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        (["Host: pypi.lan:8089"], "http://pypi.lan:8089"),
        (["Host: pypi.lan"], "http://pypi.lan:80"),
        (["Host: PyPI_2.lan:443"], "http://PyPI_2.lan:443"),
        (["Host: [::1]:8089"], "http://[::1]:8089"),
        (["Host: [::1]"], "http://[::1]:80"),
        (["Host: pypi.lan", "X-Forwarded-Proto: https"], "https://pypi.lan:443"),
        (["Host: pypi.lan:8443", "X-Forwarded-Proto: https"], "https://pypi.lan:8443"),
        (["Host: pypi.lan", "X-Forwarded-Proto: http"], "http://pypi.lan:80"),
        (["Host: pypi.lan", "X-Forwarded-Proto: gopher"], "http://pypi.lan:80"),
        (["Host: pypi.lan", "X-Forwarded-Prefix: /python/index/"], "http://pypi.lan:80/python/index"),
    ],
)
def test_addresses_are_those_the_board_came_by_with_the_port_spelt_out(
    site: Site, headers: list[str], origin: str
) -> None:
    (files,) = document(site, f"/{NAME}/json", *headers)["releases"].values()
    assert [entry["url"] for entry in files] == [f"{origin}/upip/{NAME}-0.2.0rc99%2Bdev42.tar.gz"]


@pytest.mark.parametrize(
    "header",
    [
        'Host: a"b<c>',
        "Host: user:secret@pypi.lan:80",
        "Host: pypi.lan:80:90",
        "Host: <!--#echo var=request_uri -->",
        "Host: pypi.lan#",
        'X-Forwarded-Proto: https","x":"',
        'X-Forwarded-Prefix: /a"b',
        "X-Forwarded-Prefix: /../..//evil",
    ],
)
def test_a_hostile_header_never_lands_in_the_document(site: Site, header: str) -> None:
    headers = [header] if header.startswith("Host") else [f"Host: 127.0.0.1:{site.port}", header]
    answer = ask(site, f"/{NAME}/json", *headers)
    if answer.status == 400:  # nginx takes some for no host at all
        assert header.partition(": ")[2] not in answer.text
        return
    ((entry,),) = answer.json()["releases"].values()
    assert entry == {"url": f"{site.url}/upip/{NAME}-0.2.0rc99%2Bdev42.tar.gz"}


def test_without_a_host_the_address_is_the_one_it_came_to(site: Site) -> None:
    ((entry,),) = document(site, f"/{NAME}/json", "Accept: */*")["releases"].values()
    assert entry["url"].startswith(f"{site.url}/upip/")


def test_one_sdist_is_offered_where_there_are_many_files(site: Site) -> None:
    url = f"{site.url}/upip/crowd-1.0.tar.gz"
    assert document(site, "/crowd/json") == {"info": {"version": "1.0"}, "releases": {"1.0": [{"url": url}]}}
    assert site.get(place_of(url)).body == (site.packages / "crowd-1.0.tar.gz").read_bytes()


def test_the_latest_is_the_newest_final_release_else_the_newest_before_one(site: Site) -> None:
    assert latest(site, "/many/json") == "1.10.0"
    assert list(document(site, "/many/json")["releases"]) == ["1.0", "1.1", "1.2rc1", "1.10.0", "2.0.dev3"]
    assert latest(site, "/early/json") == "0.1.0rc10"


@pytest.mark.parametrize(
    "asked",
    [
        "many",
        "many>=1.0",
        "many%3E%3D1.0",
        "many>1,<2",
        "many~=1.0",
        "many!=1.1",
        "many[extra]>=1",
        "many%20>=1",
        "Many",
        "MANY>=1.0",
        "many;python_version=='3.4'",
    ],
)
@pytest.mark.parametrize("before", ["/", "//"])
def test_a_requirement_in_the_path_means_the_project(site: Site, before: str, asked: str) -> None:
    answer = ask(site, f"{before}{asked}/json")
    assert (answer.status, answer.body) == (200, ask(site, "/many/json").body)


@pytest.mark.parametrize(
    "asked",
    [NAME, "My_MicroPython.Package", "MY--micropython__package", "my.micropython.package>=0.1", f"{NAME}/"],
)
def test_names_as_typed_get_the_document_itself(site: Site, asked: str) -> None:
    answer = ask(site, f"/{asked}/json")
    assert (answer.status, answer.body) == (200, ask(site, f"/{NAME}/json").body)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Transfer-Encoding"] is None


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        ("many==1.1", "1.1"),
        ("many==1.1.0", "1.1"),
        ("many==1.10", "1.10.0"),
        ("many==1.10.0", "1.10.0"),
        ("many==v1.1", "1.1"),
        ("many===1.1", "1.1"),
        ("many[extra]==1.1", "1.1"),
        ("many==1.1;python_version=='3.4'", "1.1"),
        ("many==1.2-rc1", "1.2rc1"),
        ("many==1.2.RC-1", "1.2rc1"),
        ("many==1.2rc1", "1.2rc1"),
        ("many%3D%3D1.1", "1.1"),
        ("Many==1.1", "1.1"),
        ("Many==2.0-dev3", "2.0.dev3"),
        ("early==0.1.0-rc9", "0.1.0rc9"),
        (f"{NAME}==0.2.0rc99+dev42", "0.2.0rc99+dev42"),
        (f"{NAME}==0.2.0-rc99+dev42", "0.2.0rc99+dev42"),
        (f"{NAME}==0.2.0rc99%2Bdev42", "0.2.0rc99+dev42"),
        ("My_MicroPython.Package==0.2rc99+DEV-42", None),
        ("My_MicroPython.Package==0.2rc99+DEV42", "0.2.0rc99+dev42"),
        ("many==1.3", None),
        ("Many==1.3", None),
        ("many==1.*", None),
        ("many==latest", None),
        ("Many==latest", None),
        ("many==../latest", None),
        ("many==", None),
    ],
)
def test_a_version_in_the_path_means_that_version_alone(site: Site, asked: str, version: str | None) -> None:
    found = document(site, f"/{asked}/json")
    assert (found["info"]["version"], list(found["releases"])) == (version, [version] if version else [])


def test_a_version_with_an_epoch_can_be_asked_for(site: Site) -> None:
    for asked in ("epochal==1!2.0", "epochal==1!2", "Epochal==1!2.0.0", "epochal==1%212.0"):
        assert latest(site, f"/{asked}/json") == "1!2.0"


@pytest.mark.parametrize(
    "path",
    [
        "/unknown/json",
        "/Unknown/json",
        "/unknown==1.0/json",
        "/unknown>=1.0/json",
        "//json",
        "/[extra]/json",
        "/boards/many/latest.json",
        "/.board/many/latest.json",
        "/many/json/",
        "/../many/json",
    ],
)
def test_what_is_not_there_is_404(site: Site, path: str) -> None:
    answer = ask(site, path)
    assert answer.status in ((404, 400) if ".." in path else (404,))
    assert answer.reason  # upip wants three words


def test_a_project_without_an_archive_for_boards_is_404(site: Site) -> None:
    assert len(site.detail("wheel-only")) == 2
    for path in ("/wheel-only/json", "/Wheel.Only/json", "/wheel-only==1.0/json", "/wheel-only==2.0/json"):
        assert ask(site, path).status == 404
