"""Distributions and what lies beside them, as nginx serves them."""

import re

import pytest

from store.names import PARTIAL_SUFFIXES, is_ignored
from tests.archives import make_wheel
from tests.nginx.alone import Site
from tests.running import HERE

WHEEL = "Demo-1.0-py3-none-any.whl"
NAMES = ["x-1.0.tar.gz", "x.part", "x.tmp", "x.filepart", "x.swp", "x~", ".x", "x.part.asc", "part", "x-part", "xpart",
         "x.PART", ".part", "x.tmp.tar.gz", "~x", "x~1", "x.swp.gz"]  # fmt: skip


@pytest.fixture(scope="module")
def site(shared_site: Site) -> Site:
    make_wheel(shared_site.packages, "Demo", "1.0")
    shared_site.render()
    return shared_site


def test_files_can_be_asked_for_in_parts(site: Site) -> None:
    content = (site.packages / WHEEL).read_bytes()
    path = f"/packages/{WHEEL}"
    head = site.request("HEAD", path)
    assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(content)), b"")
    assert head.headers["Accept-Ranges"] == "bytes"
    middle, tail = site.get(path, Range="bytes=10-19"), site.get(path, Range="bytes=-100")
    assert (middle.status, middle.body) == (206, content[10:20])
    assert (tail.status, tail.body) == (206, content[-100:])
    rest = site.get(path, Range="bytes=50-", If_Range=head.headers["ETag"])
    assert (rest.status, rest.body) == (206, content[50:])
    assert site.get(path, Range="bytes=999999-").status == 416
    assert "Content-Encoding" not in site.get(path, Accept_Encoding="gzip, deflate").headers


def test_a_file_may_be_kept_for_ever_where_overwriting_is_off(site: Site) -> None:
    assert "immutable" in site.get(f"/packages/{WHEEL}").headers["Cache-Control"]
    assert site.get(f"/packages/{WHEEL}.metadata").headers["Cache-Control"] == "no-cache"
    site.allow("anonymous", overwrite=True)
    assert site.get(f"/packages/{WHEEL}").headers["Cache-Control"] == "no-cache"
    site.allow("anonymous")
    assert "immutable" in site.get(f"/packages/{WHEEL}").headers["Cache-Control"]


@pytest.mark.parametrize("path", [*NAMES, *(f"directories/{name}/y" for name in NAMES)])
def test_what_is_ignored_is_not_served_and_all_else_is(site: Site, path: str) -> None:
    file = site.packages / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x")
    status = 404 if any(map(is_ignored, path.split("/"))) else 200
    assert site.get(f"/packages/{path}").status == status


def test_marks_are_for_the_indexer_alone_and_signatures_for_all(site: Site) -> None:
    for suffix, status in ((".yanked", 404), (".asc", 200)):
        (site.packages / f"{WHEEL}{suffix}").write_bytes(b"x")
        assert site.get(f"/packages/{WHEEL}{suffix}").status == status


def test_nginx_knows_the_suffixes_that_store_knows() -> None:
    text = (HERE / "nginx/nginx.conf").read_text()
    found = re.search(r"""location ~ "\(\?:/\\\.\|\(\?:(.*?)\)\(\?:/\|\$\)""", text)
    assert found is not None
    assert tuple(found[1].replace("\\", "").split("|")) == PARTIAL_SUFFIXES
