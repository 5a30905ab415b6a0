"""The page for people: what it tells them to type, and how nginx fills it in."""

import http.client
import re

import pytest

from store import VERSION
from tests.archives import make_wheel
from tests.nginx.alone import Site

TRUST = "--trusted-host"


@pytest.fixture(scope="module")
def site(shared_site: Site) -> Site:
    make_wheel(shared_site.packages, "Demo", "1.0")
    shared_site.render(is_private=True)
    return shared_site


def test_the_page_tells_a_person_what_to_type(site: Site) -> None:
    page = site.get("/", Host="larder.lan:8089").text
    assert "pip install --index-url http://larder.lan:8089/simple/ --trusted-host larder.lan NAME" in page
    assert "[global]\nindex-url = http://larder.lan:8089/simple/\ntrusted-host = larder.lan\n" in page
    assert "uv pip install --index-url http://larder.lan:8089/simple/ NAME" in page
    assert 'url = "http://larder.lan:8089/simple/"' in page
    assert "twine upload --repository-url http://larder.lan:8089/ dist/*" in page
    assert "repository = http://larder.lan:8089/\n" in page
    assert "machine larder.lan\n" in page
    assert '<a href="project/demo/">demo</a>' in page
    assert f"Larder {VERSION}" in page
    assert "<!--#" not in page


def test_the_page_speaks_of_the_address_the_reader_came_by(site: Site) -> None:
    assert "https://larder.lan/simple/" in site.get("/", Host="larder.lan", X_Forwarded_Proto="https").text
    page = site.get("/", Host="lan", X_Forwarded_Prefix="/python").text
    assert "http://lan/python/simple/" in page
    assert "http://YOUR-NAME:YOUR-PASSWORD@lan/python/simple/" in page


@pytest.mark.parametrize(
    ("host", "proto", "trusted"),
    [
        ("larder.lan", "http", "larder.lan"),
        ("larder.lan:8089", "http", "larder.lan"),
        ("192.168.1.5:8089", "http", "192.168.1.5"),
        ("[fd00::1]:8089", "http", "[fd00::1]"),
        ("localhost.lan", "http", "localhost.lan"),
        ("127.example", "http", "127.example"),
        ("larder.lan", "https", None),
        ("larder.lan:8443", "https", None),
        ("localhost:8089", "http", None),
        ("LOCALHOST", "http", None),
        ("127.0.0.1:8089", "http", None),
        ("127.1.2.3", "http", None),
        ("[::1]:8089", "http", None),
    ],
)
def test_pip_is_told_to_trust_only_where_it_would_not_come_otherwise(
    site: Site, host: str, proto: str, trusted: str | None
) -> None:
    page = site.get("/", Host=host, X_Forwarded_Proto=proto).text
    assert re.findall("--trusted-host (.*?) NAME", page) == ([trusted] if trusted else [])
    assert re.findall("trusted-host = (.*)\n", page) == ([trusted] if trusted else [])


def test_the_page_counts(site: Site) -> None:
    assert re.findall(r"<b>(.*?)</b>", site.get("/").text)[:2] == ["1", "1"]


def test_a_hostile_host_is_not_repeated(site: Site) -> None:
    for host in ('a"b', "<script>alert(1)</script>", "a'b", "x y"):
        connection = http.client.HTTPConnection("127.0.0.1", site.port)
        connection.putrequest("GET", "/", skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        response = connection.getresponse()
        assert response.status == 400 or host not in response.read().decode()
        connection.close()


def test_nginx_takes_no_orders_from_what_the_page_shows(site: Site) -> None:
    order = '<!--# echo var="authority" -->'
    site.render(rejected=((order, order),), misplaced=(order,), policy_problem=order)
    page = site.get("/", Host="sesame.lan").text
    assert page.count("&lt;!--# echo var=") == 4
    assert "lies in <code>data/" in page
